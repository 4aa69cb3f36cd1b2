package import ArgumentParser
internal import Foundation
internal import PRX

/// `packshot model`: looking at checkpoints.
package struct ModelCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Look at a checkpoint folder.",
        subcommands: [ModelInspectCommand.self, ModelVerifyCommand.self])

    package init() {}
}

/// `packshot model inspect`: what a folder holds and what is wrong with it.
package struct ModelInspectCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show components, parameters, types, sizes, fingerprint and all problems.",
        discussion: "Exit code 4 when the checkpoint cannot be used.")

    @Argument(help: "Checkpoint folder in diffusers' layout.")
    package var folder: String

    @Flag(help: "Print it as JSON.")
    package var json = false

    package init() {}

    package func run() throws {
        let inspection = CheckpointInspection(path: folder)
        if json {
            try Talk.json(inspection)
        } else {
            var rows = [("pipeline", inspection.pipelineClass)]
            for component in inspection.components {
                let types = component.tensorsByType.sorted { $0.key < $1.key }.map { "\($0.value) tensors \($0.key)" }
                rows.append(
                    (
                        component.name,
                        "\(component.className): \(Self.millions(component.parameters)) M parameters, \(types.joined(separator: ", ")), \(Self.millions(component.bytes)) MB"
                    ))
            }
            rows.append(
                (
                    "in all",
                    "\(Self.millions(inspection.parameters)) M parameters; \(Self.millions(inspection.bytes)) MB mapped, shared by the workers of a host"
                ))
            let size = inspection.defaultSize.map { "\($0)x\($0)" } ?? "no size"
            rows.append(
                ("defaults", "\(size), \(inspection.defaultSteps) steps, guidance \(inspection.defaultGuidance)"))
            rows.append(("fingerprint", inspection.fingerprint))
            Talk.result(Columns.text(rows))
            for problem in inspection.problems { Talk.result("problem: \(problem)") }
        }
        if !inspection.problems.isEmpty { throw ExitStatus.invalidInput.code }
    }

    private static func millions(_ count: Int) -> String { String(format: "%.1f", Double(count) / 1e6) }
}

/// `packshot model verify`: every file's digest.
package struct ModelVerifyCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Hash every file, and compare with SHA256SUMS if the folder has one.",
        discussion:
            "Prints lines as `sha256sum` does. Exit code 7 when a file differs from SHA256SUMS or is missing there.")

    @Argument(help: "Checkpoint folder in diffusers' layout.")
    package var folder: String

    package init() {}

    package func run() throws {
        let digests: [(path: String, sha256: String)]
        do {
            digests = try CheckpointInspection.digests(path: folder)
        } catch let error as PRXError {
            throw CommandError(.invalidInput, error.message)
        }
        guard !digests.isEmpty, digests.contains(where: { $0.path == "model_index.json" }),
            FileManager.default.fileExists(atPath: "\(folder)/model_index.json")
        else { throw CommandError(.invalidInput, "\(folder) is no checkpoint: model_index.json is missing") }
        for (path, digest) in digests { Talk.result("\(digest)  \(path)") }
        guard let sums = try? String(contentsOfFile: "\(folder)/SHA256SUMS", encoding: .utf8) else { return }
        var expected: [String: String] = [:]
        for line in sums.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
            if parts.count == 2 {
                expected[parts[1].trimmingCharacters(in: .whitespaces.union(["*"]))] = String(parts[0])
            }
        }
        let wrong = digests.filter { expected[$0.path] != $0.sha256 }.map(\.path)
        guard wrong.isEmpty else {
            throw CommandError(.verificationFailed, "not as SHA256SUMS says: \(wrong.joined(separator: ", "))")
        }
    }
}
