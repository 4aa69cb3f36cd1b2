package import ArgumentParser
internal import Foundation
internal import PackshotJobs
internal import PackshotPostgres

/// `packshot plan-capacity`: what so many images need.
package struct PlanCapacityCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "plan-capacity", abstract: "Say how many workers, hours and dollars a number of images needs.",
        discussion: """
            The seconds an image takes come from the ledger's last 200 images of the model, or from --seconds-per-image. A worker \
            is one generation at a time; its price is that of the ledger's newest worker of the model, or --usd-per-hour. Give \
            --hours to learn the workers, or --workers to learn the hours.
            """)

    @Argument(help: "Images to make.")
    package var images: Int

    @Option(help: "The model's name, fingerprint or folder, for its measured pace and price.")
    package var model: String?

    @Option(
        name: .customLong("seconds-per-image"),
        help: "Seconds of a worker's time an image takes, instead of the measured.")
    package var secondsPerImage: Double?

    @Option(name: .customLong("usd-per-hour"), help: "Price of a worker's hour, instead of the ledger's.")
    package var usdPerHour: String?

    @Option(help: "Have them done within so many hours.")
    package var hours: Double?

    @Option(help: "With so many workers.")
    package var workers: Int?

    @Flag(help: "Print the plan as JSON.")
    package var json = false

    package init() {}

    package func validate() throws {
        guard images > 0 else { throw ValidationError("at least one image") }
        guard model != nil || (secondsPerImage != nil && usdPerHour != nil) else {
            throw ValidationError("give --model, or both --seconds-per-image and --usd-per-hour")
        }
        if let secondsPerImage, !(secondsPerImage > 0 && secondsPerImage < 1e6) {
            throw ValidationError("--seconds-per-image is above 0")
        }
        if let usdPerHour, MicroDollars(dollars: usdPerHour) == nil {
            throw ValidationError("--usd-per-hour is an amount such as 0.10")
        }
        if let hours, !(hours > 0 && hours < 1e6) { throw ValidationError("--hours is above 0") }
        if let workers, !(1...1_000_000).contains(workers) { throw ValidationError("--workers is at least 1") }
        guard hours == nil || workers == nil else { throw ValidationError("give --hours or --workers, not both") }
    }

    private struct Report: Encodable {
        let images: Int
        let secondsPerImage: Double
        let usdPerWorkerHour: Double
        let workerHours: Double
        let dollars: Double
        let workers: Int
        let hours: Double
        let imagesPerSecond: Double
        let heartbeatsPerSecond: Double
        let ledgerBytes: Double?
    }

    package func run() async throws {
        var pace = secondsPerImage
        var perHour = usdPerHour.flatMap { MicroDollars(dollars: $0) }
        var bytesPerJob: Double?
        if let model {
            let (_, reports) = try await Stores.ledger(Stores.postgres(), for: .read)
            let history = try await reports.history(of: try await reports.namedModel(model))
            pace = pace ?? history.secondsPerImage
            perHour = perHour ?? history.perHour
            bytesPerJob = history.ledgerBytesPerJob
        }
        guard let pace, let perHour else {
            throw CommandError(
                .notFound,
                "no image of \(model ?? "the model") has been made yet: give --seconds-per-image and --usd-per-hour")
        }
        let seconds = Double(images) * pace
        let count = workers ?? hours.map { max(1, Int((seconds / ($0 * 3600)).rounded(.up))) } ?? 1
        let report = Report(
            images: images, secondsPerImage: pace, usdPerWorkerHour: Double(perHour.rawValue) / 1e6,
            workerHours: seconds / 3600, dollars: seconds / 3600 * Double(perHour.rawValue) / 1e6, workers: count,
            hours: seconds / 3600 / Double(count), imagesPerSecond: Double(count) / pace,
            heartbeatsPerSecond: Double(count) / 3, ledgerBytes: bytesPerJob.map { $0 * Double(images) })
        if json {
            try Talk.json(report)
            return
        }
        var rows = [
            ("images", "\(images)"), ("seconds an image", String(format: "%.3f", pace)),
            ("workers", "\(count)"), ("hours", String(format: "%.2f", report.hours)),
            ("images a second", String(format: "%.2f", report.imagesPerSecond)),
            ("worker-hours", String(format: "%.1f", report.workerHours)),
            ("cost", String(format: "$%.2f at %@ a worker-hour", report.dollars, perHour.description)),
        ]
        if let bytes = report.ledgerBytes { rows.append(("ledger", String(format: "%.1f GB", bytes / 1e9))) }
        Talk.result(Columns.text(rows))
    }
}
