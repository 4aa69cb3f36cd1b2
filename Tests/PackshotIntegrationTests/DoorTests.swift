import Foundation
import Testing

extension IntegrationTests {
    /// Who gets into the servers of `packshot up`, and what is left when it is killed.
    @Suite("Doors of up")
    struct DoorTests {
        private static let isRoot = geteuid() == 0

        private func environment(_ extra: [String: String] = [:]) -> [String: String] {
            var environment = ProcessInfo.processInfo.environment
            environment["DATABASE_URL"] = nil
            environment["REDIS_URL"] = nil
            return environment.merging(extra) { $1 }
        }

        private func withFolder(_ body: (String) async throws -> Void) async throws {
            let folder = "/tmp/packshot-doors-\(UUID().uuidString.prefix(8))"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            chmod(folder, 0o755)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try await body(folder)
        }

        private func up(_ data: String, _ options: [String] = [], _ script: String) throws -> RunningProgram {
            try RunningProgram(
                try #require(Program.path), ["up", "--data", data] + options + ["--", "bash", "-c", script],
                environment: environment(["PACKSHOT": try #require(Program.path)]), folder: "/tmp")
        }

        private func bash(_ script: String, _ arguments: String...) throws -> Program.Outcome {
            try RunningProgram(
                "/bin/bash", ["-c", script, try #require(Program.path)] + arguments, environment: environment(),
                folder: "/tmp"
            ).wait()
        }

        /// Processes whose command line holds a text.
        private func processes(_ text: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
                guard Int(name) != nil, Int32(name) != getpid() else { return false }
                let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") ?? Data()
                return String(decoding: line, as: UTF8.self).contains(text)
            }
        }

        private func wait(for what: String, _ condition: () throws -> Bool) async throws {
            let deadline = ContinuousClock().now + .seconds(120)
            while try !condition() {
                try #require(ContinuousClock().now < deadline, "waited in vain for: \(what)")
                try await Task.sleep(for: .milliseconds(20))
            }
        }

        @Test func anotherUserGetsIntoNothing() async throws {
            try await withFolder { folder in
                let data = "\(folder)/data"
                // Inside: the owner gets in; a stranger, and root's own server as a stranger would reach it, do not.
                let outcome = try up(
                    data, [],
                    """
                    socket=$(python3 -c 'import os, urllib.parse; print(urllib.parse.unquote(os.environ["REDIS_URL"][7:]))')
                    psql "$DATABASE_URL" -XAtqc 'SELECT 1' && redis-cli -s "$socket" PING || exit 1
                    find \(data) -maxdepth 1 -type d -name '*run' -printf '%f %m\\n' | sort
                    stat -c '%n %a' \(data)/redis \(data)/postgres
                    stat -c '%a' \(data)/*.lock \(data)/*.log | sort -u
                    [ "$(id -u)" = 0 ] || exit 0
                    for stranger in 65534 5 "$(id -u postgres)"; do
                        as="setpriv --reuid=$stranger --regid=$stranger --clear-groups"
                        $as psql "$DATABASE_URL" -XAtqc "COPY (SELECT 1) TO PROGRAM 'touch \(data)/entered'" && echo entered
                        $as psql "${DATABASE_URL/user=postgres/user=root}" -XAtqc 'SELECT 1' && echo entered
                        $as redis-cli -s "$socket" PING && echo entered
                    done
                    true
                    """
                ).wait()
                #expect(outcome.status == 0, "\(outcome.errors)")
                let lines = outcome.output.split(separator: "\n").map(String.init)
                #expect(lines.starts(with: ["1", "PONG"]), "\(outcome.output) \(outcome.errors)")
                #expect(lines.contains("run 700"), "\(outcome.output)")
                #expect(!Self.isRoot || lines.contains("postgres-run 700"), "\(outcome.output)")
                #expect(lines.contains("\(data)/redis 700") && lines.contains("\(data)/postgres 700"))
                #expect(lines.last == "600", "locks and logs: \(outcome.output)")
                #expect(!outcome.output.contains("entered"), "\(outcome.output)")
            }
        }

        @Test func serversOfAnotherUserDoNotLetRootsNeighboursInEither() async throws {
            // Only root can be somebody else; for others the test above holds.
            guard Self.isRoot else { return }
            try await withFolder { folder in
                chown(folder, 34, 34)
                let outcome = try bash(
                    """
                    # The program itself may lie where only root reaches it.
                    cd / && cp "$0" "$1/packshot" && chmod 755 "$1/packshot"
                    setpriv --reuid=34 --regid=34 --clear-groups "$1/packshot" up --data "$1/data" -- bash -c '
                        psql "$DATABASE_URL" -XAtqc "SELECT current_user" || exit 1
                        echo "$DATABASE_URL" >"$0/url"; until [ -e "$0/done" ]; do sleep 0.05; done' "$1" &
                    until [ -s "$1/url" ]; do sleep 0.05; kill -0 $! || exit 9; done
                    setpriv --reuid=5 --regid=5 --clear-groups psql "$(cat "$1/url")" -XAtqc 'SELECT 1' && echo entered
                    # Root passes every folder; the server still asks who it is.
                    psql "$(cat "$1/url")" -XAtqc 'SELECT 1' && echo entered
                    touch "$1/done"; wait $!
                    """, folder)
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(outcome.output == "backup\n", "\(outcome.output)")
            }
        }

        @Test func dataFoldersThatOthersCouldTamperWithAreRefused() async throws {
            try await withFolder { folder in
                func refusal(_ data: String) throws -> Program.Outcome { try up(data, [], "true").wait() }
                mkdir("\(folder)/open", 0o777)
                chmod("\(folder)/open", 0o777)
                try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/file"))
                var cases = [
                    ("\(folder)/open", "other users can write in"), ("\(folder)/file", "--data"),
                    ("\(folder)/file/below", "--data"), ("/proc/nowhere", "--data"),
                ]
                if Self.isRoot {
                    mkdir("\(folder)/theirs", 0o755)
                    chown("\(folder)/theirs", 34, 34)
                    cases.append(("\(folder)/theirs", "belongs to another user"))
                }
                for (data, says) in cases {
                    let outcome = try refusal(data)
                    #expect(outcome.status == 4, "\(data): \(outcome.errors)")
                    #expect(
                        outcome.errors.hasPrefix("packshot: ") && outcome.errors.contains(says), "\(outcome.errors)")
                    #expect(!outcome.errors.contains("Domain="), "\(outcome.errors)")
                }
                #expect(try refusal("\(folder)/a\nb").status == 2)
                #expect(try refusal("").status == 2)
            }
        }

        @Test func dataFoldersMayHaveAnyName() async throws {
            try await withFolder { folder in
                for name in ["a?b,c", "b#d%20e f'g\"h@i:j=ü&k", String(repeating: "long", count: 30)] {
                    let outcome = try up(
                        "\(folder)/\(name)", [],
                        #"psql "$DATABASE_URL" -XAtqc 'SELECT 1' && "$PACKSHOT" doctor >&2 && "$PACKSHOT" status"#
                    ).wait()
                    #expect(outcome.status == 0, "\(name): \(outcome.errors)")
                    #expect(outcome.output.hasPrefix("1\nno batches yet"), "\(outcome.output)")
                    #expect(!outcome.errors.contains("problem"), "\(outcome.errors)")
                }
            }
        }

        @Test func serversOfAnOlderVersionLetNobodyInAnyMore() async throws {
            try await withFolder { folder in
                let data = "\(folder)/data"
                try #require(try up(data, [], "true").wait().status == 0)
                // As `initdb --auth=trust` wrote it.
                try Data("local all all trust\n".utf8).write(to: URL(fileURLWithPath: "\(data)/postgres/pg_hba.conf"))
                let outcome = try up(data, [], #"psql "$DATABASE_URL" -XAtqc 'SHOW hba_file'"#).wait()
                #expect(outcome.output == "\(data)/pg_hba.conf\n", "\(outcome.errors)")
            }
        }

        @Test func killedUpLeavesNobodyBehind() async throws {
            try await withFolder { folder in
                let data = "\(folder)/data"
                let mark = "86399.\(UInt32.random(in: 100_000 ... .max))"
                // The command starts programs that start programs, one of them in a session of its own.
                let running = try up(
                    data, ["--workers", "1"],
                    "sleep \(mark) & bash -c 'setsid sleep \(mark)1; true' & touch \(folder)/begun; sleep \(mark)2; true"
                )
                try await wait(for: "the command and all it starts") {
                    try FileManager.default.fileExists(atPath: "\(folder)/begun")
                        && processes("sleep\0\(mark)").count == 3
                }
                running.signal(SIGKILL)
                // At once: the next one waits for the old servers to be gone, instead of starting beside them.
                let next = try up(
                    data, [], #"psql "$DATABASE_URL" -XAtqc 'SELECT count(*) FROM schema_migrations WHERE version = 1'"#
                )
                let outcome = try next.wait()
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(outcome.output == "1\n")
                _ = try running.wait()
                try await wait(for: "everything of the killed one to be gone") {
                    try processes(mark).isEmpty && processes(data).isEmpty
                }
            }
        }

        @Test func aCommandThatIsNoneIsNamed() async throws {
            try await withFolder { folder in
                let outcome = try RunningProgram(
                    try #require(Program.path), ["up", "--data", "\(folder)/data", "--", "no-such-program"],
                    environment: environment(), folder: "/tmp"
                ).wait()
                #expect(outcome.status == 1)
                #expect(
                    outcome.errors == "packshot: cannot start no-such-program: there is no such program on PATH\n",
                    "\(outcome.errors)")
            }
        }
    }
}
