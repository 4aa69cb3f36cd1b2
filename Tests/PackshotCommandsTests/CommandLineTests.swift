import PackshotCommands
import Testing

/// What the command line is before it is parsed, and what is said when it cannot be.
@Suite("Command line")
struct CommandLineTests {
    @Test(arguments: [
        (["enqeue", "a.csv"], "packshot has no command \"enqeue\"; did you mean enqueue?"),
        (["statsu"], "did you mean status?"),
        (["model", "inspct", "x"], "packshot model has no command \"inspct\"; did you mean inspect?"),
        (["enqueue", "a.csv", "--modle", "x"], "packshot enqueue has no option \"--modle\"; did you mean --model?"),
        (["worker", "--concurency=4"], "did you mean --concurrency?"),
        (["generate", "--ouput", "x.png"], "did you mean --output?"),
        (["status", "--jsno"], "did you mean --json?"),
        (["frobnicate"], "packshot has no command \"frobnicate\". See packshot --help"),
        (["up", "--dta", "x", "--", "cmd", "--modle"], "did you mean --data?"),
    ])
    func aSlipIsNamedWithWhatWasMeant(arguments: [String], says: String) throws {
        let vocabulary = try #require(CommandVocabulary.current)
        let slip = try #require(vocabulary.slip(in: arguments))
        #expect(slip.contains(says), "\(slip)")
    }

    @Test(arguments: [
        ["enqueue", "a.csv", "--model", "m", "--out", "o"], ["--version"], ["status", "--help"], ["help", "status"],
        ["up", "--", "cmd", "--modle"], ["model", "inspect", "enqeue"], ["jobs", "--where=sku=--x", "--json"],
    ])
    func whatIsKnownIsNoSlip(arguments: [String]) throws {
        #expect(try #require(CommandVocabulary.current).slip(in: arguments) == nil)
    }

    @Test func negativeNumbersBelongToTheOptionBefore() {
        #expect(CommandArguments.joined(["enqueue", "--priority", "-4"]) == ["enqueue", "--priority=-4"])
        #expect(CommandArguments.joined(["x", "--a", "-.5", "-1e3"]) == ["x", "--a=-.5", "-1e3"])
        #expect(CommandArguments.joined(["x", "-h", "--json", "-v"]) == ["x", "-h", "--json", "-v"])
        #expect(CommandArguments.joined(["up", "--", "cmd", "--n", "-4"]) == ["up", "--", "cmd", "--n", "-4"])
    }

    @Test func emptyValuesAreNamed() {
        #expect(CommandArguments.emptyValue(in: ["enqueue", "a", "--out", ""])?.contains("--out") == true)
        #expect(CommandArguments.emptyValue(in: ["enqueue", "a", "--name="])?.contains("--name") == true)
        #expect(CommandArguments.emptyValue(in: ["enqueue", " "])?.contains("an argument") == true)
        #expect(CommandArguments.emptyValue(in: ["generate", "--negative-prompt", "", "--prompt="]) == nil)
        #expect(CommandArguments.emptyValue(in: ["up", "--", "cmd", ""]) == nil)
    }
}
