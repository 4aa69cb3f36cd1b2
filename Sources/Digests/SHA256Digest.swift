internal import CLibCrypto

/// A SHA-256 computed piece by piece (FIPS 180-4), by OpenSSL's libcrypto, which uses the CPU's SHA instructions where
/// there are any.
///
/// Not thread-safe: one owner feeds it, then takes the result.
public struct SHA256Digest: ~Copyable {
    private let context: OpaquePointer

    /// The algorithm, looked up once: OpenSSL 3 otherwise looks it up for every digest, which takes longer than hashing a line.
    /// Never freed and never changed, so that all threads may read it.
    private static nonisolated(unsafe) let algorithm: OpaquePointer? = EVP_MD_fetch(nil, "SHA256", nil)

    /// Starts an empty digest.
    public init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, Self.algorithm, nil) == 1 else {
            preconditionFailure("libcrypto cannot start a SHA-256: out of memory, or SHA-256 is disabled")
        }
        self.context = context
    }

    deinit {
        EVP_MD_CTX_free(context)
    }

    /// Appends bytes. The pieces' borders do not matter, only their order.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
        precondition(EVP_DigestUpdate(context, base, bytes.count) == 1, "libcrypto refused SHA-256 input")
    }

    /// Appends the UTF-8 bytes of a text.
    public mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    /// The 32 bytes of the digest of everything appended.
    public consuming func finish() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32)
        precondition(EVP_DigestFinal_ex(context, &bytes, nil) == 1, "libcrypto could not finish a SHA-256")
        return bytes
    }

    /// The SHA-256 of some bytes in memory, 32 bytes.
    public static func hash(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var digest = SHA256Digest()
        let contiguous: Void? = bytes.withContiguousStorageIfAvailable { digest.update(UnsafeRawBufferPointer($0)) }
        if contiguous == nil {
            Array(bytes).withUnsafeBytes { digest.update($0) }
        }
        return digest.finish()
    }
}

extension Sequence where Element == UInt8 {
    /// The bytes as lower-case hexadecimal, two digits a byte, as `sha256sum` prints them.
    public var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in self {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
