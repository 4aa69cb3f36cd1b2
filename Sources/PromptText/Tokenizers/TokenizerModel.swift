internal import Foundation
internal import StrictJSON

/// The parts of a `tokenizer.json`: the two large tables of its model, read in place, and the small rest as objects.
struct TokenizerModel {
    /// Words and their ids.
    let vocabulary: TokenTable
    /// Merges by the pair of ids.
    let merges: [UInt64: BytePairEncoder.Merge]
    /// Every other member of `model`.
    let settings: [String: Any]
    /// Every other member of the file.
    let root: [String: Any]

    /// - Throws: ``JSONScanner/Malformed`` saying what is wrong, without the file's name.
    init(_ bytes: UnsafeRawBufferPointer) throws(JSONScanner.Malformed) {
        var root = try Self.members(of: bytes)
        guard let model = root.removeValue(forKey: "model") else {
            throw JSONScanner.Malformed(reason: "model is missing")
        }
        let modelBytes = UnsafeRawBufferPointer(rebasing: bytes[model])
        var settings = try Self.members(of: modelBytes)
        let words = settings.removeValue(forKey: "vocab")
        let pairs = settings.removeValue(forKey: "merges")
        self.settings = try Self.values(settings, of: modelBytes, below: "model.")
        self.root = try Self.values(root, of: bytes, below: "")
        guard self.settings["type"] as? String == "BPE" else {
            // Other kinds have other tables; whoever asks for the kind says that it is not supported.
            (vocabulary, merges) = (TokenTable(), [:])
            return
        }
        guard let words else { throw JSONScanner.Malformed(reason: "model.vocab is missing") }
        guard let pairs else { throw JSONScanner.Malformed(reason: "model.merges is missing") }
        vocabulary = try Self.vocabulary(UnsafeRawBufferPointer(rebasing: modelBytes[words]))
        merges = try Self.merges(UnsafeRawBufferPointer(rebasing: modelBytes[pairs]), vocabulary)
    }

    /// Where the values of an object's members are.
    private static func members(of bytes: UnsafeRawBufferPointer) throws(JSONScanner.Malformed) -> [String: Range<Int>]
    {
        var scanner = JSONScanner(bytes)
        var result: [String: Range<Int>] = [:]
        try scanner.object { scanner, key throws(JSONScanner.Malformed) in
            result[String(decoding: key, as: UTF8.self)] = try scanner.skipValue()
        }
        try scanner.finish()
        return result
    }

    private static func values(
        _ members: [String: Range<Int>], of bytes: UnsafeRawBufferPointer, below path: String
    ) throws(JSONScanner.Malformed) -> [String: Any] {
        var result: [String: Any] = [:]
        for (key, range) in members {
            let text = Data(UnsafeRawBufferPointer(rebasing: bytes[range]))
            guard let value = try? JSONSerialization.jsonObject(with: text, options: .fragmentsAllowed) else {
                throw JSONScanner.Malformed(reason: "\(path)\(key.prefix(40)) is no JSON")
            }
            result[key] = value
        }
        return result
    }

    private static func vocabulary(_ bytes: UnsafeRawBufferPointer) throws(JSONScanner.Malformed) -> TokenTable {
        var scanner = JSONScanner(bytes)
        var table = TokenTable()
        try scanner.object { scanner, word throws(JSONScanner.Malformed) in
            guard let id = Int32(exactly: try scanner.integer()) else {
                throw JSONScanner.Malformed(reason: "model.vocab: the id of \(shown(word)) is too large")
            }
            table.insert(word, id: id)
        }
        return table
    }

    /// Older files write a merge as "a b", newer ones as ["a", "b"].
    private static func merges(
        _ bytes: UnsafeRawBufferPointer, _ vocabulary: TokenTable
    ) throws(JSONScanner.Malformed) -> [UInt64: BytePairEncoder.Merge] {
        var scanner = JSONScanner(bytes)
        var result: [UInt64: BytePairEncoder.Merge] = [:]
        // A merge makes a word, and few words are made by more than two.
        result.reserveCapacity(vocabulary.count * 2)
        var left: [UInt8] = []
        var right: [UInt8] = []
        var rank: Int32 = 0
        try scanner.array { scanner throws(JSONScanner.Malformed) in
            left.removeAll(keepingCapacity: true)
            right.removeAll(keepingCapacity: true)
            if scanner.isAtString() {
                try scanner.string(into: &left)
                guard let space = left.firstIndex(of: 32) else {
                    throw JSONScanner.Malformed(reason: "model.merges: merge \(rank) is no pair")
                }
                right += left[(space + 1)...]
                left.removeSubrange(space...)
            } else {
                try scanner.expect("[")
                try scanner.string(into: &left)
                try scanner.expect(",")
                try scanner.string(into: &right)
                try scanner.expect("]")
            }
            guard let first = vocabulary[left], let second = vocabulary[right], let whole = vocabulary[left + right]
            else {
                throw JSONScanner.Malformed(
                    reason:
                        "model.merges: merge \(rank), \(shown(left)) and \(shown(right)), is not made of words of the vocabulary"
                )
            }
            // Of two merges of one pair the last counts, as in the map upstream reads into.
            result[BytePairEncoder.key(first, second)] = BytePairEncoder.Merge(rank: rank, result: whole)
            rank += 1
        }
        return result
    }

    private static func shown(_ word: [UInt8]) -> String {
        String(decoding: word.prefix(40), as: UTF8.self).debugDescription
    }
}
