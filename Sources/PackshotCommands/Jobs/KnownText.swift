/// Where the images lie that other batches have, as lines for people.
struct KnownText {
    let groups: [KnownImages.Group]
    /// Number of the batch that was submitted, whose own images need no telling.
    let own: Int64

    /// One line a batch.
    var lines: [String] {
        var numbers: [Int64] = []
        for group in groups where group.id != own && !numbers.contains(group.id) { numbers.append(group.id) }
        return numbers.compactMap { number in
            let states = groups.filter { $0.id == number }
            guard let first = states.first else { return nil }
            let counts = states.map { "\($0.count) \($0.state == "completed" ? "made" : $0.state)" }
            return "in batch \(first.batch) (number \(number)), \(first.folder): \(counts.joined(separator: ", "))"
        }
    }

    /// What to do about images that were cancelled or given up in another batch; nil when there are none.
    var advice: String? {
        let lost = groups.filter { $0.id != own && ["cancelled", "discarded"].contains($0.state) }
        guard !lost.isEmpty else { return nil }
        let commands = lost.map { "packshot retry \($0.id) --where state=\($0.state)" }
        return
            "\(lost.reduce(0) { $0 + $1.count }) images were cancelled or given up in another batch and are not made: "
            + commands.joined(separator: "; ")
    }
}
