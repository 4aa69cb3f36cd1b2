/// Where a worker leaves its images: files below output folders. ``ImageFileStore`` is the real one.
///
/// Every method throws ``ImageFileStore/Failure``. ``contents(of:in:)`` and ``remove(_:in:)`` may be called while a job's row is
/// locked, and are short.
package protocol ImageFiles: Sendable {
    /// Writes bytes to `relativePath` below `root`, durably, and never half.
    ///
    /// A file that is there with the very same bytes is taken for this one; one with other bytes is left alone.
    /// - Throws: And then nothing of this call is left under the final name.
    func save(_ bytes: [UInt8], as relativePath: String, in root: String) async throws

    /// Puts bytes in the place of a file that is there, durably and in one step.
    /// - Parameter deciding: Called once, when nothing but the renaming is left to do; calls `rename`, or does not. If it throws
    ///   afterwards, what was there before is there again.
    /// - Returns: What `deciding` returns: whether the file is replaced.
    func replace(
        _ bytes: [UInt8], at relativePath: String, in root: String,
        deciding: (_ rename: @escaping @Sendable () throws -> Void) async throws -> Bool
    ) async throws -> Bool

    /// The bytes of a file, reached through no link; nil where there is none, or something else than a file.
    func contents(of relativePath: String, in root: String) throws -> [UInt8]?

    /// Takes a file away, durably. Where there is none, nothing is done.
    func remove(_ relativePath: String, in root: String) throws

    /// Writes a file of `byteCount` bytes below `root`, makes it durable and takes it away again: nothing less shows that images can be
    /// written there.
    /// - Throws: What is in the way.
    func probe(_ root: String, byteCount: Int) async throws
}
