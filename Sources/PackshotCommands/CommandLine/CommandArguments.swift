/// The command line before it is parsed.
package enum CommandArguments {
    /// Options whose value may be empty: no text is a text, too.
    private static let mayBeEmpty: Set<String> = ["--prompt", "--negative-prompt"]

    /// The arguments with negative numbers joined to their options, `--priority -4` as `--priority=-4`.
    ///
    /// The parser takes everything that begins with a dash for an option, and no option of ours is a number.
    package static func joined(_ arguments: [String]) -> [String] {
        var result: [String] = []
        for (index, argument) in arguments.enumerated() {
            if argument == "--" { return result + arguments[index...] }
            if isNegativeNumber(argument), let last = result.last, last.hasPrefix("--"), !last.contains("=") {
                result[result.count - 1] = "\(last)=\(argument)"
            } else {
                result.append(argument)
            }
        }
        return result
    }

    /// What to say of an argument that is empty, as an unset variable makes it; nil when there is none.
    package static func emptyValue(in arguments: [String]) -> String? {
        var previous = ""
        for argument in arguments {
            if argument == "--" { return nil }
            let sides = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if argument.hasPrefix("--"), sides.count == 2, isBlank(sides[1]), !mayBeEmpty.contains(sides[0]) {
                return "the value of \(sides[0]) is empty; is a variable not set?"
            }
            if isBlank(argument), !mayBeEmpty.contains(previous) {
                let name = previous.hasPrefix("--") ? "the value of \(previous)" : "an argument"
                return "\(name) is empty; is a variable not set?"
            }
            previous = argument
        }
        return nil
    }

    private static func isBlank(_ text: String) -> Bool { text.allSatisfy(\.isWhitespace) }

    private static func isNegativeNumber(_ text: String) -> Bool {
        guard text.hasPrefix("-"), let next = text.dropFirst().first else { return false }
        return next.isASCII && (next.isNumber || next == ".") && Double(text) != nil
    }
}
