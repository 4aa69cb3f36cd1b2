/// Which jobs a person means.
package struct JobSelection: Hashable, Sendable {
    package var batch: BatchID?
    package var job: JobID?
    package var model: ModelFingerprint?
    /// States the job is in; empty for every state.
    package var states: Set<JobState> = []
    /// The product's SKU and the shot's name, `*` standing for any text.
    package var sku: String?
    package var shot: String?
    /// Code of the job's last failure, `*` standing for any text.
    package var reason: String?

    package init(batch: BatchID? = nil, states: Set<JobState> = []) {
        self.batch = batch
        self.states = states
    }

    /// What is wrong with a condition.
    package struct BadCondition: Error, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// Narrows the selection by `key=value`: `job`, `state`, `sku`, `shot` or `reason`; several states by repeating it.
    /// - Throws: ``BadCondition`` for another key or a value that cannot be.
    package mutating func narrow(_ condition: String) throws(BadCondition) {
        let halves = condition.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard halves.count == 2, !halves[1].isEmpty else {
            throw BadCondition(description: "\(condition.debugDescription) is not KEY=VALUE")
        }
        let value = halves[1]
        switch halves[0] {
        case "job":
            guard let number = Int64(value) else {
                throw BadCondition(description: "job=\(value): a number is expected")
            }
            job = JobID(rawValue: number)
        case "state":
            guard let state = JobState(rawValue: value) else {
                let known = JobState.allCases.map(\.rawValue).joined(separator: ", ")
                throw BadCondition(description: "state=\(value): expected one of \(known)")
            }
            states.insert(state)
        case "sku": sku = value
        case "shot": shot = value
        case "reason": reason = value
        default:
            throw BadCondition(
                description: "\(halves[0].debugDescription) is no key: expected job, state, sku, shot or reason")
        }
    }

    /// Whether a text fits a pattern in which `*` stands for any text.
    package static func matches(_ text: String, _ pattern: String) -> Bool {
        let pieces = pattern.unicodeScalars.split(separator: "*", omittingEmptySubsequences: false).map(Array.init)
        var rest = Array(text.unicodeScalars)[...]
        guard pieces.count > 1, let first = pieces.first, let last = pieces.last else { return text == pattern }
        guard rest.starts(with: first) else { return false }
        rest = rest.dropFirst(first.count)
        for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
            guard let place = rest.indices.first(where: { rest[$0...].starts(with: piece) }) else { return false }
            rest = rest[(place + piece.count)...]
        }
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }
}
