/// The transforms of Winograd's minimal filtering F(4x4, 3x3): 16 outputs of a 3x3 filter from 36 products instead of 144.
///
/// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (arXiv:1509.09308), with the interpolation points 0, ±a,
/// ±b and infinity. All constants are short binary fractions, exact in float32. The usual points (±1, ±2) lose twice the
/// precision of ±5/8, ±3/2: with 256 channels the relative error (L2) was 2.5e-6 against 1.2e-6; the plain sum of products in
/// float32 has 2e-7, and an 8-bit level is 4e-3.
struct WinogradTransform: Sendable {
    private let a: Float
    private let b: Float
    /// a², b², a²b², a² + b², ab², ba².
    private let aa: Float
    private let bb: Float
    private let product: Float
    private let sum: Float
    private let abb: Float
    private let baa: Float

    /// For inputs as they are.
    static let plain = WinogradTransform(a: 5 / 8, b: 3 / 2)
    /// For inputs whose rows and columns are all doubled: a signal of equal pairs is zero at the point −1, so 11 of the 36
    /// products vanish.
    static let doubled = WinogradTransform(a: 1, b: 13 / 8)

    private init(a: Float, b: Float) {
        self.a = a
        self.b = b
        aa = a * a
        bb = b * b
        product = a * a * b * b
        sum = a * a + b * b
        abb = a * b * b
        baa = b * a * a
    }

    /// One dimension of the input transform; the results belong to 0, a, −a, b, −b, infinity.
    @inline(__always)
    func input(
        _ d0: Lanes, _ d1: Lanes, _ d2: Lanes, _ d3: Lanes, _ d4: Lanes, _ d5: Lanes
    ) -> (Lanes, Lanes, Lanes, Lanes, Lanes, Lanes) {
        let zero = d0.times(product, plus: d2.times(-sum, plus: d4))
        let infinity = d1.times(product, plus: d3.times(-sum, plus: d5))
        let evenA = d2.times(-bb, plus: d4)
        let oddA = d1.times(-abb, plus: d3 * a)
        let evenB = d2.times(-aa, plus: d4)
        let oddB = d1.times(-baa, plus: d3 * b)
        return (zero, evenA + oddA, evenA - oddA, evenB + oddB, evenB - oddB, infinity)
    }

    /// The same for doubled inputs `x0 x1 x1 x2 x2 x3` and a = 1, without the result of −1, which is zero.
    @inline(__always)
    func doubledInput(_ x0: Lanes, _ x1: Lanes, _ x2: Lanes, _ x3: Lanes) -> (Lanes, Lanes, Lanes, Lanes, Lanes) {
        let zero = x0.times(product, plus: x1.times(-sum, plus: x2))
        let infinity = x1.times(product, plus: x2.times(-sum, plus: x3))
        let one = x1.times(-(abb + bb), plus: x2 * (1 + a))
        let even = x1.times(-aa, plus: x2)
        let odd = x1.times(-baa, plus: x2 * b)
        return (zero, one, even + odd, even - odd, infinity)
    }

    /// One dimension of the output transform.
    @inline(__always)
    func output(
        _ m0: Lanes, _ m1: Lanes, _ m2: Lanes, _ m3: Lanes, _ m4: Lanes, _ m5: Lanes
    ) -> (Lanes, Lanes, Lanes, Lanes) {
        let sumA = m1 + m2
        let differenceA = m1 - m2
        let sumB = m3 + m4
        let differenceB = m3 - m4
        let y0 = m0 + sumA + sumB
        let y1 = differenceA.times(a, plus: differenceB * b)
        let y2 = sumA.times(aa, plus: sumB * bb)
        let y3 = differenceA.times(a * aa, plus: differenceB.times(b * bb, plus: m5))
        return (y0, y1, y2, y3)
    }

    /// One dimension of the filter transform.
    @inline(__always)
    func filter(_ g0: Lanes, _ g1: Lanes, _ g2: Lanes) -> (Lanes, Lanes, Lanes, Lanes, Lanes, Lanes) {
        let scaleA = 1 / (2 * aa * (aa - bb))
        let scaleB = 1 / (2 * bb * (bb - aa))
        let evenA = g2.times(aa, plus: g0) * scaleA
        let oddA = g1 * (a * scaleA)
        let evenB = g2.times(bb, plus: g0) * scaleB
        let oddB = g1 * (b * scaleB)
        return (g0 * (1 / product), evenA + oddA, evenA - oddA, evenB + oddB, evenB - oddB, g2)
    }
}
