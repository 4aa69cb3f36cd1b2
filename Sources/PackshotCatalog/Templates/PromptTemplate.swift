/// A text with places for a product's columns.
///
/// | written | gives |
/// |---|---|
/// | `{{color}}` | the column's value; nothing when it is empty |
/// | `{{color\|default:"neutral"}}` | the value, or the text when it is empty |
/// | `{{color\|lower}}` | the value in lower case; filters can follow each other |
/// | `{{#if material}}made of {{material}}{{/if}}` | the inner text when the column is not empty |
/// | `{{#if material}}…{{else}}…{{/if}}` | one or the other |
/// | `{{"Colour\|Finish"}}` | the value of a column with such a name; a quote in it is written twice; `{{"…"\|lower}}` and `{{#if "…"}}` work too |
/// | `{{"{"}}` | the text between the quotes, when it is no column and begins with neither letter nor digit: for signs that are meant |
///
/// Column names are those of the catalog's header, letter case ignored; they may contain spaces. There are no
/// expressions, loops or includes, and values are never read as templates, so a catalog cannot run anything.
/// Other tools' placeholders around the name of a column are errors: ``ForeignPlaceholders``.
package struct PromptTemplate: Hashable, Sendable {
    /// Why a template cannot be read or used.
    struct Failure: Error {
        let message: String
    }

    /// Most bytes of a template, most bytes of a result, and most `{{#if}}` inside each other.
    static let maxSourceBytes = 65_536
    static let maxResultBytes = 16_384
    static let maxDepth = 16

    /// The template as written.
    package let source: String
    /// Line of its file where it begins, from 1; nil where there is no file.
    let line: Int?

    let nodes: [Node]

    indirect enum Node: Hashable, Sendable {
        case text(String)
        /// A column, or signs that are meant: the columns decide.
        case quoted(String)
        case value(column: String, fallback: String, isLowercased: Bool)
        case section(column: String, then: [Node], otherwise: [Node])
    }

    /// Reads a template.
    /// - Throws: ``Failure`` with a message that quotes the place.
    init(_ source: String, line: Int? = nil) throws(Failure) {
        guard source.utf8.count <= PromptTemplate.maxSourceBytes else {
            throw Failure(
                message: "is \(source.utf8.count) bytes long, \(PromptTemplate.maxSourceBytes) are allowed")
        }
        self.source = source
        self.line = line
        var parser = TemplateParser(source)
        nodes = try parser.parse()
    }

    /// The columns a template names, each once, in order.
    var columns: [String] {
        var names: [String] = []
        func collect(_ nodes: [Node]) {
            for node in nodes {
                switch node {
                case .text: break
                case .quoted(let name):
                    let isName = name.first.map { $0.isLetter || $0.isNumber } ?? false
                    if isName, !names.contains(name) { names.append(name) }
                case .value(let column, _, _):
                    if !names.contains(column) { names.append(column) }
                case .section(let column, let then, let otherwise):
                    if !names.contains(column) { names.append(column) }
                    collect(then)
                    collect(otherwise)
                }
            }
        }
        collect(nodes)
        return names
    }
}
