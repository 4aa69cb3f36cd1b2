/// Eight floats of neighbouring channels.
typealias Lanes = SIMD8<Float>

extension SIMD8<Float> {
    /// Eight floats from memory at any address.
    @inline(__always)
    init(at pointer: UnsafePointer<Float>) {
        self = UnsafeRawPointer(pointer).loadUnaligned(as: Self.self)
    }

    /// The first `count` of eight floats from memory, zeros after them.
    @inline(__always)
    init(at pointer: UnsafePointer<Float>, count: Int) {
        self.init()
        for index in 0..<count { self[index] = pointer[index] }
    }

    /// To memory at any address.
    @inline(__always)
    func write(to pointer: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: self, as: Self.self)
    }

    /// The first `count` floats to memory.
    @inline(__always)
    func write(to pointer: UnsafeMutablePointer<Float>, count: Int) {
        for index in 0..<count { pointer[index] = self[index] }
    }

    /// `self · factor + term`, rounded once.
    @inline(__always)
    func times(_ factor: Self, plus term: Self) -> Self { term.addingProduct(self, factor) }

    /// `self · factor + term`, rounded once.
    @inline(__always)
    func times(_ factor: Float, plus term: Self) -> Self { term.addingProduct(self, Self(repeating: factor)) }
}
