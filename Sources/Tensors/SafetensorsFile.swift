internal import StrictJSON

/// A safetensors file, mapped and checked, its tensors found by name.
///
/// Every length is checked against the file before anything is allocated: the header fits, every tensor lies inside the
/// file, its bytes are as many as its shape and type ask for, no two tensors overlap and no byte belongs to none.
/// Format: huggingface/safetensors, README "Format".
public struct SafetensorsFile: Sendable {
    /// Largest header accepted, 100 MB as in the reference implementation.
    public static let maximumHeaderBytes = 100_000_000

    /// Path as given.
    public let path: String
    /// What the file was when it was mapped.
    public let identity: FileIdentity
    /// Tensors by name.
    public let tensors: [String: StoredTensor]
    /// The file's own notes, such as `format: pt`.
    public let metadata: [String: String]

    /// Maps and checks a file. Reads the header only.
    /// - Throws: ``TensorError`` naming the file, and the tensor where it is about one.
    public init(path: String) throws(TensorError) {
        let file = try MappedFile(path: path)
        let bytes = file.bytes
        guard bytes.count >= 8 else { throw TensorError(.malformed, "\(path): too short for a safetensors file") }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(min(bytes.count - 8, Self.maximumHeaderBytes)) else {
            throw TensorError(
                .malformed,
                "\(path): its header would take \(length) bytes; the file is truncated or no safetensors file")
        }
        let header: SafetensorsHeader
        do {
            header = try SafetensorsHeader(UnsafeRawBufferPointer(rebasing: bytes[8..<(8 + Int(length))]))
        } catch {
            throw TensorError(.malformed, "\(path): bad header: \(error.reason)")
        }
        let base = 8 + Int(length)
        let available = bytes.count - base
        var tensors: [String: StoredTensor] = [:]
        for entry in header.entries {
            let shown = "\(path): tensor \(SafetensorsHeader.shown(entry.name))"
            guard let type = ElementType(rawValue: entry.type) else {
                throw TensorError(.malformed, "\(shown) has the unknown type \(SafetensorsHeader.shown(entry.type))")
            }
            var size = type.byteCount
            for dimension in entry.shape {
                let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
                guard !overflow else {
                    throw TensorError(.malformed, "\(shown) has an impossible shape \(entry.shape)")
                }
                size = product
            }
            guard entry.start <= entry.end, entry.end <= available else {
                throw TensorError(
                    .malformed,
                    "\(shown) lies at bytes \(entry.start)..<\(entry.end), but the file has \(available): it is truncated"
                )
            }
            guard entry.end - entry.start == size else {
                throw TensorError(
                    .malformed,
                    "\(shown) has \(entry.end - entry.start) bytes, but \(entry.type) \(entry.shape) takes \(size)")
            }
            tensors[entry.name] = StoredTensor(
                name: entry.name, type: type, shape: entry.shape, file: file,
                range: (base + entry.start)..<(base + entry.end))
        }
        var end = 0
        for entry in header.entries.sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) {
            guard entry.start == end else {
                throw TensorError(
                    .malformed,
                    "\(path): tensor \(SafetensorsHeader.shown(entry.name)) overlaps another or leaves a gap")
            }
            end = entry.end
        }
        guard end == available else {
            throw TensorError(.malformed, "\(path): \(available - end) bytes belong to no tensor")
        }
        self.path = path
        identity = file.identity
        self.tensors = tensors
        metadata = header.metadata
    }
}
