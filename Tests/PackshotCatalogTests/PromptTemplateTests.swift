import PackshotCatalog
import PackshotJobs
import Testing

@Suite("Prompt templates")
struct PromptTemplateTests {
    /// Renders a template for a product by way of a plan, the only way there is.
    static func render(_ template: String, _ header: String, _ row: String) throws -> String {
        let folder = try TemporaryFolder()
        let path = try folder.file("sku,title,\(header)\nS,Mug,\(row)\n".utf8)
        let quoted = template.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            .replacing("\t", with: "\\t")
        let shots = try ShotsFile.parse("shots: [{name: s, prompt: \"\(quoted)\"}]", file: "shots.yaml")
        let plan = Plan(
            catalogPath: path, shots: shots, shotsPath: "shots.yaml", batch: "b", defaults: PlanTests.defaults)
        _ = try plan.images().nextChunk(10)
        return try #require(try plan.images().next()).job.spec.prompt
    }

    @Test(arguments: [
        ("{{title}} in {{color}}", "Mug in red"), ("{{ Title }}/{{SKU}}", "Mug/S"),
        ("a {{material}} thing", "a thing"), ("{{material|default:\"stone | slate\"}}", "stone | slate"),
        ("{{color|default:\"blue\"}}", "red"), ("{{name with spaces|lower}}", "loud é"),
        ("{{ material | default:\"X Y\" | lower }}", "x y"),
        ("{{#if color}}has {{color}}{{/if}}{{#if material}} and {{material}}{{/if}}", "has red"),
        ("{{#if material}}a{{else}}b{{#if color}}c{{else}}d{{/if}}e{{/if}}f", "bcef"),
        ("{{\"{{\"}}color{{\"}}\"}}", "{{color}}"), ("{ {{\"{\"}}color} }", "{ {color} }"), ("{ {hue} }", "{ {hue} }"),
        ("}} {{color}}", "}} red"),
        ("  {{material}}  a\t b  ", "a b"), ("one\n{{color}}\ntwo", "one\nred\ntwo"), ("{{code}}", "{{color}}"),
    ])
    func valuesAreFilledIn(template: String, expected: String) throws {
        let text = try PromptTemplateTests.render(
            template, "color,material,Name with spaces,code", "red,,LOUD É,{{color}}")
        #expect(text == expected)
    }

    @Test(arguments: [
        ("{{title", "not closed"), ("{{title|default:\"x}}", "a quote is open"), ("{{}}", "does not name a column"),
        ("{{title|uper}}", "the filter \"uper\" is not known"), ("{{title|lwer}}", "did you mean \"lower\"?"),
        ("{{title|default:x}}", "default:\"text\""), ("{{#if title}}x", "has no {{/if}}"),
        ("{{#if title}}a{{else}}b{{else}}c{{/if}}", "two {{else}}"), ("{{/if}}", "without {{#if"),
        ("{{else}}", "without {{#if"), ("{{#each title}}x{{/each}}", "is the only section"),
        ("{{#if}}x{{/if}}", "only section"), ("{{\"finish\"}} {{title}}", "no column \"finish\""),
        ("{{\"\"}}", "not one quoted text"), ("{{title or 'x'}}", "no column \"title or 'x'\""),
        ("{{#if title}}x{{/each}}", "end with {{/if}}"), ("{{\"a\" b}}", "not one quoted text"),
        ("{{colr}}", "no column \"colr\" (did you mean \"color\"?); it has: sku, title, color"),
        ("{{size}} {{depth}} {{title}}", "no column \"size\", \"depth\"; it has"), ("   ", "is empty"),
    ])
    func mistakesAreExplained(template: String, mention: String) throws {
        let error = #expect(throws: CatalogError.self) { try PromptTemplateTests.render(template, "color", "red") }
        #expect(error?.code == .shots)
        #expect(error?.description.contains("shots.yaml: ") == true)
        #expect(error?.description.contains("shot \"s\", key prompt: ") == true, "\(String(describing: error))")
        #expect(error?.description.contains(mention) == true, "\(String(describing: error))")
    }

    @Test func depthAndLengthAreBounded() throws {
        let deep = String(repeating: "{{#if title}}", count: 17) + String(repeating: "{{/if}}", count: 17)
        let depth = #expect(throws: CatalogError.self) { try PromptTemplateTests.render("x" + deep, "c", "1") }
        #expect(depth?.description.contains("more than 16 {{#if}}") == true)
        let fine = String(repeating: "{{#if title}}", count: 16) + "y" + String(repeating: "{{/if}}", count: 16)
        #expect(try PromptTemplateTests.render(fine, "c", "1") == "y")

        let long = #expect(throws: CatalogError.self) {
            try PromptTemplateTests.render("{{c}}{{c}}", "c", String(repeating: "x", count: 9_000))
        }
        #expect(long?.code == .rows)
        #expect(long?.description.contains("row 2: the prompt of shot \"s\" would be 18000 bytes long") == true)
        let source = #expect(throws: CatalogError.self) {
            try PromptTemplateTests.render(String(repeating: "x", count: 65_537), "c", "1")
        }
        #expect(source?.description.contains("65537 bytes") == true)
        // A megabyte named a thousand times costs no gigabyte.
        let bomb = #expect(throws: CatalogError.self) {
            try PromptTemplateTests.render(
                String(repeating: "{{c}}", count: 1_000), "c", String(repeating: "x", count: 1_000_000))
        }
        #expect(bomb?.code == .rows)
    }

    @Test func productsWithoutAPromptAreErrors() throws {
        let error = #expect(throws: CatalogError.self) { try PromptTemplateTests.render("{{c}}", "c", "") }
        #expect(error?.code == .rows)
        #expect(error?.description.contains("row 2: the prompt of shot \"s\" is empty for this product") == true)
    }

    /// One pair of braces instead of two, and the ways of Liquid, Jinja, Python, PHP, shells and others.
    @Test(arguments: [
        ("{color} mug", "{{color}}"), ("a { Color } mug", "{{Color}}"), ("${title}", "{{title}}"),
        ("#{title}", "{{title}}"), ("$title on a table", "{{title}}"), ("on a table: $sku", "{{sku}}"),
        ("[color] mug", "{{color}}"), ("[[color]] mug", "{{color}}"), ("<title> here", "{{title}}"),
        ("%title% here", "{{title}}"), ("%(title)s", "{{title}}"), ("$(title)", "{{title}}"),
        ("{title|upper}", "{{title}}"), ("{title:.20}", "{{title}}"), ("{product.title}", "{{title}}"),
        ("{$color}", "{{color}}"), ("__color__ mug", "{{color}}"), ("\u{AB}title\u{BB}", "{{title}}"),
        ("\u{FF5B}color\u{FF5D}", "{{color}}"), (":title on a table", "{{title}}"), ("@title", "{{title}}"),
        ("{% if color %}{{title}}{% endif %}", "{{#if column}}"), ("<%= title %>", "{{column}}"),
        ("{tilte} on a table", "{{title}}"), ("{{title}} in {color}", "{{color}}"),
        ("{{#if color}}in {color}{{/if}} {{title}}", "{{color}}"),
    ])
    func otherToolsPlaceholdersAreRefused(template: String, mention: String) throws {
        let error = #expect(throws: CatalogError.self) { try PromptTemplateTests.render(template, "color", "red") }
        #expect(error?.code == .shots)
        let text = error?.description ?? ""
        #expect(text.contains("shots.yaml: line 1: shot \"s\", key prompt: "), "\(text)")
        #expect(text.contains(mention), "\(text)")
    }

    @Test(arguments: [
        ("{{title}} for 20 $ or 50 %", "Mug for 20 $ or 50 %"), ("{{title}} <3 [new] {sale}", "Mug <3 [new] {sale}"),
        ("{{title}}: 100% cotton, 50% off", "Mug: 100% cotton, 50% off"), ("{{\"$\"}}title {{sku}}", "$title S"),
        ("{{title}} a_b_c #1 @home :)", "Mug a_b_c #1 @home :)"), ("${{color}} {{title}}", "$red Mug"),
        ("(color) {{title}}", "(color) Mug"),
    ])
    func whatOnlyLooksLikeAPlaceholderStays(template: String, expected: String) throws {
        #expect(try PromptTemplateTests.render(template, "color", "red") == expected)
    }

    @Test(arguments: [
        ("{{\"Colour|Finish\"}}", "gloss"), ("{{ \"colour|finish\" | default:\"x\" }}", "gloss"),
        ("{{#if \"Colour|Finish\"}}a{{else}}b{{/if}}", "a"), ("{{\"5\"\" size\"}}", "small"),
        ("{{\"{{a}}\"}}", "brace"), ("{{\"Colour|Finish\"|lower}}", "gloss"),
    ])
    func columnsWithAwkwardNamesAreQuoted(template: String, expected: String) throws {
        let text = try PromptTemplateTests.render(template, "Colour|Finish,\"5\"\" size\",{{a}}", "gloss,small,brace")
        #expect(text == expected)
    }
}
