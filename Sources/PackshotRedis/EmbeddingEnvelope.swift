internal import Digests

/// What surrounds an embedding in Redis, so that a value that is damaged, cut, of another version or under a wrong key is
/// recognised.
///
/// Layout: 4 bytes `PKE1` (kind and version), 32 bytes SHA-256 over key and embedding, the embedding.
enum EmbeddingEnvelope {
    private static let magic = Array("PKE1".utf8)
    private static let headerCount = 36

    /// The bytes to store for an embedding.
    static func seal(_ embedding: [UInt8], key: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headerCount + embedding.count)
        bytes += magic
        bytes += embedding.withUnsafeBytes { digest(key, $0) }
        bytes += embedding
        return bytes
    }

    /// The embedding in stored bytes, or nil if they are not what ``seal(_:key:)`` made for this key.
    static func open(_ bytes: UnsafeRawBufferPointer, key: [UInt8]) -> [UInt8]? {
        guard bytes.count >= headerCount, bytes.prefix(4).elementsEqual(magic) else { return nil }
        let embedding = UnsafeRawBufferPointer(rebasing: bytes[headerCount...])
        guard bytes[4..<headerCount].elementsEqual(digest(key, embedding)) else { return nil }
        return Array(embedding)
    }

    private static func digest(_ key: [UInt8], _ embedding: UnsafeRawBufferPointer) -> [UInt8] {
        var digest = SHA256Digest()
        key.withUnsafeBytes { digest.update($0) }
        digest.update(embedding)
        return digest.finish()
    }
}
