/// Byte pair encoding: merges adjacent symbols, the pair with the lowest rank first and the leftmost of equals, until no
/// pair has a merge.
///
/// Works with a heap over a linked list, so that a long word takes n log n time. The rule is that of Sennrich, Haddow and
/// Birch 2016 as Hugging Face's `tokenizers` applies it.
struct BytePairEncoder: Sendable {
    /// Rank and result of a merge.
    struct Merge: Sendable {
        let rank: Int32
        let result: Int32
    }

    private let merges: [UInt64: Merge]

    init(merges: [UInt64: Merge]) {
        self.merges = merges
    }

    static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// The symbols of a word after all merges.
    func encode(_ word: [Int32]) -> [Int32] {
        guard word.count > 1 else { return word }
        var symbols = word
        // -1 marks a symbol that was merged into its left neighbour.
        var next = (1...word.count).map { $0 < word.count ? $0 : -1 }
        var previous = (0..<word.count).map { $0 - 1 }
        var heap = CandidateHeap()
        func propose(_ left: Int) {
            let right = next[left]
            guard right >= 0, let merge = merges[Self.key(symbols[left], symbols[right])] else { return }
            heap.push(
                Candidate(
                    rank: merge.rank, left: Int32(left), a: symbols[left], b: symbols[right], result: merge.result))
        }
        for index in 0..<(word.count - 1) { propose(index) }
        while let candidate = heap.pop() {
            let left = Int(candidate.left)
            guard symbols[left] == candidate.a, case let right = next[left], right >= 0, symbols[right] == candidate.b
            else {
                continue
            }
            symbols[left] = candidate.result
            symbols[right] = -1
            next[left] = next[right]
            if next[right] >= 0 { previous[next[right]] = left }
            if previous[left] >= 0 { propose(previous[left]) }
            propose(left)
        }
        return symbols.filter { $0 >= 0 }
    }
}

/// A pair that could be merged, as it was when it was proposed.
private struct Candidate {
    let rank: Int32
    let left: Int32
    let a: Int32
    let b: Int32
    let result: Int32

    func comesBefore(_ other: Candidate) -> Bool {
        rank != other.rank ? rank < other.rank : left < other.left
    }
}

/// A binary heap of candidates, the next to merge on top.
private struct CandidateHeap {
    private var items: [Candidate] = []

    mutating func push(_ item: Candidate) {
        items.append(item)
        var index = items.count - 1
        while index > 0, case let parent = (index - 1) / 2, items[index].comesBefore(items[parent]) {
            items.swapAt(index, parent)
            index = parent
        }
    }

    mutating func pop() -> Candidate? {
        guard let top = items.first else { return nil }
        let last = items.removeLast()
        guard !items.isEmpty else { return top }
        items[0] = last
        var index = 0
        while true {
            var smallest = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < items.count && items[child].comesBefore(items[smallest]) {
                smallest = child
            }
            if smallest == index { return top }
            items.swapAt(index, smallest)
            index = smallest
        }
    }
}
