/// The fleet's shared cache of text embeddings, and the lock that lets one worker compute what many wait for.
///
/// It is a cache: everything in it may vanish. Every method throws ``StoreError`` `.unreachable`; a caller then computes.
package protocol EmbeddingStore: Sendable {
    /// The bytes stored under a key, exactly as they were stored, or nil. Damaged values are nil. Reading keeps a value
    /// from expiring.
    /// - Parameter key: 32 bytes, SHA-256 over encoder fingerprint and token ids.
    func embedding(for key: [UInt8]) async throws -> [UInt8]?

    /// Stores bytes under a key and gives up this holder's right to compute it. The store expires what is not used for
    /// long, and does not keep values above its size limit.
    func store(_ embedding: [UInt8], for key: [UInt8], by holder: String) async throws

    /// Tries to get the sole right to compute a key for `duration`. A holder that dies loses it by time.
    /// - Returns: False while somebody else has it. The holder itself may ask again, and extends it.
    func tryLock(_ key: [UInt8], holder: String, duration: Duration) async throws -> Bool

    /// Gives the right back without a result, if this holder has it.
    func unlock(_ key: [UInt8], holder: String) async throws

    /// Adds to the fleet's counters of hits by source.
    func count(_ hits: [EmbeddingSource: Int]) async throws

    /// The fleet's counters since the store was last empty; sources never counted are missing.
    func counters() async throws -> [EmbeddingSource: Int]
}
