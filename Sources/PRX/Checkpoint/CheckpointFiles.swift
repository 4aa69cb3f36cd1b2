internal import Digests
internal import Foundation

/// The files of a checkpoint folder that decide what it computes, and digests over them.
struct CheckpointFiles {
    /// Every component that counts.
    static let components = ["scheduler", "text_encoder", "tokenizer", "transformer", "vae"]
    private static let endings = [".json", ".safetensors"]

    let root: String

    /// Paths relative to the folder, sorted: `model_index.json` and every config, tokenizer and weight file of the
    /// components there are.
    func paths(of components: [String] = components) throws(PRXError) -> [String] {
        var found: [String] = components == Self.components ? ["model_index.json"] : []
        for component in components {
            let folder = "\(root)/\(component)"
            guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { continue }
            for name in names where Self.endings.contains(where: name.hasSuffix) {
                found.append("\(component)/\(name)")
            }
        }
        return found.sorted()
    }

    /// SHA-256 over the files' names, lengths and contents, as 64 hexadecimal digits. Reads every byte that is not in the
    /// cache of ``FileDigests``.
    func fingerprint(of components: [String] = components) throws(PRXError) -> String {
        var digest = SHA256Digest()
        for path in try paths(of: components) {
            let (size, content) = try FileDigests.sha256(of: "\(root)/\(path)")
            digest.update("\(path.utf8.count):\(path)\(size):\(content.hexadecimal)")
        }
        return digest.finish().hexadecimal
    }

    /// Bytes of all weight files.
    func weightBytes() throws(PRXError) -> Int64 {
        var total: Int64 = 0
        for path in try paths() where path.hasSuffix(".safetensors") {
            let size = (try? FileManager.default.attributesOfItem(atPath: "\(root)/\(path)"))?[.size] as? NSNumber
            total += size?.int64Value ?? 0
        }
        return total
    }
}
