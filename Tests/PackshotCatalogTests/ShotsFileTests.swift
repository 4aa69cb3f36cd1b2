import PackshotCatalog
import PackshotJobs
import Testing

@Suite("Shots files")
struct ShotsFileTests {
    static func parse(_ text: String) throws -> [Shot] {
        try ShotsFile.parse(text, file: "shots.yaml")
    }

    @Test func everyKeyIsRead() throws {
        let shots = try ShotsFileTests.parse(
            """
            # A comment.
            defaults: {size: 640x480, steps: 8, priority: 2, negative_prompt: "blurry {{title}}"}
            shots:
              - name: front
                prompt: |
                  {{title}}
                  on white
              - name: scene-2
                prompt: "{{title}} on wood"
                prompt_by:
                  locale:
                    fr: "{{title}} sur du bois"
                    no: "{{title}} på tre"
                    PT: x
                width: 128
                height: 96
                steps: 12
                guidance: 2.5
                seed: 4294967290
                variants: 3
                priority: 0
                negative_prompt: ""
                step_cache: 0.1
                guidance_share: 1
              - {name: a, prompt: x, seed: derived}
              - {name: b, prompt: x, seed: {fixed: 7}}
            """)
        #expect(shots.map(\.name) == ["front", "scene-2", "a", "b"])
        let front = shots[0]
        #expect(front.prompt.source == "{{title}}\non white\n")
        #expect(front.width == 640 && front.height == 480)
        #expect(front.steps == 8 && front.guidance == nil && front.variants == 1 && front.priority == 2)
        #expect(front.seed == .derived && front.promptChoice == nil)
        #expect(front.negativePrompt?.source == "blurry {{title}}")
        let scene = shots[1]
        #expect(scene.width == 128 && scene.height == 96)
        #expect(scene.steps == 12 && scene.guidance == 2.5 && scene.variants == 3 && scene.priority == 0)
        #expect(scene.seed == .fixed(4_294_967_290))
        #expect(scene.promptChoice?.column == "locale")
        #expect(scene.promptChoice?.prompts.mapValues(\.source)["fr"] == "{{title}} sur du bois")
        // YAML 1.1 would take this key for `false`.
        #expect(scene.promptChoice?.prompts.keys.sorted() == ["fr", "no", "pt"])
        #expect(scene.negativePrompt?.source == "")
        // A share of all steps leaves nothing out.
        #expect(front.shortcuts == nil && scene.shortcuts == Shortcuts(stepCache: 0.1))
        #expect(shots[2].seed == .derived && shots[3].seed == .fixed(7))
    }

    @Test func theStandardShotNeedsOnlyATitle() {
        #expect(Shot.standard.map(\.name) == ["main"])
        #expect(Shot.standard[0].prompt.source.contains("{{title}}"))
    }

    @Test(arguments: [
        ("", ["is empty"]), ("just text", ["keys and values are needed (defaults, shots)"]),
        ("shots: []", ["a list of shots"]), ("shots: x", ["a list of shots"]), ("- name: a", ["keys and values"]),
        ("shot: []", ["line 1: the file: unknown key \"shot\" (did you mean \"shots\"?)"]),
        (
            "shots:\n  - name: a\n    prompt: x\n    stpes: 3",
            ["line 4: shot \"a\": unknown key \"stpes\"", "\"steps\"?"]
        ),
        ("shots:\n  - prompt: x", ["line 2: shot 1, key name: 1 to 40 letters"]),
        ("shots: [{name: 'a b', prompt: x}]", ["shot \"a b\", key name"]),
        ("shots: [{name: a}]", ["shot \"a\", key prompt: is missing"]),
        ("shots: [{name: a, prompt: [x]}]", ["shot \"a\", key prompt: must be a text"]),
        ("shots: [{name: a, prompt: x}, {name: A, prompt: y}]", ["two shots are named \"a\" and \"A\""]),
        ("shots: [{name: a, prompt: x, size: 12}]", ["key size: must be like 1024x768"]),
        ("shots: [{name: a, prompt: x, size: 8x8}]", ["a size of 8x8 pixels is out of range"]),
        ("shots: [{name: a, prompt: x, size: 16384x16384}]", ["16384x16384 pixels is out of range"]),
        ("shots: [{name: a, prompt: x, size: 64x64, width: 3}]", ["give either size, or width and height"]),
        ("shots: [{name: a, prompt: x, width: 64}]", ["width and height go together"]),
        ("shots: [{name: a, prompt: x, width: 64, height: tall}]", ["key height: must be a whole number from 16"]),
        ("shots: [{name: a, prompt: x, steps: 0}]", ["key steps: must be a whole number from 1 to 1000"]),
        ("shots: [{name: a, prompt: x, guidance: 0.5}]", ["key guidance: must be a number from 1"]),
        ("shots: [{name: a, prompt: x, guidance: .nan}]", ["key guidance"]),
        ("shots: [{name: a, prompt: x, step_cache: 2}]", ["key step_cache: must be a number from 0"]),
        ("shots: [{name: a, prompt: x, guidance_share: 0}]", ["key guidance_share: must be a number from 0.001"]),
        ("shots: [{name: a, prompt: x, solver_order: 3}]", ["key solver_order: must be a whole number from 1 to 2"]),
        ("shots: [{name: a, prompt: x, activation_bits: 12}]", ["key activation_bits: must be 24, 16 or 8"]),
        ("shots: [{name: a, prompt: x, variants: 0}]", ["key variants"]),
        ("shots: [{name: a, prompt: x, priority: 10}]", ["key priority: must be a whole number from 0 to 9"]),
        ("shots: [{name: a, prompt: x, seed: -1}]", ["key seed: must be \"derived\" or a whole number"]),
        ("shots: [{name: a, prompt: x, seed: 4294967295, variants: 2}]", ["key seed", "the last variant's too"]),
        ("shots: [{name: a, prompt: x, seed: {fixd: 1}}]", ["unknown key \"fixd\" (did you mean \"fixed\"?)"]),
        ("shots: [{name: a, prompt: x, prompt_by: {a: {x: y}, b: {x: y}}}]", ["key prompt_by: must be one column"]),
        (
            "shots: [{name: a, prompt: x, prompt_by: {l: {fr: y, FR: z}}}]",
            ["key prompt_by: the value \"FR\" is there twice"]
        ),
        ("shots: [{name: a, prompt: x, prompt_by: {l: {fr: '{{'}}}]", ["prompt_by, value \"fr\": {{ is not closed"]),
        ("defaults: {prompt: x}\nshots: [{name: a, prompt: x}]", ["defaults: unknown key \"prompt\""]),
        ("shots: [{name: a, prompt: x, prompt: y}]", ["is not YAML"]), ("shots: [", ["is not YAML"]),
        ("a: &x [1]\nb: *x", ["anchors (&name) and aliases (*name) are not supported"]),
        ("shots: [{name: a, steps: 0, variants: 0}, {prompt: x}]", ["shot \"a\", key prompt", "shot 2, key name"]),
    ])
    func mistakesAreExplained(text: String, mentions: [String]) {
        let error = #expect(throws: CatalogError.self) { try ShotsFileTests.parse(text) }
        #expect(error?.code == .shots)
        for mention in mentions {
            #expect(error?.description.contains(mention) == true, "\(String(describing: error))")
        }
        #expect(error?.description.hasPrefix("shots.yaml: ") == true)
    }

    /// What people write when they forget that `{` and quotes mean something to YAML.
    @Test(arguments: [
        (
            "shots:\n  - name: main\n    prompt: {{title}} on a table",
            "line 3: put the whole text between single quotes"
        ),
        ("shots:\n  - name: main\n    prompt: {{title}}", "put it between quotes, such as '{{title}} on a table'"),
        (
            "shots:\n  - name: main\n    prompt: {{title}}\n    steps: 4",
            "line 3: shot \"main\", key prompt: must be a text"
        ),
        (
            "shots:\n  - name: main\n    prompt: \"{{title}}, {{color|default:\"red\"}}\"\n    steps: 4",
            "line 3: put the whole text between single quotes"
        ),
        (
            "shots:\n  - name: main\n    prompt: \"{{title}}\" on a table",
            "line 3: put the whole text between single quotes"
        ),
        ("shots:\n  - name: main\n    prompt: mug: on a table", "line 3: put the whole text between single quotes"),
        ("shots:\n  - name: main\n    prompt: [new] mug", "line 3: put the whole text between single quotes"),
        ("shots:\n  - name: main\n    prompt: %sku", "line 3: put the whole text between single quotes"),
    ])
    func textsWithoutQuotesAreTold(text: String, mention: String) {
        let error = #expect(throws: CatalogError.self) { try ShotsFileTests.parse(text) }
        #expect(error?.description.contains(mention) == true, "\(String(describing: error))")
    }

    @Test func nestedAliasesAreRefusedAtOnce() {
        var text = "a0: &a0 [x, x]\n"
        for level in 1...40 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        text += "? [*a40]\n: x\n"
        let error = #expect(throws: CatalogError.self) { try ShotsFileTests.parse(text) }
        #expect(error?.description.contains("aliases") == true)
        for form in ["a: [&x y,*x]", "{a: &x y, *x : z}", "a:&x y\nb: *x", "- &x y\n- *x", "\u{FEFF}&x a: *x"] {
            #expect(throws: CatalogError.self, "\(form)") { try ShotsFileTests.parse(form) }
        }
    }

    @Test func signsInPromptsAreNoAliases() throws {
        let shots = try ShotsFileTests.parse(
            "shots: [{name: a, prompt: 'salt & pepper, R&B, 2 * 3, very *good* light'}]")
        #expect(shots[0].prompt.source == "salt & pepper, R&B, 2 * 3, very *good* light")
    }

    @Test func deepNestingAndLargeFilesAreRefused() throws {
        #expect(throws: CatalogError.self) { try ShotsFileTests.parse(String(repeating: "[", count: 100_000)) }
        let folder = try TemporaryFolder()
        let path = try folder.file("shots: [{name: a, prompt: x}]\n#".utf8 + [UInt8](repeating: 120, count: 262_144))
        let error = #expect(throws: CatalogError.self) { try ShotsFile.load(path: path) }
        #expect(error?.description.contains("larger than 262144 bytes") == true)
        #expect(
            try ShotsFile.load(path: try folder.file("shots: [{name: a, prompt: x}]".utf8, name: "b.yaml")).count == 1)
        let missing = #expect(throws: CatalogError.self) { try ShotsFile.load(path: "\(folder.path)/none.yaml") }
        #expect(missing?.code == .unreadable)
    }
}
