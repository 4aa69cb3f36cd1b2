package import ArgumentParser
internal import Foundation
internal import PNGImage
internal import PRX
package import PackshotJobs
internal import PackshotPostgres
internal import PackshotWorker
internal import PromptText
internal import Tensors

/// `packshot generate`: one prompt, no queue and no ledger; or one job of the ledger, without the fleet.
package struct GenerateCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Make images of one prompt, without queue and ledger.",
        discussion: """
            With --job the image of one job is made from its row, pixel for pixel as a worker would, and written to --output; the \
            job itself is only read. packshot jobs lists their numbers.
            """)

    @Option(help: "Checkpoint folder in diffusers' layout (with --job by default the one it was submitted with).")
    package var model: String?

    @Option(help: "What to make.")
    package var prompt: String?

    @Option(
        help:
            "Number of a job in the ledger to make the image of, in place of --prompt and everything that goes with it."
    )
    package var job: Int64?

    @Option(name: .customLong("negative-prompt"), help: "What to steer away from.")
    package var negativePrompt: String?

    @Option(help: "Seed of PyTorch's CPU generator; its low 32 bits count. Default: derived from the prompt.")
    package var seed: UInt64?

    @Option(help: "Denoising steps (default: the pipeline's).")
    package var steps: Int?

    @Option(help: "Classifier-free guidance scale; 1 switches it off (default: the pipeline's).")
    package var guidance: Double?

    @OptionGroup(title: "Speed for a little likeness (off unless given; see packshot bench --quality)")
    package var shortcuts: ShortcutOptions

    @Option(help: "Pixels (default: the checkpoint's).")
    package var width: Int?

    @Option(help: "Pixels (default: the checkpoint's).")
    package var height: Int?

    @Flag(name: .customLong("no-resolution-binning"), help: "Make exactly the size asked for.")
    package var noResolutionBinning = false

    @Option(
        name: .customLong("text-cleaning"),
        help: "How the prompt is cleaned: full (as the model's pipeline in the reference does, the default) or light.")
    package var textCleaning: PromptCleaning?

    @Option(help: "Images from one generator of that seed; several are written as FILE-0.png, FILE-1.png, …")
    package var images = 1

    @Option(help: "File to write, ending in .png.")
    package var output: String

    @Option(help: "CPU threads (default: all). They change the speed, never the bytes.")
    package var threads: Int?

    @Flag(help: "Print what was made as JSON.")
    package var json = false

    @Flag(help: "Print where the time went, by stage and operator, to standard error.")
    package var profile = false

    package init() {}

    package func validate() throws {
        guard output.hasSuffix(".png") else { throw ValidationError("--output must end in .png") }
        guard (prompt == nil) != (job == nil) else { throw ValidationError("give --prompt, or --job") }
        guard model != nil || job != nil else { throw ValidationError("Missing expected argument '--model <model>'") }
        if job != nil {
            let given = [
                negativePrompt.map { _ in "--negative-prompt" }, seed.map { _ in "--seed" },
                steps.map { _ in "--steps" },
                guidance.map { _ in "--guidance" }, width.map { _ in "--width" }, height.map { _ in "--height" },
                textCleaning.map { _ in "--text-cleaning" }, images == 1 ? nil : "--images",
                noResolutionBinning ? "--no-resolution-binning" : nil,
                shortcuts.shortcuts == nil ? nil : "a shortcut",
            ].compactMap(\.self)
            guard given.isEmpty else {
                throw ValidationError(
                    "the job's row says what to make: \(given.joined(separator: ", ")) cannot be given with --job")
            }
        }
        guard (1...64).contains(images) else { throw ValidationError("--images is 1 to 64") }
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is 1 to 1024") }
    }

    private struct Report: Encodable {
        let files: [String]
        let sha256: [String]
        let model: String
        let modelFingerprint: String
        let effectivePrompt: String
        let promptTokens: Int
        let truncatedTokens: Int
        let textCleaning: String
        let droppedLetters: Bool
        let seed: UInt64
        let steps: Int
        let guidance: Double
        let width: Int
        let height: Int
        let threads: Int
        let shortcuts: ShortcutsTaken?
        /// From the command's start until the first step begins: opening the checkpoint, encoding, preparing.
        let firstStepSeconds: Double
        let embedSeconds: Double
        let sampleSeconds: Double
        let decodeSeconds: Double
    }

    package func run() async throws {
        let began = ContinuousClock().now
        if let job {
            let (claimed, ledger) = try await Self.recorded(JobID(rawValue: job))
            let checkpoint = try ModelFolder.open(try await modelFolder(of: claimed))
            guard try checkpoint.fingerprint() == claimed.model.rawValue else {
                throw CommandError(
                    .invalidInput,
                    "job \(job) is for the model \(claimed.model), and \(checkpoint.path) holds \(try checkpoint.fingerprint()): give its folder with --model"
                )
            }
            try make(checkpoint, claimed.spec, origin: ImageProvenance.Origin(claimed, ledger: ledger), began: began)
            return
        }
        guard let model, let prompt else { return }
        let checkpoint = try ModelFolder.open(model)
        let spec = GenerationSpec(
            prompt: prompt, negativePrompt: negativePrompt ?? "", seed: seed ?? Self.derivedSeed(prompt),
            width: width ?? checkpoint.defaultSize, height: height ?? checkpoint.defaultSize,
            steps: steps ?? PRXCheckpoint.defaultSteps, guidance: guidance ?? PRXCheckpoint.defaultGuidance,
            textCleaning: textCleaning == .light ? .light : nil, shortcuts: shortcuts.shortcuts)
        try make(checkpoint, spec, origin: nil, began: began)
    }

    /// The job as a worker would get it, and whose it is.
    private static func recorded(_ job: JobID) async throws -> (ClaimedJob, LedgerID) {
        let (ledger, reports) = try await Stores.ledger(Stores.postgres(), for: .read)
        guard let claimed = try await reports.recorded(job) else {
            throw CommandError(.notFound, "the ledger has no job \(job); packshot jobs lists those there are")
        }
        return (claimed, try await ledger.identity().mark.ledger)
    }

    private func modelFolder(of job: ClaimedJob) async throws -> String {
        if let model { return model }
        let (_, reports) = try await Stores.ledger(Stores.postgres(), for: .read)
        guard let record = try await reports.model(job.model) else {
            throw CommandError(
                .notFound, "the ledger does not know the model of job \(job.id): give its folder with --model")
        }
        return record.path
    }

    private func make(
        _ checkpoint: PRXCheckpoint, _ spec: GenerationSpec, origin: ImageProvenance.Origin?,
        began: ContinuousClock.Instant
    ) throws {
        let threads = threads ?? ModelFolder.defaultThreads
        let pool = ThreadPool(threads: threads)
        do {
            try generate(checkpoint, spec, origin, pool, began: began)
        } catch let error as PRXError {
            throw CommandError(.invalidInput, error.message)
        }
    }

    private func generate(
        _ checkpoint: PRXCheckpoint, _ spec: GenerationSpec, _ origin: ImageProvenance.Origin?, _ pool: ThreadPool,
        began: ContinuousClock.Instant
    ) throws {
        let request = GenerationRequest(
            seed: spec.seed, steps: spec.steps, guidance: spec.guidance, width: spec.width, height: spec.height,
            imageCount: images, usesResolutionBinning: !noResolutionBinning,
            shortcuts: SamplingShortcuts(asked: spec.shortcuts))
        try checkpoint.validate(request)
        // Looked at before the work: a place that cannot be written is no surprise at its end.
        let targets = try (0..<images).map { index in
            let path = images == 1 ? output : "\(output.dropLast(4))-\(index).png"
            return (path: path, file: try OutputFile(path))
        }
        if profile { OperatorProfile.start() }
        let clock = ContinuousClock()
        let start = clock.now
        let cleaning = TextCleaning(asked: spec.textCleaning)
        let text = try checkpoint.prepare(spec.prompt, cleaning: cleaning)
        let dropped = text.tokenCount - text.tokens.count
        if dropped > 0 {
            Talk.note("packshot: the prompt has \(text.tokenCount) tokens; the last \(dropped) were cut off")
        }
        if text.droppedLetters {
            Talk.note(
                "packshot: cleaning took letters out of the prompt; the model gets \(text.effectiveText.debugDescription). --text-cleaning light keeps them"
            )
        }
        var prompts = [text]
        if spec.guidance > 1 { prompts.append(try checkpoint.prepare(spec.negativePrompt, cleaning: cleaning)) }
        let embeddings = OperatorProfile.measure("encode", "prompts") { checkpoint.embed(prompts, pool: pool) }
        let embedded = clock.now
        var firstStep: ContinuousClock.Instant?
        let result = try checkpoint.generate(
            request, prompt: embeddings[0], negative: spec.guidance > 1 ? embeddings[1] : nil, pool: pool
        ) { _, _ in
            if firstStep == nil { firstStep = clock.now }
        }

        let composer = ImageComposer(model: try ModelRecord(checkpoint), version: PackshotVersion.current)
        var paths: [String] = []
        var digests: [String] = []
        for (index, image) in result.images.enumerated() {
            let bytes = try composer.png(
                width: image.width, height: image.height, rgb: image.pixels, spec: spec,
                reusedSteps: result.reusedSteps[index], effectivePrompt: text.effectiveText, origin: origin)
            let (path, file) = targets[index]
            try file.write(bytes)
            paths.append(path)
            digests.append(ImageFileStore.sha256(bytes))
        }
        let seconds = { (duration: Duration) in duration / .seconds(1) }
        if profile {
            ProfileTable.lines(OperatorProfile.table, total: seconds(clock.now - start)).forEach { Talk.note($0) }
        }
        if json {
            try Talk.json(
                Report(
                    files: paths, sha256: digests, model: checkpoint.name,
                    modelFingerprint: try checkpoint.fingerprint(),
                    effectivePrompt: text.effectiveText, promptTokens: text.tokenCount, truncatedTokens: dropped,
                    textCleaning: text.cleaning.rawValue, droppedLetters: text.droppedLetters,
                    seed: spec.seed, steps: spec.steps, guidance: spec.guidance, width: spec.width, height: spec.height,
                    threads: pool.threadCount,
                    shortcuts: spec.shortcuts.map { ShortcutsTaken($0, reusedSteps: result.reusedSteps.reduce(0, +)) },
                    firstStepSeconds: seconds((firstStep ?? embedded) - began), embedSeconds: seconds(embedded - start),
                    sampleSeconds: seconds(result.sampleTime), decodeSeconds: seconds(result.decodeTime)))
        } else {
            for path in paths { Talk.result(path) }
        }
    }

    /// The same prompt, the same picture: never from the clock.
    private static func derivedSeed(_ prompt: String) -> UInt64 {
        ImageFileStore.sha256(Array(prompt.utf8)).prefix(8).reduce(0) { $0 << 4 | UInt64($1.hexDigitValue ?? 0) }
    }
}

/// The values of `--text-cleaning`.
extension PromptCleaning: ExpressibleByArgument {}
