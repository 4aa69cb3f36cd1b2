package import ArgumentParser
internal import Foundation

/// The command line: `packshot VERB …`.
package struct Packshot: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "packshot",
        abstract: "Turn a product catalog into images with PRX, on as many machines as there are.",
        version: PackshotVersion.current,
        subcommands: [
            UpCommand.self, EnqueueCommand.self, WorkerCommand.self, StatusCommand.self, CostCommand.self,
            ContactSheetCommand.self, VerifyCommand.self, GenerateCommand.self, WorkersCommand.self,
            JobsCommand.self, CancelCommand.self, RetryCommand.self, PauseCommand.self, ResumeCommand.self,
            LimitCommand.self, DrainCommand.self, AuditCommand.self, PlanCapacityCommand.self, ReconcileCommand.self,
            LedgerCommand.self,
            ModelCommand.self, BenchCommand.self,
            MigrateCommand.self,
            DoctorCommand.self, KeepCommand.self,
        ])

    package init() {}
}

/// The version of this program, as images and ledger rows record it.
package enum PackshotVersion {
    package static let current = "0.1.0"
}
