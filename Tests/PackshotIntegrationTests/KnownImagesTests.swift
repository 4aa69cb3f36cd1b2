import Foundation
import Testing

extension IntegrationTests {
    /// What a submission is told of images that the ledger has already: `known` means made or on its way.
    @Suite("Known images")
    struct KnownImagesTests {
        private struct Report: Decodable {
            struct Known: Decodable, Equatable {
                let batch: String
                let id: Int64
                let folder: String
                let state: String
                let count: Int
            }
            struct Missing: Decodable {
                let job: Int64
                let path: String
            }
            let created: Int
            let existing: Int
            let known: [Known]
            let missingFiles: Int
            let missing: [Missing]
        }

        private struct Line: Decodable {
            let path: String
            let batch: String?
            let state: String?
        }

        private func enqueue(_ site: Site, _ catalog: String, _ name: String, _ rest: [String] = []) throws
            -> Program.Outcome
        {
            try site.run(
                ["enqueue", catalog, "--model", Program.demoModel, "--out", site.out, "--name", name] + rest)
        }

        private func report(_ outcome: Program.Outcome) throws -> Report {
            try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
        }

        private func work(_ site: Site) throws {
            let worker = try site.run(["worker", "--model", Program.demoModel, "--out", site.out, "--drain"])
            try #require(worker.status == 0, "\(worker.errors)")
        }

        /// What another batch had given up is made because it is asked for, or whoever waits is told that it is not.
        @Test func cancelledImagesOfAnotherBatchAreMadeOrNoSuccess() async throws {
            try await Site.with { site in
                let catalog = try site.catalog(rows: 2)
                try #require(try enqueue(site, catalog, "first", ["--start-at", "+1h"]).status == 0)
                try #require(try site.run(["cancel", "first"]).status == 0)
                let waiting = try site.start([
                    "enqueue", catalog, "--model", Program.demoModel, "--out", site.out, "--name", "second", "--wait",
                ])
                try await site.wait(upTo: 60, for: "where the images are") {
                    waiting.errorsSoFar.contains("in batch first (number 1), \(site.out)/first: 2 ")
                }
                if try site.count("SELECT count(*) FROM jobs WHERE state = 'cancelled'") > 0 {
                    let outcome = try waiting.wait()
                    #expect(outcome.status == 3, "\(outcome.errors)")
                    #expect(outcome.errors.contains("packshot retry 1 --where state=cancelled"), "\(outcome.errors)")
                    try #require(try site.run(["retry", "1", "--where", "state=cancelled"]).status == 0)
                    try work(site)
                } else {
                    try work(site)
                    #expect(try waiting.wait().status == 0)
                }
                #expect(try enqueue(site, catalog, "second", ["--wait"]).status == 0)
                #expect(try site.files() == (0..<2).map { "first/SKU-\($0)/SKU-\($0).main.0.png" })
            }
        }

        @Test func waitingForImagesOfAnotherBatchFailsWhenTheyDo() async throws {
            try await Site.with { site in
                let catalog = try site.catalog(rows: 1)
                try #require(try enqueue(site, catalog, "first").status == 0)
                let waiting = try site.start([
                    "enqueue", catalog, "--model", Program.demoModel, "--out", site.out, "--name", "second", "--wait",
                ])
                try await site.wait(upTo: 60, for: "what it waits for") {
                    waiting.errorsSoFar.contains("in batch first (number 1)")
                }
                try #require(try site.run(["cancel", "first"]).status == 0)
                let outcome = try waiting.wait()
                #expect(outcome.status == 3, "\(outcome.errors)")
            }
        }

        @Test func imagesOfAnotherBatchAreSaidWhereTheyAre() async throws {
            try await Site.with { site in
                try #require(try enqueue(site, try site.catalog(rows: 2), "season2").status == 0)
                try work(site)
                let more = try site.catalog(rows: 3, name: "more.csv")
                let manifest = "\(site.folder)/manifest"
                let outcome = try enqueue(site, more, "season3", ["--json", "--manifest", manifest])
                try #require(outcome.status == 0, "\(outcome.errors)")
                let report = try report(outcome)
                #expect(report.created == 1 && report.existing == 2 && report.missingFiles == 0)
                #expect(
                    report.known == [
                        Report.Known(
                            batch: "season2", id: 1, folder: "\(site.out)/season2", state: "completed", count: 2),
                        Report.Known(
                            batch: "season3", id: 2, folder: "\(site.out)/season3", state: "available", count: 1),
                    ])
                try work(site)
                let lines = try String(contentsOfFile: manifest, encoding: .utf8).split(separator: "\n")
                    .map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
                #expect(lines.map(\.batch) == ["season2", "season2", "season3"])
                #expect(lines.map(\.state) == ["completed", "completed", "available"])
                for line in lines { #expect(FileManager.default.fileExists(atPath: line.path), "\(line.path)") }
                #expect(try site.run(["audit", "--strict", "--manifest", manifest]).status == 0)

                // All of it known, under a third name: where it is, and success.
                let all = try enqueue(site, more, "season4", ["--wait"])
                #expect(all.status == 0, "\(all.errors)")
                #expect(
                    all.errors.contains("in batch season2 (number 1), \(site.out)/season2: 2 made"), "\(all.errors)")
                #expect(
                    all.errors.contains("in batch season3 (number 2), \(site.out)/season3: 1 made"), "\(all.errors)")
            }
        }

        @Test func madeImagesWhoseFilesAreGoneAreNoSuccess() async throws {
            try await Site.with { site in
                let catalog = try site.catalog(rows: 2)
                try #require(try enqueue(site, catalog, "cat").status == 0)
                try work(site)
                try FileManager.default.removeItem(atPath: "\(site.out)/cat/SKU-1/SKU-1.main.0.png")
                let manifest = "\(site.folder)/manifest"
                let one = try enqueue(site, catalog, "cat", ["--wait", "--json", "--manifest", manifest])
                #expect(one.status == 3, "\(one.errors)")
                let report = try report(one)
                #expect(report.missingFiles == 1)
                #expect(report.missing.first?.path == "\(site.out)/cat/SKU-1/SKU-1.main.0.png")
                #expect(one.errors.contains("SKU SKU-1"), "\(one.errors)")
                #expect(try String(contentsOfFile: manifest, encoding: .utf8).contains("\"state\":\"missing\""))
                // The whole folder moved away.
                try FileManager.default.moveItem(atPath: site.out, toPath: "\(site.folder)/moved")
                let moved = try enqueue(site, catalog, "cat", ["--wait"])
                #expect(moved.status == 3, "\(moved.errors)")
                #expect(
                    moved.errors.contains("2 images were made before and their files are not there"), "\(moved.errors)")
            }
        }
    }
}
