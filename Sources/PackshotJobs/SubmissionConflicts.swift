/// Why a submission contradicts what the ledger holds: all of it, so that it can be mended at once. Both ledgers say it with this.
package struct SubmissionConflicts: Sendable {
    /// A job that cannot be added as it is.
    package struct Clash: Hashable, Sendable {
        package let sku: String
        package let shot: String
        package let path: String

        package init(sku: String, shot: String, path: String) {
            self.sku = sku
            self.shot = shot
            self.path = path
        }
    }

    /// What is named; the rest is counted.
    private static let mostNamed = 10

    private let batch: String
    private var taken: [Clash] = []
    private var takenCount = 0
    private var waiting: [Clash] = []
    private var waitingCount = 0

    /// - Parameter batch: Its name.
    package init(batch: String) {
        self.batch = batch
    }

    package var isEmpty: Bool { takenCount == 0 && waitingCount == 0 }

    /// Jobs whose paths are taken by images with other settings.
    package mutating func addTaken(_ clashes: [Clash]) {
        takenCount += clashes.count
        taken += clashes.prefix(Self.mostNamed - taken.count)
    }

    /// Jobs that wait already, with another priority.
    package mutating func addWaiting(_ clashes: [Clash]) {
        waitingCount += clashes.count
        waiting += clashes.prefix(Self.mostNamed - waiting.count)
    }

    /// All of it.
    package var error: StoreError {
        var lines: [String] = []
        if takenCount > 0 {
            lines.append(
                "batch \(batch) has \(Self.images(takenCount)) with other settings at the same paths; submit under another --name, or to another --out"
            )
            lines += Self.named(taken, of: takenCount)
        }
        if waitingCount > 0 {
            lines.append(
                "\(Self.images(waitingCount)) of batch \(batch) wait already with another priority; cancel them first, then submit again"
            )
            lines += Self.named(waiting, of: waitingCount)
        }
        return StoreError(.postgres, .conflict, lines.joined(separator: "\n"))
    }

    private static func images(_ count: Int) -> String { count == 1 ? "1 image" : "\(count) images" }

    private static func named(_ clashes: [Clash], of count: Int) -> [String] {
        clashes.map { "  SKU \($0.sku), shot \($0.shot): \($0.path)" }
            + (count > clashes.count ? ["  and \(count - clashes.count) more"] : [])
    }

    // MARK: The batch itself

    /// The batch is of another model.
    package static func model(of batch: NewBatch, is other: (name: String, fingerprint: ModelFingerprint)) -> StoreError
    {
        StoreError(
            .postgres, .conflict,
            "batch \(batch.name) is made with model \(other.name) (\(other.fingerprint.rawValue.prefix(12))), not with \(batch.model.name) (\(batch.model.fingerprint.rawValue.prefix(12))); submit under another --name"
        )
    }

    /// The batch allows another number of attempts.
    package static func attempts(of batch: NewBatch, are allowed: Int) -> StoreError {
        StoreError(
            .postgres, .conflict,
            "batch \(batch.name) was submitted with --max-attempts \(allowed), which stays; leave it out, or submit under another --name"
        )
    }

    /// The batch takes turns with others'.
    package static func tenant(of batch: NewBatch, is other: String?) -> StoreError {
        let present = other.map { "was submitted with --tenant \($0)" } ?? "was submitted without --tenant"
        return StoreError(
            .postgres, .conflict,
            "batch \(batch.name) \(present), which stays; leave it out, or submit under another --name")
    }
}
