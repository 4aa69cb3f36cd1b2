internal import Digests
internal import Foundation
internal import Tensors

/// What a checkpoint folder holds and what is wrong with it, found without loading it: for folders of any kind and state.
public struct CheckpointInspection: Codable, Hashable, Sendable {
    /// A component's weights.
    public struct Component: Codable, Hashable, Sendable {
        /// Folder, such as `transformer`.
        public let name: String
        /// Class, as `model_index.json` names it.
        public let className: String
        /// Numbers in all its tensors.
        public let parameters: Int
        /// Tensors by element type, such as `BF16`.
        public let tensorsByType: [String: Int]
        /// Bytes of its weight files; what a worker maps and workers of a host share.
        public let bytes: Int
    }

    /// Absolute path.
    public let path: String
    /// Upstream's pipeline, or empty when `model_index.json` does not say.
    public let pipelineClass: String
    /// Components with weights, in the order of their names.
    public let components: [Component]
    /// SHA-256 over configs, tokenizer and weights, or empty when a file cannot be read.
    public let fingerprint: String
    /// Pixels of a side when nobody says otherwise.
    public let defaultSize: Int?
    /// Denoising steps when nobody says otherwise.
    public let defaultSteps: Int
    /// Guidance when nobody says otherwise.
    public let defaultGuidance: Double
    /// Everything that keeps it from being used, each naming a file and a key or tensor; empty for a good checkpoint.
    public let problems: [String]

    /// Numbers in all components.
    public var parameters: Int { components.reduce(0) { $0 + $1.parameters } }
    /// Bytes of all weights.
    public var bytes: Int { components.reduce(0) { $0 + $1.bytes } }

    /// Looks at a folder. Reads headers, and every byte for the fingerprint (large files' digests are remembered).
    public init(path: String) {
        let path = URL(fileURLWithPath: path).standardizedFileURL.path
        self.path = path
        var problems: [String] = []
        func attempt<Value>(_ body: () throws -> Value) -> Value? {
            do { return try body() } catch {
                let message = "\(error)"
                if !problems.contains(message) { problems.append(message) }
                return nil
            }
        }
        let index = attempt { try ModelIndex(checkpoint: path) }
        pipelineClass = index?.pipeline.rawValue ?? ""
        defaultSize = index?.defaultSampleSize
        defaultSteps = PRXCheckpoint.defaultSteps
        defaultGuidance = PRXCheckpoint.defaultGuidance
        let classes = Self.classes(path)
        var components: [Component] = []
        for (name, base) in [
            ("text_encoder", "model"), ("transformer", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"),
        ] {
            guard name != "vae" || index?.pipeline != .pixel else { continue }
            guard let weights = attempt({ try WeightFolder(path: "\(path)/\(name)", base: base) }) else { continue }
            let bytes = weights.files.reduce(0) { sum, file in
                let attributes = try? FileManager.default.attributesOfItem(atPath: file)
                return sum + ((attributes?[.size] as? NSNumber)?.intValue ?? 0)
            }
            components.append(
                Component(
                    name: name, className: classes[name] ?? "",
                    parameters: weights.tensors.values.reduce(0) { $0 + $1.count },
                    tensorsByType: Dictionary(
                        weights.tensors.values.map { ($0.type.rawValue, 1) }, uniquingKeysWith: +), bytes: bytes))
        }
        self.components = components
        // Opening it finds everything that does not fit together.
        _ = attempt { try PRXCheckpoint(path: path) }
        fingerprint = attempt { try CheckpointFiles(root: path).fingerprint() } ?? ""
        self.problems = problems
    }

    private static func classes(_ path: String) -> [String: String] {
        guard let data = try? PlainFile.contents(of: "\(path)/model_index.json", atMost: 1_000_000, what: "a config"),
            let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
        else { return [:] }
        return object.compactMapValues { ($0 as? [Any])?.last as? String }
    }

    /// SHA-256 of every file that counts, by its path in the folder, in the order of the paths.
    /// - Throws: ``PRXError`` when one cannot be read.
    public static func digests(path: String) throws -> [(path: String, sha256: String)] {
        let root = URL(fileURLWithPath: path).standardizedFileURL.path
        return try CheckpointFiles(root: root).paths().map {
            ($0, try FileDigests.sha256(of: "\(root)/\($0)").digest.hexadecimal)
        }
    }
}
