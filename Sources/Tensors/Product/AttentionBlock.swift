/// The attention of some queries of one head, on one class of kernels.
protocol AttentionBlock: SendableMetatype {
    associatedtype Keys: PackedKeys
    /// Queries of a block.
    static var blockQueries: Int { get }
    /// Floats that ``compute(_:_:scratch:)`` works with.
    static func scratchCount(headWidth: Int) -> Int

    init(attention: Attention, keys: Keys, head: Int, rows: Range<Int>)

    /// - Parameter q: The head's part of the first query of all, `stride` floats from one to the next.
    /// - Returns: `[rows, headWidth]`, in the scratch memory.
    func compute(_ q: UnsafePointer<Float>, _ stride: Int, scratch: UnsafeMutablePointer<Float>) -> UnsafePointer<Float>
}
