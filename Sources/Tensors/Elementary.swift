/// Eight floats at a time: the functions the kernels share.
extension SIMD8<Float> {
    /// `self * b + c`, fused where the build's CPU does that in one instruction.
    @inline(__always)
    func fusedMultiplyAdd(_ b: Self, _ c: Self) -> Self { c.addingProduct(self, b) }

    /// e to the power of each lane, to about 1e-7 relative. Below -87.3 gives about 1e-38, above 88 about 1e38.
    ///
    /// Range reduction by ln 2 in two parts, then a polynomial of degree 6 (Cephes `expf`, S. Moshier, netlib.org/cephes).
    @inline(__always)
    static func exponential(_ x: Self) -> Self {
        // By `replace`, because the standard library's `pointwiseMax` is a call.
        let clamped = x.larger(Self(repeating: -87.33)).smaller(Self(repeating: 88.02))
        // Adding 1.5 * 2^23 rounds to an integer in the low bits of the mantissa.
        let magic = Self(repeating: 12_582_912)
        let shifted = clamped.fusedMultiplyAdd(Self(repeating: 1.442_695_04), magic)
        let n = shifted - magic
        var r = n.fusedMultiplyAdd(Self(repeating: -0.693_359_375), clamped)
        r = n.fusedMultiplyAdd(Self(repeating: 2.121_944_4e-4), r)
        var p = Self(repeating: 1.987_569_15e-4)
        p = p.fusedMultiplyAdd(r, Self(repeating: 1.398_199_95e-3))
        p = p.fusedMultiplyAdd(r, Self(repeating: 8.333_451_9e-3))
        p = p.fusedMultiplyAdd(r, Self(repeating: 4.166_579_6e-2))
        p = p.fusedMultiplyAdd(r, Self(repeating: 1.666_666_55e-1))
        p = p.fusedMultiplyAdd(r, Self(repeating: 5.000_000_1e-1))
        let y = p.fusedMultiplyAdd(r * r, r) + 1
        let bits = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &<< 23
        let scale = unsafeBitCast(bits &+ SIMD8<Int32>(repeating: 0x3F80_0000), to: Self.self)
        return y * scale
    }

    /// x · Φ(x) by the tanh approximation: `0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))`, written as `x / (1 + e^(-2u))`.
    @inline(__always)
    static func geluTanh(_ x: Self) -> Self {
        let cubic = (x * x).fusedMultiplyAdd(Self(repeating: 0.044_715), Self(repeating: 1))
        let u = x * cubic * Self(repeating: -1.595_769_1)
        return x / (Self(repeating: 1) + exponential(u))
    }

    /// x · σ(x).
    @inline(__always)
    static func silu(_ x: Self) -> Self { x / (Self(repeating: 1) + exponential(-x)) }

    /// The larger one, lane by lane.
    @inline(__always)
    func larger(_ other: Self) -> Self { replacing(with: other, where: self .< other) }

    /// The smaller one, lane by lane.
    @inline(__always)
    func smaller(_ other: Self) -> Self { replacing(with: other, where: self .> other) }

    /// The lanes' sum, always in the same order.
    @inline(__always)
    var total: Float {
        let four = lowHalf + highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }

    /// Lanes from memory at any address.
    @inline(__always)
    static func load(_ pointer: UnsafePointer<Float>) -> Self {
        UnsafeRawPointer(pointer).loadUnaligned(as: Self.self)
    }

    /// Lanes to memory at any address.
    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: self, as: Self.self)
    }

    /// The first `count` lanes from memory, zeros in the others.
    @inline(__always)
    static func load(_ pointer: UnsafePointer<Float>, count: Int) -> Self {
        var lanes = Self()
        for index in 0..<count { lanes[index] = pointer[index] }
        return lanes
    }

    /// The first `count` lanes to memory.
    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Float>, count: Int) {
        for index in 0..<count { pointer[index] = self[index] }
    }
}

/// Calls `whole` for every full group of eight and `part` for the rest.
@inline(__always)
func inEights(_ count: Int, whole: (Int) -> Void, part: (Int, Int) -> Void) {
    var index = 0
    while index + 8 <= count {
        whole(index)
        index += 8
    }
    if index < count { part(index, count - index) }
}
