/// Token ids by the UTF-8 bytes of their words.
///
/// No dictionary of strings: two of Swift's strings are equal when they are canonically equivalent, and vocabularies hold
/// both forms of many letters as words of their own.
struct TokenTable: Sendable {
    private var bytes: [UInt8] = []
    /// Word `i` ends at `ends[i]` and starts where the one before it ends.
    private var ends: [Int] = []
    private var ids: [Int32] = []
    /// Open addressing: indices of words, -1 where there is none; a power of two of them.
    private var slots: [Int32] = [Int32](repeating: -1, count: 1024)

    var count: Int { ids.count }

    /// Adds a word; one that is there already gets the new id, as in the map upstream reads into.
    mutating func insert(_ word: [UInt8], id: Int32) {
        let slot = slot(of: word)
        if slots[slot] >= 0 {
            ids[Int(slots[slot])] = id
            return
        }
        slots[slot] = Int32(ids.count)
        bytes += word
        ends.append(bytes.count)
        ids.append(id)
        if ids.count * 2 > slots.count { grow() }
    }

    /// The id of a word.
    subscript(word: [UInt8]) -> Int32? {
        let index = slots[slot(of: word)]
        return index < 0 ? nil : ids[Int(index)]
    }

    /// The id of a word.
    subscript(word: String) -> Int32? { self[Array(word.utf8)] }

    /// Ids of the words that are one Unicode scalar long.
    func singleScalars() -> [Unicode.Scalar: Int32] {
        var result: [Unicode.Scalar: Int32] = [:]
        for index in ids.indices {
            let range = range(of: index)
            guard (1...4).contains(range.count) else { continue }
            let scalars = String(decoding: bytes[range], as: UTF8.self).unicodeScalars
            if scalars.count == 1, let scalar = scalars.first { result[scalar] = ids[index] }
        }
        return result
    }

    private func range(of index: Int) -> Range<Int> {
        (index == 0 ? 0 : ends[index - 1])..<ends[index]
    }

    /// Where a word is, or would be put.
    private func slot(of word: [UInt8]) -> Int {
        var slot = Self.hash(word[...]) & (slots.count - 1)
        while slots[slot] >= 0 {
            let range = range(of: Int(slots[slot]))
            if range.count == word.count, bytes[range].elementsEqual(word) { break }
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }

    private mutating func grow() {
        slots = [Int32](repeating: -1, count: slots.count * 2)
        for index in ids.indices {
            var slot = Self.hash(bytes[range(of: index)]) & (slots.count - 1)
            while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = Int32(index)
        }
    }

    /// Seeded differently in every process, so that no file can be made to collide.
    private static func hash(_ word: ArraySlice<UInt8>) -> Int {
        var hasher = Hasher()
        word.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize()
    }
}
