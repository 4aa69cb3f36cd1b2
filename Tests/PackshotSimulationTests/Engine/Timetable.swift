/// The waits that end at a known moment, soonest first; of those that end together, the one that began first. A binary
/// heap.
struct Timetable {
    private struct Entry {
        let time: VirtualTime
        let order: UInt64
        let wait: Wait

        func isBefore(_ other: Entry) -> Bool { (time, order) < (other.time, other.order) }
    }

    private var heap: [Entry] = []
    private var order: UInt64 = 0

    mutating func add(_ wait: Wait, at time: VirtualTime) {
        order += 1
        heap.append(Entry(time: time, order: order, wait: wait))
        var child = heap.count - 1
        while child > 0, heap[child].isBefore(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes the next wait and its moment.
    mutating func next() -> (time: VirtualTime, wait: Wait)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.time, first.wait)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].isBefore(heap[least])
            {
                least = child
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
