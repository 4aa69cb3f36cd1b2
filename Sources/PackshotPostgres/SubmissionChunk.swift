internal import PackshotJobs

/// Some jobs of a submission, made ready to be written: what can be worked out without the server.
struct SubmissionChunk: Sendable {
    /// Products in the order they come; one that comes again later comes twice.
    private(set) var products: [ProductRecord] = []
    /// By priority, and as they came within each: jobs of one lane then get ids that follow each other, and go to the queue as
    /// one entry.
    let jobs: [PlannedJob]
    /// The identity of each job, ``PlannedJob/uniqueKey(in:)``.
    private(set) var keys: [[UInt8]] = []
    /// Which of the products each job is of.
    private(set) var productIndices: [Int] = []

    init(_ planned: [PlannedJob], of batch: NewBatch) {
        keys.reserveCapacity(planned.count)
        productIndices.reserveCapacity(planned.count)
        for job in planned {
            if products.last?.sku != job.product.sku { products.append(job.product) }
            productIndices.append(products.count - 1)
            keys.append(job.uniqueKey(in: batch))
        }
        guard let first = planned.first, planned.contains(where: { $0.priority != first.priority }) else {
            jobs = planned
            return
        }
        let order = planned.indices.sorted { (planned[$0].priority, $0) < (planned[$1].priority, $1) }
        jobs = order.map { planned[$0] }
        keys = order.map { [keys] in keys[$0] }
        productIndices = order.map { [productIndices] in productIndices[$0] }
    }
}
