/// Whose fault it is that an attempt came to nothing. Only a job's own faults count against its attempts.
package enum FaultOwner: String, CaseIterable, Codable, Sendable {
    /// What was asked for: its text, its settings, its place. It would fail anywhere.
    case job
    /// The computer the worker runs on: its folders, its disks, its limits. Another may do it.
    case machine
    /// PostgreSQL or Redis: everybody waits.
    case store
    /// What a person has set up: a model's folder, a schema. It waits for a person.
    case configuration
}
