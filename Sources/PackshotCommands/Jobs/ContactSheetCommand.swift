package import ArgumentParser
internal import Foundation
internal import PNGImage
internal import PackshotPostgres

/// `packshot contact-sheet`: a batch's images on one page.
package struct ContactSheetCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "contact-sheet", abstract: "Put a batch's images on one PNG, each with its SKU and shot.")

    @Argument(help: "A batch's name or number.")
    package var batch: String

    @OptionGroup package var folder: BatchFolder

    @Option(help: "File to write, ending in .png.")
    package var output: String

    @Option(help: "Images at most.")
    package var limit = 1_000

    @Option(help: "Images in a row.")
    package var columns = 14

    @Option(help: "Width and height of a thumbnail in pixels.")
    package var size = 128

    package init() {}

    package func validate() throws {
        guard output.hasSuffix(".png") else { throw ValidationError("--output must end in .png") }
        guard (1...100_000).contains(limit), (1...1_000).contains(columns), (16...2_048).contains(size) else {
            throw ValidationError("--limit, --columns or --size is out of range")
        }
    }

    package func run() async throws {
        let (_, reports) = try await Stores.ledger(Stores.postgres(), for: .read)
        let id = try await folder.find(batch, reports)
        let target = try OutputFile(output)
        let images = try await reports.images(of: id, limit: limit)
        guard !images.isEmpty else { throw CommandError(.notFound, "batch \(batch) has no images yet") }
        let all = try await reports.batch(id).images
        if all > images.count {
            Talk.note("packshot: the sheet shows the first \(images.count) of \(all) images; --limit \(all) shows all")
        }
        var style = ContactSheet.Style()
        style.columns = columns
        style.thumbnailWidth = size
        style.thumbnailHeight = size
        style.captionScale = 1
        style.title = "\(images[0].batch): \(images.count)\(all > images.count ? " of \(all)" : "") images"
        var sheet = try ContactSheet(capacity: images.count, style: style)
        for image in images {
            let path = "\(image.outputRoot)/\(image.relativePath)"
            let elsewhere = image.workerRoot.flatMap {
                FileManager.default.contents(atPath: "\($0)/\(image.relativePath)")
            }
            guard let data = elsewhere ?? FileManager.default.contents(atPath: path) else {
                throw CommandError(.notFound, "the image \(path) is in the ledger but not on disk")
            }
            do {
                sheet.add(
                    try PNGDecoder.decode(Array(data)).bitmap, caption: Self.caption(image))
            } catch {
                throw CommandError(.failure, "\(path): \(error.message)")
            }
        }
        try target.write(try PNGEncoder.encode(sheet.bitmap))
        Talk.result(output)
    }

    /// SKU and shot, and the title where the sheet's small font can write it: it has the letters of Latin scripts only. A SKU
    /// that it cannot write is told by the number of its job, and by its code points below.
    private static func caption(_ image: LedgerReports.ImageReport) -> String {
        let sku = ContactSheet.legible(image.sku)
        guard sku == image.sku else { return "job \(image.job) \(image.shot)\n\(sku)" }
        let isLatin = image.title.unicodeScalars.allSatisfy { $0.value < 0x250 }
        return "\(image.sku) \(image.shot)" + (isLatin ? "\n\(image.title)" : "")
    }
}
