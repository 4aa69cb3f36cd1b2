import Foundation
import Testing

extension IntegrationTests {
    /// Standard streams that are full, closed, limited, or have nobody at the other end.
    @Suite("Streams")
    struct StreamTests {
        /// Runs the program with its streams arranged by a shell.
        private func run(_ site: Site, _ arguments: [String], _ redirection: String) throws -> Program.Outcome {
            try RunningProgram(
                "/bin/bash", ["-c", "exec \"$0\" \"$@\" \(redirection)", try #require(Program.path)] + arguments,
                environment: site.environment, folder: site.folder
            ).wait()
        }

        /// A batch of two images, made.
        private func made(_ site: Site) throws -> String {
            let catalog = try site.catalog(rows: 2)
            try #require(
                try site.run([
                    "enqueue", catalog, "--model", Program.demoModel, "--out", site.out, "--name", "mugs",
                ]).status == 0)
            let worker = try site.run(["worker", "--model", Program.demoModel, "--simulate", "1ms", "--drain"])
            try #require(worker.status == 0, "\(worker.errors)")
            return catalog
        }

        @Test func aResultThatNobodyGetsIsAFailureAndTalkIsNot() async throws {
            try await Site.with { site in
                let catalog = try made(site)
                let image = "\(site.out)/\(try #require(try site.files().first))"
                let model = Program.demoModel
                let commands: [[String]] = [
                    ["--help"], ["--version"], ["status", "--help"],
                    ["status"], ["status", "--json"], ["status", "mugs"], ["jobs", "mugs"], ["jobs", "mugs", "--json"],
                    ["workers", "--all"], ["workers", "--all", "--json"], ["cost", "mugs"], ["cost", "--reconcile"],
                    ["audit"], ["audit", "--json"], ["reconcile"], ["retry", "mugs"], ["cancel", "mugs"],
                    ["pause", "mugs"], ["resume", "mugs"], ["limit", "packshot-tiny"], ["doctor"],
                    ["doctor", "--json"],
                    ["doctor", "--quiet"], ["migrate"], ["drain", "--all"], ["model", "inspect", model],
                    ["model", "verify", model],
                    ["plan-capacity", "100", "--seconds-per-image", "1", "--usd-per-hour", "1"],
                    ["plan-capacity", "100", "--model", model], ["verify", "--image", image],
                    ["contact-sheet", "mugs", "--output", "\(site.folder)/sheet.png"],
                    ["enqueue", catalog, "--model", model, "--out", site.out, "--name", "mugs"],
                    ["enqueue", catalog, "--model", model, "--out", site.out, "--name", "mugs", "--wait", "--json"],
                    [
                        "generate", "--model", model, "--prompt", "mug", "--steps", "1", "--guidance", "1", "--output",
                        "\(site.folder)/mug.png",
                    ],
                    ["worker", "--model", model, "--simulate", "1ms", "--drain"],
                    ["status", "no-such-batch"], ["frobnicate"],
                ]
                for (index, command) in commands.enumerated() {
                    let usual = try site.run(command)
                    #expect((usual.status == 0) == (index < commands.count - 2), "\(command): \(usual.errors)")
                    let says = !usual.output.isEmpty
                    for redirection in [">/dev/full", ">&-"] {
                        let outcome = try run(site, command, redirection)
                        let expected = says && usual.status == 0 ? 1 : usual.status
                        #expect(outcome.status == expected, "\(command) \(redirection): \(outcome.errors)")
                        #expect(
                            outcome.errors.contains("packshot: the result could not be written: ") == says,
                            "\(command) \(redirection): \(outcome.errors)")
                    }
                    for redirection in ["2>/dev/full", "2>&-", "<&-"] {
                        let outcome = try run(site, command, redirection)
                        #expect(outcome.status == usual.status, "\(command) \(redirection)")
                        #expect(outcome.output.isEmpty != says, "\(command) \(redirection)")
                    }
                }
                #expect(try run(site, ["status"], ">&- 2>&- <&-").status == 1)
                let audit = try site.run(["audit"])
                #expect(audit.status == 0, "what was said of it changed nothing: \(audit.output)")
            }
        }

        @Test(arguments: ["2>/dev/full", "2>&-", "2> >(:)", ">&- 2>&- <&-"])
        func aWorkerDropsLinesOfItsLogAndGoesOn(redirection: String) async throws {
            try await Site.with { site in
                try #require(
                    try site.run([
                        "enqueue", try site.catalog(rows: 2), "--model", Program.demoModel, "--out", site.out,
                    ]).status == 0)
                let outcome = try RunningProgram(
                    "/bin/bash",
                    [
                        "-c", "exec \"$0\" \"$@\" \(redirection)", try #require(Program.path), "worker", "--model",
                        Program.demoModel, "--simulate", "1ms", "--drain",
                    ], environment: site.environment.merging(["PACKSHOT_LOG_LEVEL": "trace"]) { $1 },
                    folder: site.folder
                ).wait()
                #expect(outcome.status == 0)
                #expect(try site.files().count == 2)
            }
        }

        @Test func aLimitOnFilesEndsNoWorker() async throws {
            try await Site.with { site in
                try #require(
                    try site.run([
                        "enqueue", try site.catalog(rows: 2), "--model", Program.demoModel, "--out", site.out,
                    ]).status == 0)
                // The log is a file and may not grow by a byte. The signal for that would end the process.
                let outcome = try RunningProgram(
                    "/bin/bash",
                    [
                        "-c", "ulimit -f 0; exec \"$0\" \"$@\"", try #require(Program.path), "worker", "--model",
                        Program.demoModel, "--simulate", "1ms", "--no-files", "--drain",
                    ], environment: site.environment.merging(["PACKSHOT_LOG_LEVEL": "trace"]) { $1 },
                    folder: site.folder
                ).wait()
                #expect(outcome.status == 0)
                #expect(outcome.errors.isEmpty)
                #expect(try site.count("SELECT count(*) FROM jobs WHERE state = 'completed'") == 2)
            }
        }

        @Test func nobodyReadsOnAndThatIsNoFailureOfOurs() async throws {
            try await Site.with { site in
                let outcome = try RunningProgram(
                    "/bin/bash",
                    [
                        "-c",
                        #"{ until [ -e "$1" ]; do sleep 0.01; done; "$0" --help; echo $? >"$1"; } | { exec <&-; touch "$1"; }; sed -n 1p "$1""#,
                        try #require(Program.path), "\(site.folder)/closed",
                    ], environment: site.environment, folder: site.folder
                ).wait()
                #expect(outcome.output == "141\n", "\(outcome.output) \(outcome.errors)")
            }
        }
    }
}
