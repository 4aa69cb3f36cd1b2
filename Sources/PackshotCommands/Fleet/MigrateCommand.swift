package import ArgumentParser
internal import PackshotPostgres

/// `packshot migrate`: brings the database's schema up to date.
package struct MigrateCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the database's schema up to date.",
        discussion: "Applies what is missing, under a lock; safe to run at any time and by several at once.")

    @Flag(help: "Say nothing when there is nothing to do.")
    package var quiet = false

    package init() {}

    package func run() async throws {
        let applied = try await Migrator(PostgresConnection(Stores.postgres())).migrate()
        for name in applied { Talk.note("applied \(name)") }
        if applied.isEmpty, !quiet { Talk.note("the schema is up to date") }
    }
}
