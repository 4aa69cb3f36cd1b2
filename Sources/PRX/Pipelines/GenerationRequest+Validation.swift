extension GenerationRequest {
    /// Largest side of an image, in pixels.
    public static let maximumSide = 8192

    /// Refuses what no pipeline can make.
    /// - Parameters:
    ///   - multiple: What both sides must be a multiple of, unless they are binned.
    ///   - bins: The sizes the model was trained on, if there is a table.
    /// - Returns: The size to generate at.
    /// - Throws: ``PRXError`` `.badRequest`, naming the nearest sizes that do.
    func validated(multipleOf multiple: Int, bins: ResolutionBins?) throws(PRXError) -> ImageSize {
        guard (1...1000).contains(steps) else { throw PRXError(.badRequest, "steps is \(steps), expected 1 to 1000") }
        guard guidance >= 1, guidance <= 1000 else {
            throw PRXError(.badRequest, "guidance is \(guidance), expected 1 (off) to 1000")
        }
        guard (1...64).contains(imageCount) else {
            throw PRXError(.badRequest, "images is \(imageCount), expected 1 to 64")
        }
        try shortcuts.validate()
        for (name, side) in [("width", width), ("height", height)] {
            guard side >= 1, side <= Self.maximumSide else {
                throw PRXError(.badRequest, "\(name) is \(side), expected \(multiple) to \(Self.maximumSide)")
            }
            let isBinned = usesResolutionBinning && bins != nil
            guard isBinned || side % multiple == 0 else {
                let lower = side / multiple * multiple
                let nearest = lower == 0 ? "\(multiple)" : "\(lower) or \(lower + multiple)"
                throw PRXError(.badRequest, "\(name) \(side) is no multiple of \(multiple): the nearest is \(nearest)")
            }
        }
        if usesResolutionBinning, let bins { return bins.nearest(height: height, width: width) }
        return ImageSize(height: height, width: width)
    }
}
