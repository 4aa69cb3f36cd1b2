package import ArgumentParser
internal import Foundation
internal import Logging
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
            Writes the batch and its jobs in one transaction and gives them to the queue. If anything is wrong with the catalog, \
            it reports everything that is, and nothing is written. Submitting the same again adds nothing.
            """)

    @Argument(help: "Catalog file: CSV or TSV with at least the columns sku and title; - for standard input.")
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
        help:
            "Budget of the batch in US dollars: refuse, exit code 6, what would cost more by the model's measured pace; then never spend more."
    )
    package var maxCost: String?

    @Option(help: "Added to every shot's priority, -9 (more urgent) to 9; the sum stays within 0 to 9.")
    package var priority = 0

    @Option(
        help: "Whose batches take turns as one with others' of the same priority (default: each batch takes turns).")
    package var tenant: String?

    @Option(help: "Turns of this batch for each one of a batch of weight 1, 1 to 100 (default: 1).")
    package var weight: Int?

    @Option(
        name: .customLong("start-at"),
        help: "Begin no image before this moment, such as 2026-12-01T06:00:00Z, or +2h from now.")
    package var startAt: StartTime?

    @Option(name: .customLong("max-attempts"), help: "Attempts a job is allowed (default: 3).")
    package var maxAttempts: Int?

    @Option(help: "File to list the accepted images in, one JSON object a line, for packshot audit.")
    package var manifest: String?

    @Flag(help: "Wait until every job of the batch is done; exit code 3 if some failed.")
    package var wait = false

    @Flag(help: "Print the result as JSON.")
    package var json = false

    package init() {}

    package func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is at least 1") }
        guard (-9...9).contains(priority) else { throw ValidationError("--priority is -9 to 9") }
        guard weight.map(QueueShare.weights.contains) ?? true else { throw ValidationError("--weight is 1 to 100") }
        if let tenant, tenant.isEmpty || tenant.utf8.count > 200 {
            throw ValidationError("--tenant is a name of at most 200 bytes")
        }
        guard maxAttempts.map((1...100).contains) ?? true else { throw ValidationError("--max-attempts is 1 to 100") }
        if let maxCost, MicroDollars(dollars: maxCost) == nil {
            throw ValidationError("--max-cost is an amount in US dollars, such as 12.50")
        }
    }

    package func run() async throws {
        do {
            try await submit()
        } catch let error as CatalogError {
            throw CommandError(.invalidInput, error.description)
        }
    }

    private func submit() async throws {
        let stores = try Stores()
        let checkpoint = try ModelFolder.open(model)
        let catalog = try openCatalog()
        defer { withExtendedLifetime(catalog) {} }
        let (plan, digest) = try makePlan(checkpoint, catalog)
        let (ledger, reports) = try await stores.ledger()
        let queue = try await stores.queue(of: ledger, isQuiet: json)
        let budget = try await BatchBudget(
            maxCost, meanCost: { try await reports.meanImageCost(ModelFingerprint(rawValue: checkpoint.fingerprint())) }
        )

        let outputRoot = try await OutputFolder.name(of: out, in: ledger)
        let folderWarning = try OutputFolder.check(outputRoot)
        let mark = try await ledger.identity().mark
        try OutputFolder.claim(outputRoot, for: mark)
        var caseCollisions = LedgerFolder.isCaseBlind(outputRoot) ? CaseCollisions(file: file) : nil
        let batch = NewBatch(
            name: plan.batch, outputRoot: outputRoot,
            sourcePath: catalog.name, sourceSHA256: digest, model: try ModelRecord(checkpoint),
            maxAttempts: maxAttempts, budget: budget?.limit, tenant: tenant, weight: weight)
        let reader = try plan.images(expecting: digest)
        let start = try await startAt?.date { try await reports.clock() }
        let accepted = try manifest.map { try SubmissionManifest(path: $0) }
        var losses = PromptLosses(reader: checkpoint.prompts)
        // The first chunks are small, so that the ledger has something to do at once. Whatever turns out to be wrong on the way
        // undoes it all.
        var (size, images) = (250, 0)
        let submission = try await ledger.submit(batch) {
            size = min(size * 2, 8_000)
            guard let chunk = try reader.nextChunk(size) else {
                try budget?.check(images)
                return nil
            }
            images += chunk.count
            return try chunk.map { image in
                let job = scheduled(image.job, at: start)
                try caseCollisions?.add(job.relativePath)
                losses.look(at: job)
                try accepted?.add(job, of: batch)
                return job
            }
        }
        // What was there already is looked up once all is durable; the catalog is read again for it.
        var known: KnownImages?
        if submission.existing > 0 {
            try accepted?.restart()
            known = try await KnownImages(
                of: plan.images(expecting: digest), in: batch, id: submission.batch, reports: reports
            ) { job, standing, isMissing in
                try accepted?.add(job, of: batch, standing, isMissing: isMissing)
            }
        }
        try accepted?.accept()
        let warnings =
            [folderWarning].compactMap(\.self) + reader.warnings.map { "\(plan.shotsPath): \($0)" } + losses.warnings
            + (known?.warnings ?? [])
        for warning in warnings { Talk.note("packshot: \(warning)") }
        let elsewhere = KnownText(groups: known?.groups ?? [], own: submission.batch.rawValue)
        if let advice = elsewhere.advice { Talk.note("packshot: \(advice)") }
        var dispatched = try await Dispatcher(ledger: ledger, queue: queue).dispatch(submission.batch)
        if submission.revived > 0 {
            // What was given up and is asked for again is owed to the queue by its own batch.
            dispatched += try await Chores(
                ledger: ledger, of: mark.ledger, queue: queue, files: ImageFileStore(of: mark),
                logger: Logger(label: "packshot") { StandardErrorLog(label: $0) }
            ).reconcile(model: batch.model.fingerprint, grace: .zero)
        }
        if !json {
            Talk.note(
                "batch \(plan.batch): \(reader.productCount) products, \(submission.submitted) images; \(submission.created) new"
                    + (submission.existing > 0 ? ", \(submission.existing) known already: nothing is made twice" : ""))
            for line in elsewhere.lines { Talk.note("  \(line)") }
        }
        var status: LedgerReports.BatchReport?
        var failedElsewhere = 0
        if wait {
            let batches = Set((known?.groups ?? []).map(\.id))
            let others = batches.subtracting([submission.batch.rawValue]).sorted().map(BatchID.init(rawValue:))
            let isAllElsewhere = !others.isEmpty && others.count == batches.count
            status =
                try await isAllElsewhere
                ? reports.batch(submission.batch) : BatchProgress(reports: reports).follow(submission.batch)
            failedElsewhere =
                try await (known?.givenUpCount ?? 0)
                + WaitElsewhere(reports: reports, batches: others).wait(for: known?.elsewhere ?? [])
        }
        if json {
            try Talk.json(
                SubmissionReport(
                    batch: plan.batch, id: submission.batch.rawValue, products: reader.productCount,
                    submitted: submission.submitted, created: submission.created, existing: submission.existing,
                    dispatched: dispatched, known: known?.groups ?? [],
                    missingFiles: known?.missingCount ?? 0, missing: known?.missing ?? [],
                    cutPrompts: losses.cutPrompts, warnings: warnings, status: status))
        } else if !wait {
            Talk.result(plan.batch)
        }
        if let status { try Self.judge(status, failedElsewhere: failedElsewhere, missing: known?.missingCount ?? 0) }
    }

    /// Ends a wait badly unless every image of the submission is there.
    private static func judge(
        _ status: LedgerReports.BatchReport, failedElsewhere: Int, missing: Int
    ) throws {
        if status.isStoppedByBudget {
            throw CommandError(
                .overBudget,
                "the budget is used up with \(status.images) of \(status.total) images made; go on with \"packshot resume \(status.id) --max-cost USD\""
            )
        }
        if status.failed > 0 {
            throw CommandError(
                .someJobsFailed,
                "\(status.failed) of \(status.total) jobs failed: \"packshot status \(status.id)\" says why")
        }
        if failedElsewhere > 0 {
            throw CommandError(
                .someJobsFailed, "\(failedElsewhere) jobs of other batches, which have these images, failed")
        }
        if missing > 0 {
            throw CommandError(.someJobsFailed, "\(missing) images were made before and their files are not there")
        }
    }

    /// A planned job with the command line's urgency and start.
    private func scheduled(_ job: PlannedJob, at start: Date?) -> PlannedJob {
        var job = job
        job.priority = min(9, max(0, job.priority + priority))
        job.scheduledAt = start
        return job
    }

    /// The catalog, also one that comes through a pipe.
    private func openCatalog() throws -> CatalogSource {
        let catalog = try CatalogSource(file)
        guard name != nil || !catalog.isPipe else {
            throw CommandError(.usage, "a catalog from a pipe says no name for its batch: give one with --name")
        }
        return catalog
    }

    /// What will be made, the catalog's digest, and that the model can make what the shots ask for.
    private func makePlan(_ checkpoint: PRXCheckpoint, _ catalog: CatalogSource) throws -> (Plan, digest: [UInt8]) {
        let shotList = try shots.map { try ShotsFile.load(path: $0) } ?? Shot.standard
        let stem = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
        let plan = Plan(
            catalogPath: catalog.path, catalogName: catalog.name, shots: shotList,
            shotsPath: shots ?? "the built-in shot", batch: name ?? stem,
            defaults: Plan.Defaults(
                width: checkpoint.defaultSize, height: checkpoint.defaultSize, steps: PRXCheckpoint.defaultSteps,
                guidance: PRXCheckpoint.defaultGuidance), productLimit: limit)
        for workload in try plan.images().workloads {
            do {
                try checkpoint.validate(
                    GenerationRequest(
                        seed: 0, steps: workload.steps, guidance: workload.guidance, width: workload.width,
                        height: workload.height))
            } catch {
                throw CommandError(.invalidInput, "\(shots ?? file): \(error.message)")
            }
        }
        return (plan, try plan.digest())
    }
}
