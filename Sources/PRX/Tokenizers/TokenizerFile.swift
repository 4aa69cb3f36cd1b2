internal import Foundation

/// `tokenizer.json` and `tokenizer_config.json`, checked: what is not understood is an error, never ignored.
struct TokenizerFile {
    private static let maximumBytes = 128_000_000

    let vocabulary: [String: Int32]
    let addedTokens: AddedTokens
    private let path: String
    private let addedIDs: [String: Int32]
    private let root: [String: Any]
    private let config: [String: Any]

    init(folder: String) throws(PRXError) {
        path = "\(folder)/tokenizer.json"
        guard FileManager.default.fileExists(atPath: path) else {
            let hasModel = FileManager.default.fileExists(atPath: "\(folder)/tokenizer.model")
            throw PRXError(
                .badCheckpoint,
                hasModel
                    ? "\(path) is missing; tokenizer.model alone is not read: save the tokenizer with transformers' save_pretrained to get tokenizer.json"
                    : "\(path) is missing")
        }
        root = try Self.object(at: path)
        let configPath = "\(folder)/tokenizer_config.json"
        config = FileManager.default.fileExists(atPath: configPath) ? try Self.object(at: configPath) : [:]
        guard let model = root["model"] as? [String: Any], let words = model["vocab"] as? [String: Any] else {
            throw PRXError(.badCheckpoint, "\(path): model.vocab is missing")
        }
        var vocabulary: [String: Int32] = [:]
        vocabulary.reserveCapacity(words.count)
        for (word, value) in words {
            guard let number = value as? NSNumber, let id = Int32(exactly: number.int64Value), id >= 0 else {
                throw PRXError(.badCheckpoint, "\(path): the id of \(word.prefix(40).debugDescription) is no id")
            }
            vocabulary[word] = id
        }
        var added: [String: Int32] = [:]
        for entry in root["added_tokens"] as? [[String: Any]] ?? [] {
            guard let content = entry["content"] as? String, let id = (entry["id"] as? NSNumber)?.int32Value, id >= 0
            else {
                throw PRXError(.badCheckpoint, "\(path): an entry of added_tokens has no content or id")
            }
            for flag in ["single_word", "lstrip", "rstrip"] where entry[flag] as? Bool == true {
                throw PRXError(.unsupported, "\(path): \(flag) of the added token \(content) is not supported")
            }
            added[content] = id
        }
        self.vocabulary = vocabulary
        addedIDs = added
        addedTokens = AddedTokens(added.map { ($0.key, $0.value) })
    }

    /// The two kinds there are.
    enum Kind {
        case qwen2
        case gemma
    }

    /// Which kind this is.
    /// - Throws: ``PRXError`` `.unsupported` naming what is neither's.
    func kind() throws(PRXError) -> Kind {
        let model = root["model"] as? [String: Any] ?? [:]
        if model["byte_fallback"] as? Bool == true {
            try requireGemma(model)
            return .gemma
        }
        try requireQwen2(model)
        return .qwen2
    }

    /// Id of the token for what the vocabulary cannot write.
    func unknownToken() throws(PRXError) -> Int32 {
        let model = root["model"] as? [String: Any] ?? [:]
        guard let name = model["unk_token"] as? String, let id = vocabulary[name] ?? addedIDs[name] else {
            throw PRXError(.badCheckpoint, "\(path): model.unk_token is missing or not in the vocabulary")
        }
        return id
    }

    /// Merges by the pair of ids.
    func merges() throws(PRXError) -> [UInt64: BytePairEncoder.Merge] {
        guard let model = root["model"] as? [String: Any], let list = model["merges"] as? [Any] else {
            throw PRXError(.badCheckpoint, "\(path): model.merges is missing")
        }
        var merges: [UInt64: BytePairEncoder.Merge] = [:]
        merges.reserveCapacity(list.count)
        for (rank, entry) in list.enumerated() {
            // Older files write "a b", newer ones ["a", "b"].
            let pair =
                (entry as? [String]) ?? (entry as? String)?.split(separator: " ", maxSplits: 1).map(String.init) ?? []
            guard pair.count == 2, let left = vocabulary[pair[0]], let right = vocabulary[pair[1]],
                let result = vocabulary[pair[0] + pair[1]]
            else { throw PRXError(.badCheckpoint, "\(path): merge \(rank) is not made of words of the vocabulary") }
            let key = BytePairEncoder.key(left, right)
            if merges[key] == nil { merges[key] = BytePairEncoder.Merge(rank: Int32(rank), result: result) }
        }
        return merges
    }

    /// Special tokens before and behind every text.
    func template() throws(PRXError) -> (prefix: [Int32], suffix: [Int32]) {
        guard let processor = root["post_processor"] as? [String: Any] else { return ([], []) }
        let processors =
            processor["type"] as? String == "Sequence" ? processor["processors"] as? [[String: Any]] ?? [] : [processor]
        var prefix: [Int32] = []
        var suffix: [Int32] = []
        for item in processors {
            let type = item["type"] as? String ?? ""
            if type == "ByteLevel" { continue }
            guard type == "TemplateProcessing", let single = item["single"] as? [[String: Any]],
                let specials = item["special_tokens"] as? [String: [String: Any]]
            else { throw PRXError(.unsupported, "\(path): the post_processor \(type) is not supported") }
            var hasText = false
            for part in single {
                if part["Sequence"] != nil {
                    hasText = true
                } else if let name = (part["SpecialToken"] as? [String: Any])?["id"] as? String,
                    let ids = specials[name]?["ids"] as? [NSNumber]
                {
                    if hasText { suffix += ids.map(\.int32Value) } else { prefix += ids.map(\.int32Value) }
                } else {
                    throw PRXError(
                        .badCheckpoint, "\(path): a part of post_processor.single is neither text nor a special token")
                }
            }
        }
        return (prefix, suffix)
    }

    /// Id of the padding token that `tokenizer_config.json` names.
    func padToken() throws(PRXError) -> Int32 {
        let name = config["pad_token"] as? String ?? (config["pad_token"] as? [String: Any])?["content"] as? String
        guard let name else { return 0 }
        guard let id = addedIDs[name] ?? vocabulary[name] else {
            throw PRXError(.badCheckpoint, "\(path): the pad_token \(name) is not in the vocabulary")
        }
        return id
    }

    /// On which side texts are padded: as `tokenizer_config.json` says, else as the class does: Gemma left, others right.
    func padsLeft() throws(PRXError) -> Bool {
        switch config["padding_side"] as? String {
        case nil: return (config["tokenizer_class"] as? String ?? "").hasPrefix("Gemma")
        case "right": return false
        case "left": return true
        case let other?: throw PRXError(.badCheckpoint, "\(path): padding_side is \(other), expected left or right")
        }
    }

    /// `model_max_length` of `tokenizer_config.json`, which latent pipelines cut prompts to; nil where there is none, or the
    /// huge number that transformers writes for none.
    static func modelMaximumLength(folder: String) throws(PRXError) -> Int? {
        let path = "\(folder)/tokenizer_config.json"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let length = (try object(at: path)["model_max_length"] as? NSNumber)?.doubleValue
        return length.flatMap { (1...65_536).contains($0) ? Int($0) : nil }
    }

    private func requireQwen2(_ model: [String: Any]) throws(PRXError) {
        func refuse(_ what: String) -> PRXError { PRXError(.unsupported, "\(path): \(what) is not supported") }
        guard model["type"] as? String == "BPE" else {
            throw refuse("the model \(model["type"] as? String ?? "without a type")")
        }
        for key in ["dropout", "unk_token"] where !(model[key] is NSNull) && model[key] != nil {
            throw refuse("model.\(key)")
        }
        for key in ["byte_fallback", "ignore_merges", "fuse_unk"] where model[key] as? Bool == true {
            throw refuse("model.\(key)")
        }
        let normalizer = root["normalizer"] as? [String: Any]
        guard normalizer?["type"] as? String == "NFC" else {
            throw refuse("the normalizer \(normalizer?["type"] as? String ?? "none")")
        }
        let pre = root["pre_tokenizer"] as? [String: Any]
        let steps = pre?["pretokenizers"] as? [[String: Any]] ?? []
        guard pre?["type"] as? String == "Sequence", steps.count == 2, steps[0]["type"] as? String == "Split",
            (steps[0]["pattern"] as? [String: Any])?["Regex"] as? String == Qwen2PreTokenizer.pattern,
            steps[0]["behavior"] as? String == "Isolated", steps[1]["type"] as? String == "ByteLevel",
            steps[1]["add_prefix_space"] as? Bool == false, steps[1]["use_regex"] as? Bool == false
        else { throw refuse("a pre_tokenizer other than Qwen2's") }
    }

    private func requireGemma(_ model: [String: Any]) throws(PRXError) {
        func refuse(_ what: String) -> PRXError { PRXError(.unsupported, "\(path): \(what) is not supported") }
        guard model["type"] as? String == "BPE" else {
            throw refuse("the model \(model["type"] as? String ?? "without a type")")
        }
        guard model["ignore_merges"] as? Bool != true else { throw refuse("model.ignore_merges") }
        let normalizer = root["normalizer"] as? [String: Any]
        guard normalizer?["type"] as? String == "Replace", normalizer?["content"] as? String == "\u{2581}",
            (normalizer?["pattern"] as? [String: Any])?["String"] as? String == " "
        else { throw refuse("a normalizer other than Gemma's") }
        // The pre-tokenizer splits at spaces, of which the normalizer has left none.
        let pre = root["pre_tokenizer"] as? [String: Any]
        guard pre == nil || (pre?["pattern"] as? [String: Any])?["String"] as? String == " " else {
            throw refuse("a pre_tokenizer other than Gemma's")
        }
    }

    private static func object(at path: String) throws(PRXError) -> [String: Any] {
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            guard let size = attributes[.size] as? NSNumber, size.intValue <= maximumBytes else {
                throw PRXError(.badCheckpoint, "\(path): too large for a tokenizer")
            }
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            guard let object = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
                throw PRXError(.badCheckpoint, "\(path): a JSON object is expected")
            }
            return object
        } catch let error as PRXError {
            throw error
        } catch {
            throw PRXError(.badCheckpoint, "\(path) is no JSON or cannot be read")
        }
    }
}
