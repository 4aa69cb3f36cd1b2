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

    /// x · σ(x).
    ///
    /// The exponential by range reduction and a polynomial of degree 6 (Cephes `expf`, S. Moshier, netlib.org/cephes), to
    /// about 1e-7 relative, as in `Tensors`, whose kernels cannot be inlined here.
    @inline(__always)
    var silu: Self {
        var x = -self
        x.replace(with: -87.33, where: x .< -87.33)
        x.replace(with: 88.02, where: x .> 88.02)
        // Adding 1.5 · 2²³ rounds to an integer in the low bits of the mantissa.
        let magic = Self(repeating: 12_582_912)
        let shifted = x.times(1.442_695_04, plus: magic)
        let n = shifted - magic
        let r = n.times(2.121_944_4e-4, plus: n.times(-0.693_359_375, plus: x))
        var p = Self(repeating: 1.987_569_15e-4).times(r, plus: Self(repeating: 1.398_199_95e-3))
        p = p.times(r, plus: Self(repeating: 8.333_451_9e-3))
        p = p.times(r, plus: Self(repeating: 4.166_579_6e-2))
        p = p.times(r, plus: Self(repeating: 1.666_666_55e-1))
        p = p.times(r, plus: Self(repeating: 5.000_000_1e-1))
        let y = p.times(r * r, plus: r) + 1
        let bits = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &<< 23
        let scale = unsafeBitCast(bits &+ SIMD8<Int32>(repeating: 0x3F80_0000), to: Self.self)
        return self / y.times(scale, plus: Self(repeating: 1))
    }

    /// Replaces `count` floats by their SiLU.
    static func applySiLU(_ pointer: UnsafeMutablePointer<Float>, count: Int) {
        let whole = count / 8 * 8
        for index in stride(from: 0, to: whole, by: 8) { Self(at: pointer + index).silu.write(to: pointer + index) }
        if whole < count {
            Self(at: pointer + whole, count: count - whole).silu.write(to: pointer + whole, count: count - whole)
        }
    }
}
