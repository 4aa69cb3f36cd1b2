/// The attention of some queries of one head, on vectors.
struct VectorAttention: AttentionBlock {
    /// Queries of a tile: six panels of sixteen, so that a stretch of keys that has come into the second-level cache serves
    /// them all.
    static let blockQueries = 96
    private static let lanes = PanelKernel.columns
    private static let panels = blockQueries / lanes
    /// Stands for a score that is not seen. Finite, so that differences are numbers.
    private static let hidden: Float = -1e38

    let attention: Attention
    let keys: VectorKeys
    let head: Int
    let rows: Range<Int>

    /// Floats that ``compute(_:_:scratch:)`` works with: per panel its queries, its outputs, maxima and sums; one stretch of
    /// scores; the result.
    static func scratchCount(headWidth: Int) -> Int {
        panels * panelFloats(headWidth) + VectorKeys.stretch * lanes + blockQueries * headWidth + 8 * headWidth
    }

    private static func panelFloats(_ headWidth: Int) -> Int {
        let padded = (headWidth + PanelKernel.rows - 1) / PanelKernel.rows * PanelKernel.rows
        return (headWidth + padded + 2) * lanes
    }

    private var width: Int { attention.headWidth }
    private var columnPanels: Int { VectorKeys.columnPanels(width) }

    func compute(
        _ q: UnsafePointer<Float>, _ stride: Int, scratch: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float> {
        let lanes = Self.lanes
        let panelFloats = Self.panelFloats(width)
        let panelCount = (rows.count + lanes - 1) / lanes
        let scores = scratch + Self.panels * panelFloats
        let result = scores + VectorKeys.stretch * lanes
        for panel in 0..<panelCount {
            let first = rows.lowerBound + panel * lanes
            pack(
                q + first * stride, stride, count: min(lanes, rows.upperBound - first),
                into: scratch + panel * panelFloats)
        }
        let keyHead = head / (attention.heads / attention.keyHeads)
        for stretch in 0..<keys.layout.stretches {
            let range = keys.layout.keys(of: stretch)
            for panel in 0..<panelCount {
                let memory = scratch + panel * panelFloats
                let first = rows.lowerBound + panel * lanes
                guard sees(range, from: first) else { continue }
                score(keyHead, stretch, range.count, memory, into: scores)
                weigh(scores, range, first: first, memory)
                let outputs = memory + width * lanes
                let values = keys.values(head: keyHead, stretch: stretch)
                for column in 0..<columnPanels {
                    PanelKernel.multiply(
                        range.count, values + column * range.count * PanelKernel.rows, scores,
                        into: outputs + column * PanelKernel.rows * lanes, stride: lanes, accumulates: true,
                        next: scores, nextLines: 0)
                }
            }
        }
        for panel in 0..<panelCount {
            finish(scratch + panel * panelFloats, into: result + panel * lanes * width)
        }
        return UnsafePointer(result)
    }

    /// `[headWidth, 16]`, scaled; then zeros for the outputs, hidden maxima and zero sums.
    private func pack(
        _ q: UnsafePointer<Float>, _ stride: Int, count: Int, into memory: UnsafeMutablePointer<Float>
    ) {
        let lanes = Self.lanes
        let outputs = memory + width * lanes
        memory.update(repeating: 0, count: Self.panelFloats(width))
        (outputs + columnPanels * PanelKernel.rows * lanes).update(repeating: Self.hidden, count: lanes)
        for query in 0..<count {
            let source = q + query * stride
            for column in 0..<width { memory[column * lanes + query] = source[column] * attention.scale }
        }
    }

    private func score(
        _ keyHead: Int, _ stretch: Int, _ count: Int, _ memory: UnsafePointer<Float>,
        into scores: UnsafeMutablePointer<Float>
    ) {
        let packed = keys.keys(head: keyHead, stretch: stretch)
        let six = PanelKernel.rows
        for panel in 0..<((count + six - 1) / six) {
            PanelKernel.multiply(
                width, packed + panel * six * width, memory, into: scores + panel * six * Self.lanes,
                stride: Self.lanes, accumulates: false, next: memory, nextLines: 0)
        }
        if let softCap = attention.softCap { Kernels.softCap(scores, cap: softCap, count: count * Self.lanes) }
    }

    /// Whether any of sixteen queries sees any of the keys.
    private func sees(_ range: Range<Int>, from first: Int) -> Bool {
        if let offset = attention.causalOffset { return range.lowerBound <= first + Self.lanes - 1 + offset }
        guard let window = attention.window else { return true }
        return range.lowerBound <= first + Self.lanes - 1 + window && range.upperBound > first - window
    }

    /// Scores into weights relative to the largest so far; what was summed up relative to a smaller one is scaled down.
    private func weigh(
        _ scores: UnsafeMutablePointer<Float>, _ range: Range<Int>, first: Int, _ memory: UnsafeMutablePointer<Float>
    ) {
        typealias Lanes = SIMD8<Float>
        let lanes = Self.lanes
        let outputs = memory + width * lanes
        let maxima = outputs + columnPanels * PanelKernel.rows * lanes
        for half in 0..<2 {
            let line = scores + half * 8
            let limits = limits(of: first + half * 8, range)
            let before = Lanes.load(maxima + half * 8)
            var highest = before
            for key in 0..<range.count {
                var score = Lanes.load(line + key * lanes)
                if let limits {
                    score.replace(with: Self.hidden, where: limits.hides(range.lowerBound + key))
                    score.store(line + key * lanes)
                }
                highest = highest.larger(score)
            }
            var sum = Lanes()
            for key in 0..<range.count {
                var weight = Lanes.exponential(Lanes.load(line + key * lanes) - highest)
                if let limits { weight.replace(with: 0, where: limits.hides(range.lowerBound + key)) }
                weight.store(line + key * lanes)
                sum += weight
            }
            let shrink = Lanes.exponential(before - highest)
            highest.store(maxima + half * 8)
            let sums = maxima + lanes + half * 8
            Lanes.load(sums).fusedMultiplyAdd(shrink, sum).store(sums)
            if any(before .!= highest) {
                for column in 0..<width {
                    let place = outputs + column * lanes + half * 8
                    (Lanes.load(place) * shrink).store(place)
                }
            }
        }
    }

    /// The first key that each of eight queries sees, and the one behind its last.
    private struct Limits {
        var first: SIMD8<Int32>
        var end: SIMD8<Int32>

        @inline(__always)
        func hides(_ key: Int) -> SIMDMask<SIMD8<Int32>> {
            let key = SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: key))
            return (key .< first) .| (key .>= end)
        }
    }

    /// nil when all eight queries see all keys of the range.
    private func limits(of query: Int, _ range: Range<Int>) -> Limits? {
        guard attention.causalOffset != nil || attention.window != nil else { return nil }
        var limits = Limits(first: SIMD8(), end: SIMD8())
        var seesAll = true
        for lane in 0..<8 {
            let (first, end): (Int, Int)
            if let offset = attention.causalOffset {
                (first, end) = (0, query + lane + 1 + offset)
            } else {
                let window = attention.window ?? 0
                (first, end) = (query + lane - window, query + lane + window + 1)
            }
            limits.first[lane] = Int32(clamping: first)
            limits.end[lane] = Int32(clamping: end)
            seesAll = seesAll && first <= range.lowerBound && end >= range.upperBound
        }
        return seesAll ? nil : limits
    }

    /// Divides the outputs by the sums, and turns them: `[16, headWidth]`.
    private func finish(_ memory: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>) {
        let lanes = Self.lanes
        let outputs = memory + width * lanes
        let sums = outputs + (columnPanels * PanelKernel.rows + 1) * lanes
        for half in 0..<2 {
            let sum = SIMD8<Float>.load(sums + half * 8)
            var inverse = 1 / sum
            inverse.replace(with: 0, where: sum .<= 0)
            var column = 0
            while column + 8 <= width {
                EightRows { SIMD8.load(outputs + (column + $0) * lanes + half * 8) * inverse }
                    .storeColumns(result + half * 8 * width + column, stride: width)
                column += 8
            }
            while column < width {
                let values = SIMD8.load(outputs + column * lanes + half * 8) * inverse
                for lane in 0..<8 { result[(half * 8 + lane) * width + column] = values[lane] }
                column += 1
            }
        }
    }
}
