package import ArgumentParser
internal import Foundation
internal import PRX
internal import PackshotCatalog
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotRedis
internal import PackshotWorker

/// `packshot enqueue`: a catalog becomes a batch of jobs.
package struct EnqueueCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "enqueue", abstract: "Submit a catalog: products x shots x variants become jobs.",
        discussion: """
            Reads the whole catalog first and reports everything wrong with it; then writes the batch and its jobs in one \
            transaction and gives them to the queue. Submitting the same again adds nothing.
            """)

    @Argument(help: "Catalog file: CSV or TSV with at least the columns sku and title.")
    package var file: String

    @Option(help: "Shots file (YAML). Default: one product photo.")
    package var shots: String?

    @Option(help: "Checkpoint folder in diffusers' layout.")
    package var model: String

    @Option(help: "Folder the images go to.")
    package var out: String

    @Option(help: "The batch's name, a folder below --out (default: the catalog's name).")
    package var name: String?

    @Option(help: "Take only the first so many products.")
    package var limit: Int?

    @Option(
        name: .customLong("max-cost"),
        help: "Refuse, exit code 6, when the batch would cost more US dollars by the model's measured pace.")
    package var maxCost: String?

    @Option(name: .customLong("max-attempts"), help: "Attempts a job is allowed.")
    package var maxAttempts = 3

    @Flag(help: "Wait until every job of the batch is done; exit code 3 if some failed.")
    package var wait = false

    @Flag(help: "Print the result as JSON.")
    package var json = false

    package init() {}

    package func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is at least 1") }
        guard (1...100).contains(maxAttempts) else { throw ValidationError("--max-attempts is 1 to 100") }
        if let maxCost, MicroDollars(dollars: maxCost) == nil {
            throw ValidationError("--max-cost is an amount in US dollars, such as 12.50")
        }
    }

    private struct Report: Encodable {
        let batch: String
        let id: Int64
        let products: Int
        let submitted: Int
        let created: Int
        let existing: Int
        let dispatched: Int
        let status: LedgerReports.BatchReport?
    }

    package func run() async throws {
        // Everything that can be wrong is looked at before anything is written.
        let stores = try Stores()
        let checkpoint = try ModelFolder.open(model)
        let (plan, summary) = try makePlan(checkpoint)
        let (ledger, reports) = try await stores.ledger()
        let queue = try await stores.queue(isQuiet: json)
        try await checkBudget(summary.images, ledger: reports, fingerprint: checkpoint.fingerprint())

        let batch = NewBatch(
            name: plan.batch, outputRoot: URL(fileURLWithPath: out).standardizedFileURL.path,
            sourcePath: file, sourceSHA256: summary.sha256, model: try ModelRecord(checkpoint), maxAttempts: maxAttempts
        )
        let reader = try plan.images(expecting: summary.sha256)
        let submission = try await ledger.submit(batch) { try reader.nextChunk(2_000)?.map(\.job) }
        let dispatched = try await Dispatcher(ledger: ledger, queue: queue).dispatch(submission.batch)
        if !json {
            Talk.note(
                "batch \(plan.batch): \(summary.products) products, \(submission.submitted) images; \(submission.created) new"
                    + (submission.existing > 0 ? ", \(submission.existing) known already: nothing is made twice" : ""))
        }
        var status: LedgerReports.BatchReport?
        if wait { status = try await BatchProgress(reports: reports).follow(submission.batch) }
        if json {
            try Talk.json(
                Report(
                    batch: plan.batch, id: submission.batch.rawValue, products: summary.products,
                    submitted: submission.submitted, created: submission.created, existing: submission.existing,
                    dispatched: dispatched, status: status))
        } else if !wait {
            Talk.result(plan.batch)
        }
        if let status, status.failed > 0 {
            throw CommandError(
                .someJobsFailed,
                "\(status.failed) of \(status.total) jobs failed: \"packshot status \(plan.batch)\" says why")
        }
    }

    private func makePlan(_ checkpoint: PRXCheckpoint) throws -> (Plan, Plan.Summary) {
        do {
            let shotList = try shots.map { try ShotsFile.load(path: $0) } ?? Shot.standard
            let stem = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
            let plan = Plan(
                catalogPath: file, shots: shotList, shotsPath: shots ?? "the built-in shot", batch: name ?? stem,
                defaults: Plan.Defaults(
                    width: checkpoint.defaultSize, height: checkpoint.defaultSize, steps: PRXCheckpoint.defaultSteps,
                    guidance: PRXCheckpoint.defaultGuidance), productLimit: limit)
            let summary = try plan.check()
            for workload in summary.workloads.keys {
                do {
                    try checkpoint.validate(
                        GenerationRequest(
                            seed: 0, steps: workload.steps, guidance: workload.guidance, width: workload.width,
                            height: workload.height))
                } catch {
                    throw CommandError(.invalidInput, "\(shots ?? file): \(error.message)")
                }
            }
            return (plan, summary)
        } catch let error as CatalogError {
            throw CommandError(.invalidInput, error.description)
        }
    }

    private func checkBudget(_ images: Int, ledger: LedgerReports, fingerprint: String) async throws {
        guard let budget = maxCost.flatMap({ MicroDollars(dollars: $0) }) else { return }
        guard let each = try await ledger.meanImageCost(ModelFingerprint(rawValue: fingerprint)) else {
            throw CommandError(
                .overBudget,
                "no image of this model has been made yet, so what \(images) would cost is unknown; make a few first (--limit 3), without --max-cost"
            )
        }
        let estimate = MicroDollars(rawValue: Int64((each * Double(images)).rounded(.up)))
        guard estimate <= budget else {
            throw CommandError(
                .overBudget,
                "\(images) images would cost about \(estimate), more than the \(budget) allowed; nothing was submitted")
        }
    }
}
