import Foundation
import PackshotCatalog
import PackshotJobs
import Testing

@Suite("Plans")
struct PlanTests {
    static let defaults = Plan.Defaults(width: 512, height: 384, steps: 28, guidance: 5)

    static func plan(_ path: String, shots: String? = nil, limit: Int? = nil, batch: String = "spring") throws -> Plan {
        let parsed = try shots.map { try ShotsFile.parse($0, file: "shots.yaml") }
        return Plan(
            catalogPath: path, shots: parsed ?? Shot.standard, shotsPath: "shots.yaml", batch: batch,
            defaults: defaults,
            productLimit: limit)
    }

    static func images(_ plan: Plan) throws -> [PlannedImage] {
        let reader = try plan.images()
        var images: [PlannedImage] = []
        while let image = try reader.next() { images.append(image) }
        return images
    }

    static let catalog = "sku,title,locale,color\nA-1,Red mug,fr-FR,red\nB/,x,,\nA-2,Lamp,de,\n"
        .replacing("B/,x,,\n", with: "")

    @Test func productsTimesShotsTimesVariants() throws {
        let folder = try TemporaryFolder()
        let plan = try PlanTests.plan(
            try folder.file(PlanTests.catalog.utf8),
            shots: """
                shots:
                  - {name: front, prompt: "{{title}}", negative_prompt: "not {{color|default:'x'}}", variants: 2}
                  - {name: side, prompt: "side of {{title}}", size: 64x32, steps: 3, guidance: 1, seed: 9, priority: 1}
                """.replacing("'x'", with: "\\\"x\\\""))
        let images = try PlanTests.images(plan)
        #expect(
            images.map(\.job.relativePath) == [
                "spring/A-1/A-1.front.0.png", "spring/A-1/A-1.front.1.png", "spring/A-1/A-1.side.0.png",
                "spring/A-2/A-2.front.0.png", "spring/A-2/A-2.front.1.png", "spring/A-2/A-2.side.0.png",
            ])
        #expect(images.map(\.row) == [2, 2, 2, 3, 3, 3])
        #expect(images.map(\.job.variant) == [0, 1, 0, 0, 1, 0])
        #expect(images[0].promptTemplate == "{{title}}")
        #expect(
            images[0].job.spec
                == GenerationSpec(
                    prompt: "Red mug", negativePrompt: "not red", seed: images[0].job.spec.seed, width: 512,
                    height: 384,
                    steps: 28, guidance: 5))
        #expect(images[3].job.spec.negativePrompt == "not x")
        #expect(
            images[5].job.spec
                == GenerationSpec(
                    prompt: "side of Lamp", negativePrompt: "", seed: 9, width: 64, height: 32, steps: 3, guidance: 1))
        #expect(Set(images.map(\.job.spec.seed)).count == 5)

        let job = images[5].job
        #expect(job.product == ProductRecord(sku: "A-2", title: "Lamp", attributes: ["locale": "de"]))
        #expect(job.shot == "side" && job.variant == 0 && job.priority == 1 && job.spec == images[5].job.spec)
        #expect(job.relativePath == images[5].job.relativePath && job.scheduledAt == nil)
    }

    /// Numbers from `printf 'sku\x1fshot\x1fvariant' | sha256sum`.
    @Test(arguments: [
        ("SKU-1", "main", 0, UInt64(3_652_244_535)), ("SKU-1", "main", 1, 37_166_338),
        ("Größe 杯", "scene", 12, 3_181_347_452),
    ])
    func seedsFollowFromWhatIsDrawn(sku: String, shot: String, variant: Int, seed: UInt64) throws {
        #expect(Seed.derived(sku: sku, shot: shot, variant: variant) == seed)
        let folder = try TemporaryFolder()
        let path = try folder.file("sku,title\n\(sku),x\n".utf8)
        let plan = try PlanTests.plan(path, shots: "shots: [{name: \(shot), prompt: x, variants: \(variant + 1)}]")
        #expect(try PlanTests.images(plan).last?.job.spec.seed == seed)
    }

    @Test func fixedSeedsCountUp() throws {
        let folder = try TemporaryFolder()
        let plan = try PlanTests.plan(
            try folder.file(PlanTests.catalog.utf8),
            shots: "shots: [{name: s, prompt: x, seed: 4294967293, variants: 3}]")
        #expect(
            try PlanTests.images(plan).prefix(3).map(\.job.spec.seed) == [4_294_967_293, 4_294_967_294, 4_294_967_295])
    }

    @Test func promptsFollowAColumn() throws {
        let folder = try TemporaryFolder()
        let rows = ["fr", "fr-CA", "FR_be", "de", "", "frr", "-"].enumerated().map { "S\($0),t,\($1),\($1)\n" }
        let path = try folder.file("sku,title,locale,kind\n\(rows.joined())".utf8)
        let byLocale = try PlanTests.plan(
            path, shots: "shots: [{name: s, prompt: other, prompt_by: {Locale: {fr: French, fr-ca: Canada}}}]")
        #expect(
            try PlanTests.images(byLocale).map(\.job.spec.prompt) == [
                "French", "Canada", "French", "other", "other", "other", "other",
            ])
        // Only locales have a part before the hyphen that counts.
        let byKind = try PlanTests.plan(
            path, shots: "shots: [{name: s, prompt: other, prompt_by: {kind: {fr: French}}}]")
        #expect(try PlanTests.images(byKind).map(\.job.spec.prompt).prefix(3) == ["French", "other", "other"])
        let unknown = try PlanTests.plan(path, shots: "shots: [{name: s, prompt: x, prompt_by: {locle: {fr: y}}}]")
        let error = #expect(throws: CatalogError.self) { try PlanTests.images(unknown) }
        #expect(error?.description.contains("shot \"s\", key prompt_by: the catalog has no column \"locle\"") == true)
        #expect(error?.description.contains("(did you mean \"locale\"?)") == true)
    }

    @Test func problemsOfRowsAndPromptsAreToldTogether() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("sku,title,c\nA,x,1\nB,x,\n,x,1\nC,x,1\nC,x,1\n".utf8)
        let plan = try PlanTests.plan(
            path, shots: "shots: [{name: s, prompt: \"{{c}}\"}, {name: t, prompt: \"{{c}}\"}]")
        let error = #expect(throws: CatalogError.self) { try PlanTests.images(plan) }
        #expect(error?.problems.map(\.row) == [3, 3, 4, 6])
        // A limit stops before later rows, not before telling of earlier ones.
        let early = #expect(throws: CatalogError.self) {
            try PlanTests.images(PlanTests.plan(path, shots: "shots: [{name: s, prompt: \"{{c}}\"}]", limit: 2))
        }
        #expect(early?.problems.map(\.row) == [3])
        let one = try PlanTests.plan(path, shots: "shots: [{name: s, prompt: \"{{c}}\"}]", limit: 1)
        #expect(try PlanTests.images(one).count == 1)
    }

    @Test func aLimitCountsProducts() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file(PlanTests.catalog.utf8)
        let reader = try PlanTests.plan(path, shots: "shots: [{name: s, prompt: x, variants: 3}]", limit: 1).images()
        #expect(try reader.nextChunk(10)?.count == 3 && reader.productCount == 1)
    }

    @Test func chunksAreTheSameImages() throws {
        let folder = try TemporaryFolder()
        let rows = (0..<100).map { "S\($0),title \($0)\n" }.joined()
        let plan = try PlanTests.plan(try folder.file("sku,title\n\(rows)".utf8))
        let reader = try plan.images()
        var chunks: [[PlannedImage]] = []
        while let chunk = try reader.nextChunk(30) { chunks.append(chunk) }
        #expect(chunks.map(\.count) == [30, 30, 30, 10])
        #expect(try chunks.flatMap { $0 } == PlanTests.images(plan))
        #expect(try reader.next() == nil)
    }

    @Test func aFileThatChangedIsNoticed() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("sku,title\nA,x\nB,y\n".utf8)
        let plan = try PlanTests.plan(path)
        let sha256 = try plan.digest()
        let same = try plan.images(expecting: sha256)
        #expect(try same.nextChunk(10)?.count == 2)
        #expect(try same.nextChunk(10) == nil)
        _ = try folder.file("sku,title\nA,x\nB,z\n".utf8)
        let changed = try plan.images(expecting: sha256)
        let error = #expect(throws: CatalogError.self) { try changed.nextChunk(10) }
        #expect(error?.code == .changed)
    }

    @Test func namesThatLookLikePathsStayInside() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("sku,title\n.hidden,x\nCON,y\na:b,z\n".utf8)
        for image in try PlanTests.images(PlanTests.plan(path, batch: "../../etc")) {
            let parts = image.job.relativePath.split(separator: "/", omittingEmptySubsequences: false)
            #expect(parts.count == 3)
            #expect(parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") })
            #expect(parts[0].hasPrefix("-..-etc~"))
        }
    }

    @Test func promptsThatAreTheSameForEveryProductAreWarnedOf() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file(PlanTests.catalog.utf8)
        func warnings(_ shots: String) throws -> [String] {
            try PlanTests.plan(path, shots: shots).images().warnings.map(\.description)
        }
        let plain = try warnings("shots:\n  - name: front\n    prompt: a red mug\n    negative_prompt: blurry")
        #expect(plain.count == 1)
        #expect(plain.first?.contains("line 3: shot \"front\", key prompt: names no column") == true, "\(plain)")
        let words = try warnings(
            "shots: [{name: a, prompt: '{{title}}, [red|blue] (sharp:1.3) <lora:x:1> {day|night}', prompt_by: {locale: {fr: x}}}]"
        )
        #expect(words.count == 5, "\(words)")
        #expect(words.filter { $0.contains("as it stands") }.count == 4, "\(words)")
        #expect(words.last?.contains("prompt_by, value \"fr\": names no column") == true, "\(words)")
        #expect(try warnings("shots: [{name: a, prompt: '{{#if color}}a{{else}}b{{/if}} (new) [x] 1 < 2'}]").isEmpty)
    }

    /// A pipe gives its bytes once; a plan reads them as often as it likes.
    @Test func aPipeIsReadOnce() throws {
        let folder = try TemporaryFolder()
        let pipe = "\(folder.path)/pipe"
        try #require(mkfifo(pipe, 0o600) == 0)
        let text = PlanTests.catalog
        let writer = Thread { try? Data(text.utf8).write(to: URL(filePath: pipe)) }
        writer.start()
        let source = try CatalogSource(pipe)
        #expect(source.isPipe && source.name == pipe)
        let plan = Plan(
            catalogPath: source.path, catalogName: source.name, batch: "b", defaults: PlanTests.defaults)
        for _ in 0..<2 { #expect(try PlanTests.images(plan).map(\.job.product.sku) == ["A-1", "A-2"]) }
        let digest = try plan.digest()
        _ = try plan.images(expecting: digest)
        withExtendedLifetime(source) {}
    }

    @Test(arguments: [("/dev/zero", "is a device"), ("/", "is a folder"), ("/nowhere.csv", "cannot be opened")])
    func whatIsNoCatalogIsNamed(path: String, mention: String) {
        let error = #expect(throws: CatalogError.self) { try CatalogSource(path) }
        #expect(error?.description.contains("\(path): \(mention)") == true, "\(String(describing: error))")
    }

    @Test func anOrdinaryFileIsNotCopied() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file(PlanTests.catalog.utf8)
        let source = try CatalogSource(path)
        #expect(source.path == path && !source.isPipe)
    }
}
