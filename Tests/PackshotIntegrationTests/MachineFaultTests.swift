import Foundation
import Testing

extension IntegrationTests {
    /// A machine that cannot do its part makes nothing and says why; what it could not do counts against no job.
    @Suite("Faults of the machine", .enabled(if: getuid() == 0, "mounts need root"))
    struct MachineFaultTests {
        /// What is done to a worker's machine before it starts, what it says then, and how the machine is mended.
        struct Fault: CustomTestStringConvertible {
            let testDescription: String
            /// Bash, in a mount namespace of the worker's own; `$OUT` is the output folder, which is there.
            let breaks: String
            let says: String
            /// Bash, in the same namespace; `$WORKER` is the worker's process.
            let mends: String
        }

        static let faults = [
            Fault(
                testDescription: "read-only",
                breaks: #"mount --bind "$OUT" "$OUT"; mount -o remount,bind,ro "$OUT""#,
                says: "Read-only file system", mends: #"umount "$OUT""#),
            Fault(
                testDescription: "full, and small when it is not",
                breaks:
                    #"mount -t tmpfs -o size=1m none "$OUT"; head -c 2m /dev/zero >"$OUT/.filler" 2>/dev/null || true"#,
                says: "No space left on device", mends: #"rm "$OUT/.filler""#),
            Fault(
                testDescription: "a file in the folder's place",
                breaks: #"mv "$OUT" "$OUT.away"; touch "$OUT""#, says: "Not a directory",
                mends: #"rm "$OUT"; mv "$OUT.away" "$OUT""#),
            Fault(
                testDescription: "few descriptors", breaks: "ulimit -Sn 24", says: "Too many open files",
                mends: #"prlimit --pid "$WORKER" --nofile=1024:"#),
        ]

        /// Starts a worker on a machine that is broken first.
        private func start(_ site: Site, _ breaks: String, _ arguments: [String]) throws -> RunningProgram {
            var environment = site.environment
            environment["OUT"] = site.out
            return try RunningProgram(
                "/usr/bin/env",
                ["unshare", "-m", "bash", "-c", "set -e; \(breaks); exec \"$0\" \"$@\"", try #require(Program.path)]
                    + arguments, environment: environment, folder: site.folder)
        }

        private func mend(_ site: Site, _ worker: RunningProgram, _ mends: String) throws {
            var environment = site.environment
            environment["OUT"] = site.out
            environment["WORKER"] = "\(worker.processID)"
            let outcome = try RunningProgram(
                "/usr/bin/env", ["nsenter", "-m", "-t", "\(worker.processID)", "bash", "-c", mends],
                environment: environment, folder: site.folder
            ).wait()
            try #require(outcome.status == 0, "\(outcome.errors)")
        }

        @Test(arguments: faults) func nothingIsSampledBeforeTheMachineIsMended(fault: Fault) async throws {
            try await Site.with { site in
                try FileManager.default.createDirectory(atPath: site.out, withIntermediateDirectories: true)
                let enqueued = try site.run([
                    "enqueue", try site.catalog(rows: 12), "--model", Program.demoModel, "--out", site.out,
                ])
                try #require(enqueued.status == 0, "\(enqueued.errors)")
                let worker = try start(
                    site, fault.breaks,
                    ["worker", "--simulate", "5ms", "--model", Program.demoModel, "--out", site.out, "--drain"])
                defer { worker.signal(SIGKILL) }
                try await site.wait(upTo: 60, for: "it says why it claims nothing") {
                    worker.errorsSoFar.contains(fault.says) && worker.errorsSoFar.contains("claiming")
                }
                #expect(worker.isRunning)
                #expect(try site.count("SELECT count(*) FROM attempts") == 0, "nothing is claimed")
                try mend(site, worker, fault.mends)
                let outcome = try worker.wait()
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(try site.sql("SELECT state, count(*) FROM attempts GROUP BY 1") == ["completed|12"])
            }
        }

        /// One batch's folder cannot be written by this worker: the other batch is made, and nothing of the first is charged
        /// or made in vain; then it is made as well.
        @Test func oneFolderThatCannotBeWrittenStopsNoOther() async throws {
            try await Site.with { site in
                try FileManager.default.createDirectory(atPath: site.out, withIntermediateDirectories: true)
                for (name, folder) in [("first", site.out), ("second", "\(site.folder)/other")] {
                    let enqueued = try site.run([
                        "enqueue", try site.catalog(rows: 3), "--model", Program.demoModel, "--out", folder, "--name",
                        name,
                    ])
                    try #require(enqueued.status == 0, "\(enqueued.errors)")
                }
                let worker = try start(
                    site, Self.faults[0].breaks,
                    ["worker", "--simulate", "5ms", "--model", Program.demoModel, "--drain"])
                defer { worker.signal(SIGKILL) }
                try await site.wait(upTo: 120, for: "the second batch") {
                    try site.count("SELECT count(*) FROM images") == 3
                }
                #expect(worker.errorsSoFar.contains("Read-only file system"))
                #expect(
                    try site.count(
                        "SELECT count(*) FROM attempts WHERE state NOT IN ('completed', 'handed_back', 'running')")
                        == 0)
                #expect(
                    try site.count("SELECT coalesce(sum(sample_us), 0) FROM attempts WHERE state = 'handed_back'") == 0)
                try mend(site, worker, Self.faults[0].mends)
                let outcome = try worker.wait()
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(try site.count("SELECT count(*) FROM images") == 6)
                #expect(try site.files().count == 3)
            }
        }
    }
}
