internal import Foundation
package import PNGImage
package import PackshotJobs

/// Turns pixels and where they came from into the bytes of a PNG that says so.
///
/// Inside: `parameters` (the text A1111 established and viewers read), `packshot` (the same and more as JSON, see
/// ``ImageProvenance``) and XMP with IPTC's DigitalSourceType, which Google Merchant Center and the EU's AI Act ask for.
package struct ImageComposer: Sendable {
    private let model: ModelRecord
    private let version: String

    /// A composer for images of one model made by one version of the program.
    package init(model: ModelRecord, version: String) {
        self.model = model
        self.version = version
    }

    /// The file of an image.
    ///
    /// The same image and origin give the same bytes: nothing of the attempt, the worker or the time is inside.
    /// - Throws: ``PNGError`` when the image cannot be encoded.
    package func png(
        width: Int, height: Int, rgb: [UInt8], spec: GenerationSpec, reusedSteps: Int, effectivePrompt: String,
        origin: ImageProvenance.Origin?
    ) throws -> [UInt8] {
        let taken = spec.shortcuts.map { ShortcutsTaken($0, reusedSteps: reusedSteps) }
        let provenance = ImageProvenance(
            version: version, model: model.name, modelFingerprint: model.fingerprint.rawValue, spec: spec,
            reusedSteps: taken?.reusedSteps, effectivePrompt: effectivePrompt, origin: origin)
        var parameters = GenerationParameters(
            prompt: effectivePrompt, negativePrompt: spec.guidance > 1 ? spec.negativePrompt : "", steps: spec.steps,
            sampler: "Euler", guidance: spec.guidance, seed: spec.seed, width: width, height: height,
            modelHash: String(model.fingerprint.rawValue.prefix(10)), model: model.name, version: "packshot \(version)")
        if let taken { parameters.settings += Self.settings(taken) }
        let xmp = ProvenanceXMP(
            system: "packshot, \(model.name)", systemVersion: "packshot \(version), model \(model.fingerprint)",
            prompt: effectivePrompt)
        return try PNGEncoder.encode(
            Bitmap(width: width, height: height, format: .rgb8, pixels: rgb),
            text: [
                PNGText(keyword: GenerationParameters.keyword, text: parameters.infotext),
                PNGText(keyword: ImageProvenance.keyword, text: try provenance.json), xmp.text,
            ])
    }
}

extension ImageComposer {
    /// Shortcuts as settings of the `parameters` text.
    private static func settings(_ taken: ShortcutsTaken) -> [GenerationParameters.Setting] {
        let values: [(String, String?)] = [
            ("Step cache", taken.shortcuts.stepCache.map { "\($0)" }),
            ("Reused steps", taken.reusedSteps.map(String.init)),
            ("Guidance share", taken.shortcuts.guidanceShare.map { "\($0)" }),
            ("Solver order", taken.shortcuts.solverOrder.map(String.init)),
            ("Activation bits", taken.shortcuts.activationBits.map(String.init)),
        ]
        return values.compactMap { name, value in value.map { GenerationParameters.Setting(name, $0) } }
    }
}

/// Where an image came from, as the JSON of its `packshot` chunk.
package struct ImageProvenance: Codable, Hashable, Sendable {
    /// The chunk's keyword.
    package static let keyword = "packshot"

    /// The job an image was made for; images of `packshot generate` have none.
    package struct Origin: Codable, Hashable, Sendable {
        /// The ledger the job is in; nil in images that were made before ledgers had ids.
        package let ledger: LedgerID?
        package let job: Int64
        package let batch: String
        package let sku: String
        package let shot: String
        package let variant: Int

        package init(_ job: ClaimedJob, ledger: LedgerID?) {
            self.ledger = ledger
            self.job = job.id.rawValue
            batch = job.batchName
            sku = job.sku
            shot = job.shot
            variant = job.variant
        }
    }

    package let version: String
    package let model: String
    package let modelFingerprint: String
    package let spec: GenerationSpec
    /// Steps that reused an earlier one's work; nil without a step cache.
    package let reusedSteps: Int?
    package let effectivePrompt: String
    package let origin: Origin?

    /// What a decoded file says of itself; nil when it says nothing.
    /// - Throws: `DecodingError` when its chunk cannot be read.
    package static func inside(_ image: PNGDecoder.Decoded) throws -> ImageProvenance? {
        try image.text(keyword).map { try JSONDecoder().decode(Self.self, from: Data($0.utf8)) }
    }

    /// True if it says that it was made for a job of a ledger, from what the job is made of now. Numbers of jobs repeat in
    /// other ledgers, and in one that was restored from an older dump.
    /// - Parameter job: nil where the number does not matter: a ledger that went back in time, as a standby that lagged does, gives
    ///   the same job another one.
    func isMade(for job: JobID?, of ledger: LedgerID?, from source: ImageSource) -> Bool {
        origin?.ledger == ledger && (job == nil || origin?.job == job?.rawValue) && origin?.batch == source.batchName
            && spec.prompt == source.prompt && spec.seed == source.seed && modelFingerprint == source.model.rawValue
    }

    /// What a file's bytes say of themselves; nil when they say nothing that can be read.
    static func of(_ bytes: [UInt8]) -> ImageProvenance? {
        guard let image = try? PNGDecoder.decode(bytes) else { return nil }
        return try? inside(image)
    }

    /// Compact, keys in order.
    package var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}
