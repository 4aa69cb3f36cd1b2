package import ArgumentParser
internal import Foundation
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotRedis
internal import PackshotWorker
internal import Tensors

/// `packshot doctor`: what is set, what is reachable, what is in the way.
package struct DoctorCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check the machine, the settings and the servers, and say where each value came from.")

    @Flag(help: "Print it as JSON.")
    package var json = false

    @Flag(help: "Print only what is wrong or a risk, on standard error.")
    package var quiet = false

    package init() {}

    private struct Finding: Encodable {
        let what: String
        let isFine: Bool
        /// Works, with a risk that the detail names.
        var isRisk = false
        let detail: String
    }

    package func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        var findings = [
            Finding(what: "packshot", isFine: true, detail: PackshotVersion.current),
            Finding(
                what: "CPU", isFine: true,
                detail: "\(ModelFolder.defaultThreads) threads, kernels \(KernelClass.current.rawValue)"),
        ]
        findings += await postgres(environment)
        findings += await redis(environment)
        if quiet {
            for finding in findings where !finding.isFine || finding.isRisk {
                Talk.note("packshot: \(finding.what): \(finding.detail)")
            }
        } else if json {
            try Talk.json(findings)
        } else {
            let width = findings.map(\.what.count).max() ?? 0
            for finding in findings {
                let name = finding.what.padding(toLength: width + 2, withPad: " ", startingAt: 0)
                let verdict = finding.isFine ? finding.isRisk ? "risk   " : "ok     " : "problem"
                Talk.line("\(verdict) \(name)\(finding.detail)")
            }
        }
        if findings.contains(where: { !$0.isFine }) { throw ExitStatus.storeUnreachable.code }
    }

    private func postgres(_ environment: [String: String]) async -> [Finding] {
        do {
            let (value, origin) = try Stores.setting("DATABASE_URL", environment)
            let url = try PostgresURL(value)
            let found = Finding(what: "PostgreSQL", isFine: true, detail: "\(url.shown), from \(origin)")
            let rules = try await PostgresServerCheck.run(on: PostgresConnection(url)).map {
                Finding(
                    what: "PostgreSQL", isFine: $0.severity != .refusal, isRisk: $0.severity == .warning,
                    detail: $0.message)
            }
            do {
                let (ledger, _) = try await Stores.ledger(url, for: .identify)
                return [found] + rules + [Finding(what: "schema", isFine: true, detail: "up to date")]
                    + (try await identity(ledger, environment))
            } catch let error as StoreError where error.code == .schema {
                return [found] + rules + [Finding(what: "schema", isFine: false, detail: error.message)]
            }
        } catch {
            return [Finding(what: "PostgreSQL", isFine: false, detail: "\(error)")]
        }
    }

    /// Whether the ledger is at home, and its queue and folders its own.
    private func identity(_ ledger: PostgresLedger, _ environment: [String: String]) async throws -> [Finding] {
        let identity = try await ledger.identity()
        let mark = identity.mark
        var findings: [Finding] = []
        do {
            try identity.requireHome()
            findings.append(Finding(what: "ledger", isFine: true, detail: "\(mark)"))
        } catch {
            findings.append(Finding(what: "ledger", isFine: false, detail: error.message))
        }
        // Whether Redis can be reached at all is another finding.
        if let url = try? RedisURL(Stores.setting("REDIS_URL", environment).value) {
            let owner = QueueOwner(mark: mark, url: url)
            if let standing = try? await owner.standing(RedisConnection(url)) {
                findings.append(
                    Finding(
                        what: "queue", isFine: owner.refusal(standing) == nil,
                        detail: owner.refusal(standing)?.message ?? "\(standing.name)"))
            }
        }
        let folders = LedgerFolder(mark)
        for root in try await ledger.outputRoots() {
            if let standing = try? folders.standing(of: root), let refusal = folders.refusal(standing, root) {
                findings.append(Finding(what: "folder", isFine: false, detail: refusal.message))
            }
        }
        return findings
    }

    private func redis(_ environment: [String: String]) async -> [Finding] {
        do {
            let (value, origin) = try Stores.setting("REDIS_URL", environment)
            let url = try RedisURL(value)
            let found = Finding(what: "Redis", isFine: true, detail: "\(url), from \(origin)")
            let rules = try await RedisServerCheck.run(on: RedisConnection(url))
            return [found]
                + rules.map {
                    Finding(
                        what: "Redis", isFine: $0.severity != .refusal, isRisk: $0.severity == .warning,
                        detail: $0.message)
                }
        } catch {
            return [Finding(what: "Redis", isFine: false, detail: "\(error)")]
        }
    }
}
