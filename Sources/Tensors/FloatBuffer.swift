/// A fixed number of 32-bit floats in memory aligned to 64 bytes, zero at first.
///
/// Shapes are the user's business: a buffer is only storage. `@unchecked Sendable`: the owner hands it to one computation
/// at a time; tiles of a parallel computation write disjoint parts.
public final class FloatBuffer: @unchecked Sendable {
    /// How many floats there are.
    public let count: Int
    /// The storage, valid as long as the buffer.
    public let pointer: UnsafeMutablePointer<Float>

    /// A buffer of `count` zeros, `count >= 0`.
    public init(count: Int) {
        precondition(count >= 0, "a buffer cannot have \(count) elements")
        self.count = count
        let raw = LargeMemory.allocate(byteCount: max(1, count) * 4)
        pointer = raw.bindMemory(to: Float.self, capacity: max(1, count))
        pointer.initialize(repeating: 0, count: max(1, count))
    }

    /// A buffer with the elements of an array.
    public convenience init(_ values: [Float]) {
        self.init(count: values.count)
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { pointer.update(from: base, count: values.count) }
        }
    }

    deinit {
        UnsafeMutableRawPointer(pointer).deallocate()
    }

    /// A copy of the elements.
    public var array: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}
