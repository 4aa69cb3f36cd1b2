internal import Foundation
internal import StrictJSON

/// `tokenizer.json` and `tokenizer_config.json`, checked: what is not understood is an error, never ignored.
struct TokenizerFile {
    let vocabulary: TokenTable
    let merges: [UInt64: BytePairEncoder.Merge]
    /// Added tokens that are looked for in the raw text, and those looked for after normalisation.
    private(set) var addedTokens: [(content: String, id: Int32, isNormalized: Bool)] = []
    private let path: String
    private var addedIDs = TokenTable()
    private let root: [String: Any]
    private let model: [String: Any]
    private let config: [String: Any]

    init(folder: String) throws(PromptTextError) {
        path = "\(folder)/tokenizer.json"
        guard FileManager.default.fileExists(atPath: path) else {
            let hasModel = FileManager.default.fileExists(atPath: "\(folder)/tokenizer.model")
            throw PromptTextError(
                .badCheckpoint,
                hasModel
                    ? "\(path) is missing; tokenizer.model alone is not read: save the tokenizer with transformers' save_pretrained to get tokenizer.json"
                    : "\(path) is missing")
        }
        let tables = try Self.model(at: path)
        (vocabulary, merges, model, root) = (tables.vocabulary, tables.merges, tables.settings, tables.root)
        let configPath = "\(folder)/tokenizer_config.json"
        config = FileManager.default.fileExists(atPath: configPath) ? try JSONFile.object(at: configPath) : [:]
        for entry in root["added_tokens"] as? [[String: Any]] ?? [] {
            guard let content = entry["content"] as? String, !content.isEmpty,
                let id = (entry["id"] as? NSNumber).flatMap({ Int32(exactly: $0.int64Value) }), id >= 0
            else {
                throw PromptTextError(.badCheckpoint, "\(path): an entry of added_tokens has no content or id")
            }
            for flag in ["single_word", "lstrip", "rstrip"] where entry[flag] as? Bool == true {
                throw PromptTextError(.unsupported, "\(path): \(flag) of the added token \(content) is not supported")
            }
            addedIDs.insert(Array(content.utf8), id: id)
            addedTokens.append((content, id, entry["normalized"] as? Bool ?? false))
        }
    }

    /// The two kinds there are.
    enum Kind {
        case qwen2
        case gemma
    }

    /// Which kind this is.
    /// - Throws: ``PromptTextError`` `.unsupported` naming what is neither's.
    func kind() throws(PromptTextError) -> Kind {
        if model["byte_fallback"] as? Bool == true {
            try requireGemma()
            return .gemma
        }
        try requireQwen2()
        return .qwen2
    }

    /// The token for what the vocabulary cannot write, and whether several in a row are written as one.
    func unknownToken() throws(PromptTextError) -> (id: Int32, isFused: Bool) {
        guard let name = model["unk_token"] as? String, let id = vocabulary[name] ?? addedIDs[name] else {
            throw PromptTextError(.badCheckpoint, "\(path): model.unk_token is missing or not in the vocabulary")
        }
        return (id, model["fuse_unk"] as? Bool ?? false)
    }

    /// Special tokens before and behind every text.
    func template() throws(PromptTextError) -> (prefix: [Int32], suffix: [Int32]) {
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
            else { throw PromptTextError(.unsupported, "\(path): the post_processor \(type) is not supported") }
            var hasText = false
            for part in single {
                if part["Sequence"] != nil {
                    hasText = true
                } else if let name = (part["SpecialToken"] as? [String: Any])?["id"] as? String,
                    let ids = (specials[name]?["ids"] as? [NSNumber])?.map({ $0.int32Value })
                {
                    if hasText { suffix += ids } else { prefix += ids }
                } else {
                    throw PromptTextError(
                        .badCheckpoint, "\(path): a part of post_processor.single is neither text nor a special token")
                }
            }
        }
        return (prefix, suffix)
    }

    /// Id of the padding token that `tokenizer_config.json` names.
    func padToken() throws(PromptTextError) -> Int32 {
        let name = config["pad_token"] as? String ?? (config["pad_token"] as? [String: Any])?["content"] as? String
        guard let name else { return 0 }
        guard let id = addedIDs[name] ?? vocabulary[name] else {
            throw PromptTextError(.badCheckpoint, "\(path): the pad_token \(name) is not in the vocabulary")
        }
        return id
    }

    /// On which side texts are padded: as `tokenizer_config.json` says, else as the class does: Gemma left, others right.
    func padsLeft() throws(PromptTextError) -> Bool {
        switch config["padding_side"] as? String {
        case nil: return (config["tokenizer_class"] as? String ?? "").hasPrefix("Gemma")
        case "right": return false
        case "left": return true
        case let other?:
            throw PromptTextError(.badCheckpoint, "\(path): padding_side is \(other), expected left or right")
        }
    }

    /// `model_max_length` of `tokenizer_config.json`, which latent pipelines cut prompts to; nil where there is none, or the
    /// huge number that transformers writes for none.
    static func modelMaximumLength(folder: String) throws(PromptTextError) -> Int? {
        let path = "\(folder)/tokenizer_config.json"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let length = (try JSONFile.object(at: path)["model_max_length"] as? NSNumber)?.doubleValue
        return length.flatMap { (1...65_536).contains($0) ? Int($0) : nil }
    }

    private func requireQwen2() throws(PromptTextError) {
        func refuse(_ what: String) -> PromptTextError {
            PromptTextError(.unsupported, "\(path): \(what) is not supported")
        }
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

    private func requireGemma() throws(PromptTextError) {
        func refuse(_ what: String) -> PromptTextError {
            PromptTextError(.unsupported, "\(path): \(what) is not supported")
        }
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

    private static func model(at path: String) throws(PromptTextError) -> TokenizerModel {
        let data = try JSONFile.contents(of: path)
        do {
            return try data.withUnsafeBytes { try TokenizerModel($0) }
        } catch let error as JSONScanner.Malformed {
            throw PromptTextError(.badCheckpoint, "\(path): \(error.reason)")
        } catch {
            throw PromptTextError(.badCheckpoint, "\(path): \(error)")
        }
    }
}
