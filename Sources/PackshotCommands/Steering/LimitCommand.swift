package import ArgumentParser
internal import PackshotJobs
internal import PackshotPostgres

/// `packshot limit`: how fast the fleet may work on a model.
package struct LimitCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "limit", abstract: "Limit how many jobs of a model run at once or begin in a minute.",
        discussion: "Without a limit it shows those there are. 0 lifts one.")

    @Argument(help: "The model's name, fingerprint or folder.")
    package var model: String

    @Option(name: .customLong("max-running"), help: "Jobs at the same time, in the whole fleet.")
    package var maxRunning: Int?

    @Option(name: .customLong("per-minute"), help: "Jobs begun in a minute, in the whole fleet.")
    package var perMinute: Int?

    @Flag(help: "Print the limits as JSON.")
    package var json = false

    package init() {}

    package func validate() throws {
        for value in [maxRunning, perMinute] {
            if let value, !(0...1_000_000).contains(value) { throw ValidationError("a limit is 0 to 1000000") }
        }
    }

    package func run() async throws {
        let (ledger, reports) = try await Stores.ledger(Stores.postgres())
        let fingerprint = try await reports.namedModel(model)
        let limits: ModelLimits
        if maxRunning == nil, perMinute == nil {
            limits = try await reports.limits(fingerprint)
        } else {
            limits = try await ledger.changeLimits(fingerprint) { [maxRunning, perMinute] limits in
                if let maxRunning { limits.maxRunning = maxRunning == 0 ? nil : maxRunning }
                if let perMinute { limits.perMinute = perMinute == 0 ? nil : perMinute }
            }
        }
        if json {
            try Talk.json(limits)
        } else {
            let running = limits.maxRunning.map { "\($0) at once" } ?? "any number at once"
            let rate = limits.perMinute.map { "\($0) a minute" } ?? "as fast as they go"
            Talk.result("\(model): \(running), \(rate)\(limits.isPaused ? ", paused" : "")")
        }
    }
}
