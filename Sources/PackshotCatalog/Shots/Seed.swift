internal import Digests

/// Seeds that follow from what is drawn, so that the same catalog gives the same pictures everywhere and always.
package enum Seed {
    /// The seed of an image: the first four bytes, big-endian, of the SHA-256 of the UTF-8 text `sku U+001F shot U+001F
    /// variant`, the variant in decimal.
    ///
    /// 32 bits, because PyTorch's CPU generator uses no more of a seed.
    /// - Parameters:
    ///   - sku: In Unicode NFC, as ``Product/sku`` is.
    ///   - shot: Name of the shot.
    ///   - variant: Number of the variant from 0.
    package static func derived(sku: String, shot: String, variant: Int) -> UInt64 {
        var digest = SHA256Digest()
        digest.update("\(sku)\u{1F}\(shot)\u{1F}\(variant)")
        return digest.finish().prefix(4).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
