/// How much of an activation a product sees: all of it, or rounded to one or two bfloat16.
///
/// On the tile unit a product of a stored bfloat16 weight takes as many tile products as there are parts, so that rounding saves time
/// there. Vectors round too and save nothing, so that an image does not depend on the machine any more than an exact one.
public enum ActivationPrecision: Int, Sendable, CaseIterable {
    /// Eight bits of mantissa, as a model that runs in bfloat16 has.
    case bits8 = 8
    /// Sixteen bits of mantissa.
    case bits16 = 16
    /// All that a 32-bit float has.
    case exact = 24

    /// bfloat16 that are added up.
    var parts: Int { rawValue / 8 }

    /// The sum of the first parts of a float, each rounded to nearest, ties to even.
    func rounded(_ value: Float) -> Float {
        var sum: Float = 0
        for _ in 0..<(self == .exact ? 0 : parts) {
            let rest = value - sum
            let bits = rest.bitPattern
            sum += Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
        }
        return self == .exact ? value : sum
    }
}
