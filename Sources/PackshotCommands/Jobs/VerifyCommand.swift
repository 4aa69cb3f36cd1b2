package import ArgumentParser
internal import Foundation
internal import PNGImage
internal import PRX
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotWorker
internal import Tensors

/// `packshot verify`: is this file what it says it is, and does the ledger know it?
package struct VerifyCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check an image against the ledger, or make it again and compare.",
        discussion: """
            Without --rerender the file's SHA-256 is looked up in the ledger: exit code 0 and its history, or 8 when no image \
            has these bytes. With --rerender the image is made again from what is written inside it and compared byte for \
            byte: exit code 7 when they differ.
            """)

    @Option(help: "The PNG file.")
    package var image: String

    @Option(help: "Checkpoint folder for --rerender (default: where the ledger last saw it).")
    package var model: String?

    @Flag(help: "Make the image again and compare.")
    package var rerender = false

    @Flag(help: "Print the result as JSON.")
    package var json = false

    package init() {}

    package func run() async throws {
        guard let data = FileManager.default.contents(atPath: image) else {
            throw CommandError(.notFound, "\(image) cannot be read")
        }
        let bytes = Array(data)
        let digest = ImageFileStore.sha256(bytes)
        if !rerender {
            let (_, reports) = try await Stores.ledger(Stores.postgres(), for: .read)
            guard let row = try await reports.image(sha256: digest) else {
                throw CommandError(.notFound, "no image in the ledger has the bytes of \(image) (SHA-256 \(digest))")
            }
            if json {
                try Talk.json(row)
            } else {
                Talk.result(
                    "\(image): SKU \(row.sku), shot \(row.shot), batch \(row.batch), job \(row.job), made \(row.madeAt) by \(row.worker), \(MicroDollars(rawValue: row.costMicrodollars))"
                )
            }
            return
        }
        let provenance = try Self.provenance(bytes, path: image)
        let checkpoint = try ModelFolder.open(try await modelFolder(provenance, digest))
        let fingerprint = try checkpoint.fingerprint()
        guard fingerprint == provenance.modelFingerprint else {
            throw CommandError(
                .verificationFailed,
                "\(image) was made with other weights: \(provenance.modelFingerprint), not \(fingerprint)")
        }
        let again: [UInt8]
        do {
            again = try await Self.render(provenance, on: checkpoint)
        } catch {
            // What is written inside is not what any worker makes.
            let reason = CommandError(error)?.message ?? "\(error)"
            throw CommandError(.verificationFailed, "\(image) cannot have been made as it says: \(reason)")
        }
        guard again == bytes else {
            throw CommandError(
                .verificationFailed, "\(image): made again, the bytes differ (SHA-256 \(ImageFileStore.sha256(again)))")
        }
        if json {
            try Talk.json(["sha256": digest, "rerender": "identical"])
        } else {
            Talk.result("\(image): made again, every byte is the same")
        }
    }

    /// The image as its provenance describes it, made again.
    private static func render(_ provenance: ImageProvenance, on checkpoint: PRXCheckpoint) async throws -> [UInt8] {
        let generator = try PRXImageGenerator(checkpoint: checkpoint, threads: ModelFolder.defaultThreads)
        let prompt = try generator.prepare(provenance.spec.prompt, cleaning: provenance.spec.textCleaning)
        let negative =
            generator.needsNegativePrompt(provenance.spec)
            ? try generator.embed(
                try generator.prepare(provenance.spec.negativePrompt, cleaning: provenance.spec.textCleaning)) : nil
        let made = try await generator.generate(
            provenance.spec, prompt: try generator.embed(prompt), negativePrompt: negative
        ) { _, _ in }
        return try ImageComposer(model: generator.model, version: provenance.version).png(
            width: made.width, height: made.height, rgb: made.rgb, spec: provenance.spec,
            reusedSteps: made.reusedSteps, effectivePrompt: prompt.effectiveText, origin: provenance.origin)
    }

    private func modelFolder(_ provenance: ImageProvenance, _ digest: String) async throws -> String {
        if let model { return model }
        let (_, reports) = try await Stores.ledger(Stores.postgres(), for: .read)
        guard let record = try await reports.model(ModelFingerprint(rawValue: provenance.modelFingerprint)) else {
            throw CommandError(
                .notFound, "the ledger does not know the model of \(image): give its folder with --model")
        }
        return record.path
    }

    private static func provenance(_ bytes: [UInt8], path: String) throws -> ImageProvenance {
        do {
            guard let provenance = try ImageProvenance.inside(PNGDecoder.decode(bytes)) else {
                throw CommandError(
                    .verificationFailed, "\(path) does not say where it came from: its packshot chunk is missing")
            }
            return provenance
        } catch let error as PNGError {
            throw CommandError(.verificationFailed, "\(path): \(error.message)")
        } catch is DecodingError {
            throw CommandError(.verificationFailed, "\(path): its packshot chunk cannot be read")
        }
    }
}
