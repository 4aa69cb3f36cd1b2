internal import PRX
internal import PackshotJobs
internal import Synchronization

/// Finds out whether cleaning takes letters out of a batch's prompts, so that it can be said before a night's work.
///
/// Looks at the first 2,000 prompts that have anything beyond ASCII in them, or an address.
final class CleaningLosses: Sendable {
    private struct Count {
        var seen = 0
        var lost = 0
        var example: (sku: String, prompt: String, effective: String)?
    }

    private static let most = 2_000

    private let checkpoint: PRXCheckpoint
    private let count = Mutex(Count())

    init(checkpoint: PRXCheckpoint) {
        self.checkpoint = checkpoint
    }

    func look(at job: PlannedJob) {
        guard job.spec.textCleaning != .light, checkpoint.defaultTextCleaning == .full,
            job.spec.prompt.utf8.contains(where: { $0 >= 0x80 || $0 == UInt8(ascii: "@") })
        else { return }
        count.withLock { count in
            guard count.seen < Self.most else { return }
            count.seen += 1
            let cleaned = TextCleaning.full.cleanedPrompt(job.spec.prompt)
            guard cleaned.droppedLetters || cleaned.wasEmptied else { return }
            count.lost += 1
            if count.example == nil { count.example = (job.product.sku, job.spec.prompt, cleaned.effective) }
        }
    }

    /// What to tell the person who submits; nil when nothing is lost.
    var warning: String? {
        count.withLock { count in
            guard let example = count.example else { return nil }
            return
                "cleaning takes letters out of \(count.lost) of \(count.seen) prompts looked at: SKU \(example.sku), "
                + "\(example.prompt.prefix(80).debugDescription) becomes \(example.effective.prefix(80).debugDescription). "
                + "text_cleaning: light in the shots file keeps them"
        }
    }
}
