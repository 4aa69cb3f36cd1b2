internal import ArgumentParser
internal import Foundation
internal import PackshotCatalog

/// Every command and option there is, to name what somebody meant.
package struct CommandVocabulary: Decodable {
    /// A command or subcommand.
    struct Command: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable {
                let kind: String
                let name: String
            }
            let names: [Name]?
        }
        let commandName: String
        let shouldDisplay: Bool?
        let aliases: [String]?
        let subcommands: [Command]?
        let arguments: [Argument]?

        var options: [String] {
            (arguments ?? []).flatMap { $0.names ?? [] }.filter { $0.kind == "long" }.map { "--\($0.name)" }
        }

        func subcommand(_ name: String) -> Command? {
            subcommands?.first { $0.commandName == name || $0.aliases?.contains(name) == true }
        }
    }

    let command: Command

    /// As the parser describes this program.
    package static var current: CommandVocabulary? {
        try? JSONDecoder().decode(CommandVocabulary.self, from: Data(Packshot._dumpHelp().utf8))
    }

    /// Options every command has, whether the parser's description names them or not.
    private static let common = [
        "--help", "--help-hidden", "--version", "--generate-completion-script", "--experimental-dump-help",
    ]

    /// What to say of the first command or option that there is not, with what was probably meant; nil if all are known.
    package func slip(in arguments: [String]) -> String? {
        var current = command
        var path = "packshot"
        var isNamed = false
        for argument in arguments.prefix(while: { $0 != "--" }) {
            if argument.hasPrefix("--") {
                let name = String(argument.prefix { $0 != "=" })
                let known = current.options + Self.common
                if known.contains(name) { continue }
                let hint = Self.hint(name, among: current.options)
                return "\(path) has no option \(name.debugDescription)\(hint) See \(path) --help"
            }
            guard !isNamed, current.subcommands?.isEmpty == false else { continue }
            if argument.hasPrefix("-") { continue }
            if let next = current.subcommand(argument) {
                current = next
                path += " \(next.commandName)"
                isNamed = next.subcommands?.isEmpty != false
            } else if argument == "help", path == "packshot" {
                return nil
            } else {
                let names = (current.subcommands ?? []).filter { $0.shouldDisplay != false }.map(\.commandName)
                let hint = Self.hint(argument, among: names)
                return "\(path) has no command \(argument.debugDescription)\(hint) See \(path) --help"
            }
        }
        return nil
    }

    private static func hint(_ word: String, among candidates: [String]) -> String {
        Spelling.suggestion(for: word, among: candidates).map { "; did you mean \($0)?" } ?? "."
    }
}
