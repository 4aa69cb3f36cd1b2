import Foundation
import Testing

extension IntegrationTests {
    /// `packshot up` with servers of its own, beside those the tests run on.
    @Suite("Private servers")
    struct UpTests {
        private func withData(_ body: (String) async throws -> Void) async throws {
            let data = "/tmp/packshot-up-\(UUID().uuidString.prefix(8))"
            try await body(data)
            try? FileManager.default.removeItem(atPath: data)
        }

        private func start(_ data: String, _ command: String..., workers: Int = 0) throws -> RunningProgram {
            var environment = ProcessInfo.processInfo.environment
            environment["DATABASE_URL"] = nil
            environment["REDIS_URL"] = nil
            return try RunningProgram(
                try #require(Program.path), ["up", "--data", data, "--workers", "\(workers)", "--"] + command,
                environment: environment, folder: FileManager.default.temporaryDirectory.path)
        }

        /// Processes whose command line names a folder, other than the one that asks.
        private func processes(_ data: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }.filter { process in
                let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
                return String(decoding: line, as: UTF8.self).contains(data)
            }
        }

        @Test func theCommandsExitCodeIsPassedOnAndNothingIsLeftRunning() async throws {
            try await withData { data in
                let first = try start(
                    data, "bash", "-c", #"psql "$DATABASE_URL" -Atc 'CREATE TABLE mine AS SELECT 7 AS x' && exit 42"#
                ).wait()
                #expect(first.status == 42, "\(first.errors)")
                #expect(try processes(data).isEmpty)
                let second = try start(data, "bash", "-c", #"psql "$DATABASE_URL" -Atc 'SELECT x FROM mine'"#).wait()
                #expect(second.status == 0 && second.output == "7\n", "what was stored is there again")
            }
        }

        @Test func signalsEndTheCommandFirst() async throws {
            try await withData { data in
                let up = try start(data, "sleep", "100")
                let deadline = ContinuousClock().now + .seconds(60)
                while try processes(data).count < 3, ContinuousClock().now < deadline {
                    try await Task.sleep(for: .milliseconds(50))
                }
                try await Task.sleep(for: .milliseconds(1_500))
                up.signal(SIGTERM)
                #expect(try up.wait().status == 143)
                #expect(try processes(data).isEmpty)
            }
        }

        @Test func aFolderIsUsedByOneAtATime() async throws {
            try await withData { data in
                let outcome = try start(data, try #require(Program.path), "up", "--data", data, "--", "true").wait()
                #expect(outcome.status == 0, "inside `up` the servers given are used")
                let nested = try start(
                    data, "env", "-u", "DATABASE_URL", "-u", "REDIS_URL", try #require(Program.path), "up", "--data",
                    data,
                    "--", "true"
                ).wait()
                #expect(nested.status == 1)
                #expect(nested.errors.contains("in use"))
            }
        }

        @Test func workersBesideTheCommandMakeTheImages() async throws {
            try await withData { data in
                let catalog = "\(data).csv"
                try Data("sku,title\nA-1,red ceramic mug\nA-2,blue ceramic mug\n".utf8).write(
                    to: URL(fileURLWithPath: catalog))
                defer { try? FileManager.default.removeItem(atPath: catalog) }
                let outcome = try start(
                    data, try #require(Program.path), "enqueue", catalog, "--model", Program.demoModel, "--out",
                    "\(data)/images", "--name", "two", "--wait", workers: 2
                ).wait()
                #expect(outcome.status == 0, "\(outcome.errors)")
                for sku in ["A-1", "A-2"] {
                    #expect(FileManager.default.fileExists(atPath: "\(data)/images/two/\(sku)/\(sku).main.0.png"))
                }
                #expect(try processes(data).isEmpty)
            }
        }
    }
}
