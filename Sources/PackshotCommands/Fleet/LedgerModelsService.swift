internal import Logging
internal import PRX
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotWorker
internal import ServiceLifecycle

/// Serves the models of the batches in the ledger, one after the other: the oldest batch with unfinished jobs first.
///
/// Ledgers and models come and go. A ledger that cannot be asked is asked again; a model whose folder cannot be opened, or holds
/// other weights, is left out for a while, and the others are served meanwhile.
struct LedgerModelsService: Service {
    let reports: LedgerReports
    let lanes: WorkerLanes
    let drains: Bool
    let makeGenerators: @Sendable (PRXCheckpoint) throws -> [any ImageGenerator]

    /// How soon a new batch is noticed; until then nothing is loaded and nothing is held.
    private static let noticing = Duration.milliseconds(500)
    private static let longestPause = Duration.seconds(5)

    /// - Throws: ``CommandError`` when the worker drains and only models are left that cannot be opened.
    func run() async throws {
        var leftOut = LeftOutModels()
        var pause = Self.noticing
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            do {
                let now = ContinuousClock.now
                if let (model, path) = try await reports.modelWithWork(except: leftOut.all(at: now)) {
                    // A worker may serve a model for days; others need the connection.
                    await reports.disconnect()
                    try await serve(model, path, &leftOut)
                } else {
                    if drains, try await isDrained(reports, leftOut) { return }
                    await rest(Self.noticing)
                }
                pause = Self.noticing
            } catch let error as StoreError {
                if pause == Self.noticing {
                    lanes.logger.warning(
                        "cannot ask for work; trying again", metadata: ["error": "\(error)"])
                }
                pause = min(Self.longestPause, pause * 2)
                await rest(pause * Double.random(in: 0.5...1))
            }
        }
    }

    /// Serves a model until its jobs are done, or leaves it out.
    /// - Throws: ``StoreError``.
    private func serve(_ model: ModelFingerprint, _ path: String, _ leftOut: inout LeftOutModels) async throws {
        do {
            let checkpoint = try ModelFolder.open(path)
            guard try checkpoint.fingerprint() == model.rawValue else {
                throw CommandError(
                    .invalidInput, "\(path) has changed since its batches were submitted: other weights are there now")
            }
            let generators = try makeGenerators(checkpoint)
            leftOut.takeBack(model)
            try await lanes.run(generators, drains: true)
        } catch let error as StoreError {
            throw error
        } catch {
            let time = leftOut.leaveOut(model, because: "\(error)", at: .now)
            lanes.logger.error(
                "a model cannot be served; its jobs wait, others are worked on",
                metadata: ["model": "\(path)", "again in": "\(time)", "error": "\(error)"])
        }
    }

    /// Whether nothing is left to do.
    /// - Throws: ``CommandError`` when what is left is of models that cannot be opened.
    private func isDrained(_ reports: LedgerReports, _ leftOut: LeftOutModels) async throws -> Bool {
        guard let (model, path) = try await reports.modelWithWork() else { return true }
        guard let reason = leftOut.reason(for: model) else { return false }
        throw CommandError(.invalidInput, "jobs of \(path) are left: \(reason)")
    }

    private func rest(_ time: Duration) async {
        try? await cancelWhenGracefulShutdown { try await Task.sleep(for: time) }
    }
}
