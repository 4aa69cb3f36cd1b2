internal import Foundation

/// The weights of one component of a checkpoint: a single safetensors file, or shards with an index.
public struct WeightFolder: Sendable {
    /// The folder.
    public let path: String
    /// All tensors of all files by name.
    public let tensors: [String: StoredTensor]
    /// The weight files, in the order of their names, as they were when they were mapped.
    public let identities: [FileIdentity]
    /// Their paths.
    public var files: [String] { identities.map(\.path) }

    /// Opens `<base>.safetensors` or `<base>.safetensors.index.json` and its shards.
    /// - Parameter base: `diffusion_pytorch_model` for diffusers' modules, `model` for transformers'.
    /// - Throws: ``TensorError`` naming the file.
    public init(path: String, base: String) throws(TensorError) {
        self.path = path
        let single = "\(path)/\(base).safetensors"
        if FileManager.default.fileExists(atPath: single) {
            let file = try SafetensorsFile(path: single)
            tensors = file.tensors
            identities = [file.identity]
            return
        }
        let indexPath = "\(path)/\(base).safetensors.index.json"
        guard FileManager.default.fileExists(atPath: indexPath) else {
            throw TensorError(
                .unreadable, "\(path): neither \(base).safetensors nor \(base).safetensors.index.json is there")
        }
        let map = try Self.readIndex(indexPath)
        var all: [String: StoredTensor] = [:]
        var identities: [FileIdentity] = []
        let names = Set(map.values).sorted()
        for name in names {
            // A shard's name is a file name in the same folder, nothing else.
            guard !name.contains("/"), !name.hasPrefix("."), name.hasSuffix(".safetensors") else {
                throw TensorError(.malformed, "\(indexPath): \(name.debugDescription) is no shard's name")
            }
            let file = try SafetensorsFile(path: "\(path)/\(name)")
            identities.append(file.identity)
            for (key, tensor) in file.tensors {
                guard map[key] == name else {
                    throw TensorError(.mismatch, "\(file.path): tensor \(key) is not listed there by the index")
                }
                all[key] = tensor
            }
        }
        if let lacking = map.keys.filter({ all[$0] == nil }).min() {
            throw TensorError(.mismatch, "\(indexPath): tensor \(lacking) is in none of the shards")
        }
        tensors = all
        self.identities = identities
    }

    private static func readIndex(_ path: String) throws(TensorError) -> [String: String] {
        struct Index: Decodable {
            let weight_map: [String: String]
        }
        do {
            // Through links, as checkpoints in a download cache are made of them; a pipe or a device would be read for ever.
            let attributes = try FileManager.default.attributesOfItem(
                atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
            guard attributes[.type] as? FileAttributeType == .typeRegular else {
                throw TensorError(.malformed, "\(path): no regular file")
            }
            guard let size = attributes[.size] as? NSNumber, size.intValue <= SafetensorsFile.maximumHeaderBytes else {
                throw TensorError(.malformed, "\(path): too large for an index")
            }
            return try JSONDecoder().decode(Index.self, from: Data(contentsOf: URL(fileURLWithPath: path))).weight_map
        } catch let error as TensorError {
            throw error
        } catch {
            throw TensorError(.malformed, "\(path): no index of shards: a `weight_map` of names is expected")
        }
    }

    /// The same weights with other names.
    /// - Throws: ``TensorError`` `.malformed` when two tensors would have one name.
    public func renamed(_ rename: (String) -> String) throws(TensorError) -> WeightFolder {
        var all: [String: StoredTensor] = [:]
        for (name, tensor) in tensors {
            guard all.updateValue(tensor, forKey: rename(name)) == nil else {
                throw TensorError(.malformed, "\(path): two tensors would both be \(rename(name))")
            }
        }
        return WeightFolder(path: path, tensors: all, identities: identities)
    }

    private init(path: String, tensors: [String: StoredTensor], identities: [FileIdentity]) {
        self.path = path
        self.tensors = tensors
        self.identities = identities
    }

    /// Compares the tensors with what a config asks for.
    /// - Parameter expected: Shapes by name.
    /// - Throws: ``TensorError`` `.mismatch` naming every missing, left-over and misshapen tensor (the first 20).
    public func check(against expected: [String: [Int]]) throws(TensorError) {
        var problems: [String] = []
        for (name, shape) in expected.sorted(by: { $0.key < $1.key }) {
            guard let tensor = tensors[name] else {
                problems.append("\(name) \(shape) is missing")
                continue
            }
            if tensor.shape != shape { problems.append("\(name) is \(tensor.shape), expected \(shape)") }
            if !tensor.type.isFloatingPoint { problems.append("\(name) has the type \(tensor.type.rawValue)") }
        }
        for name in tensors.keys.sorted() where expected[name] == nil { problems.append("\(name) is not expected") }
        guard problems.isEmpty else {
            let shown = problems.prefix(20).joined(separator: "; ")
            let more = problems.count > 20 ? "; and \(problems.count - 20) more" : ""
            throw TensorError(.mismatch, "\(path): the weights do not fit the config: \(shown)\(more)")
        }
    }
}
