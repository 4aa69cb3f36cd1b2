internal import Foundation

/// PyTorch's CPU random generator: the same seed gives the same bits as `torch.Generator("cpu").manual_seed(seed)` and
/// `torch.randn` with AVX2.
///
/// Ported from the description of `aten/src/ATen/native/cpu/DistributionTemplates.h` (`normal_fill_AVX2`) and its Cephes
/// polynomials (`avx_mathfun.h`), whose multiply-adds PyTorch's builds contract to fused ones; they are written as fused
/// here, so the bits are the same on every CPU. The engine is MT19937 (Matsumoto & Nishimura 1998).
public struct TorchGenerator: Sendable {
    private var state: [UInt32]
    private var position = 624
    /// The second value of a pair of the path for fewer than 16 values.
    private var cached: Double?

    /// A generator seeded with the low 32 bits of `seed`, as PyTorch's is.
    public init(seed: UInt64) {
        state = [UInt32](repeating: 0, count: 624)
        state[0] = UInt32(truncatingIfNeeded: seed)
        for index in 1..<624 {
            let previous = state[index - 1]
            state[index] = 1_812_433_253 &* (previous ^ (previous >> 30)) &+ UInt32(index)
        }
    }

    /// `count` draws from the standard normal distribution, as one call of `torch.randn` of that many elements gives.
    ///
    /// How many are drawn at once matters: 16 or more go another way than fewer, and a count that is no multiple of 16
    /// draws its last block anew.
    public mutating func normal(count: Int) -> [Float] {
        guard count >= 16 else { return (0..<max(0, count)).map { _ in Float(pairwiseNormal()) } }
        var values = (0..<count).map { _ in uniform() }
        var start = 0
        while start + 16 <= count {
            Self.transform(&values, at: start)
            start += 16
        }
        if start < count {
            for index in (count - 16)..<count { values[index] = uniform() }
            Self.transform(&values, at: count - 16)
        }
        return values
    }

    // MARK: Uniforms

    private mutating func uniform() -> Float { Float(next() & 0xFF_FFFF) * 0x1p-24 }

    private mutating func uniformDouble() -> Double {
        let high = UInt64(next())
        let bits = (high << 32 | UInt64(next())) & ((1 << 53) - 1)
        return Double(bits) * 0x1p-53
    }

    private mutating func pairwiseNormal() -> Double {
        if let value = cached {
            cached = nil
            return value
        }
        let first = uniformDouble()
        let second = uniformDouble()
        let radius = (-2 * log1p(-second)).squareRoot()
        let angle = 2 * Double.pi * first
        cached = radius * sin(angle)
        return radius * cos(angle)
    }

    private mutating func next() -> UInt32 {
        if position == 624 {
            for index in 0..<624 {
                let bits = (state[index] & 0x8000_0000) | (state[(index + 1) % 624] & 0x7FFF_FFFF)
                state[index] = state[(index + 397) % 624] ^ (bits >> 1) ^ (bits & 1 == 0 ? 0 : 0x9908_B0DF)
            }
            position = 0
        }
        var bits = state[position]
        position += 1
        bits ^= bits >> 11
        bits ^= (bits << 7) & 0x9D2C_5680
        bits ^= (bits << 15) & 0xEFC6_0000
        return bits ^ (bits >> 18)
    }

    // MARK: Box-Muller in blocks of 16

    private static func transform(_ values: inout [Float], at start: Int) {
        for index in start..<(start + 8) {
            let radius = (-2 * logarithm(1 - values[index])).squareRoot()
            let (sine, cosine) = sineAndCosine(Float(2 * Double.pi) * values[index + 8])
            values[index] = radius * cosine
            values[index + 8] = radius * sine
        }
    }

    /// `a * b + c`, rounded once.
    private static func fma(_ a: Float, _ b: Float, _ c: Float) -> Float { c.addingProduct(a, b) }

    /// `log256_ps` for a normal, positive argument.
    private static func logarithm(_ argument: Float) -> Float {
        let bits = argument.bitPattern
        var e = Float(Int32(bits >> 23) - 0x7F) + 1
        var x = Float(bitPattern: (bits & 0x807F_FFFF) | 0x3F00_0000)
        let isSmall = x < 0.707_106_781_186_547_524
        let doubled = isSmall ? x : 0
        x -= 1
        if isSmall { e -= 1 }
        x += doubled
        let z = x * x
        var y: Float = 7.037_683_629_2e-2
        for coefficient: Float in [
            -1.151_461_031_0e-1, 1.167_699_874_0e-1, -1.242_014_084_6e-1, 1.424_932_278_7e-1, -1.666_805_766_5e-1,
            2.000_071_476_5e-1, -2.499_999_399_3e-1, 3.333_333_117_4e-1,
        ] {
            y = fma(y, x, coefficient)
        }
        y *= x
        y = fma(y, z, e * -2.121_944_40e-4)
        y -= z * 0.5
        x += y
        return fma(e, 0.693_359_375, x)
    }

    /// `sincos256_ps` for a non-negative argument.
    private static func sineAndCosine(_ argument: Float) -> (sine: Float, cosine: Float) {
        let octant = (Int32(argument * 1.273_239_544_735_16) + 1) & ~1
        let y = Float(octant)
        var x = fma(y, -0.785_156_25, argument)
        x = fma(y, -2.418_756_484_985_351_562_5e-4, x)
        x = fma(y, -3.774_894_977_445_941_08e-8, x)
        let z = x * x
        var c: Float = 2.443_315_711_809_948e-5
        c = fma(c, z, -1.388_731_625_493_765e-3)
        c = fma(c, z, 4.166_664_568_298_827e-2)
        c *= z
        c = fma(c, z, -(z * 0.5))
        c += 1
        var s: Float = -1.951_529_589_1e-4
        s = fma(s, z, 8.332_160_873_6e-3)
        s = fma(s, z, -1.666_665_461_1e-1)
        s *= z
        s = fma(s, x, x)
        let isSwapped = octant & 2 != 0
        let sine = isSwapped ? c : s
        let cosine = isSwapped ? s : c
        return (octant & 4 != 0 ? -sine : sine, (octant - 2) & 4 == 0 ? -cosine : cosine)
    }
}
