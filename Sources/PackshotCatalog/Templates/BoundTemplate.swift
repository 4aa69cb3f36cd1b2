/// A template that knows where its columns are, ready to be filled in many times.
struct BoundTemplate: Sendable {
    /// The template as written.
    let source: String

    private indirect enum Node: Sendable {
        case text(String)
        case value(column: Int, fallback: String, isLowercased: Bool)
        case section(column: Int, then: [Node], otherwise: [Node])
    }

    /// What a person may not have meant, though it can be done.
    let warnings: [String]
    /// Whether every product gets the same text.
    let namesNoColumn: Bool

    private let nodes: [Node]

    /// Looks the columns up.
    /// - Throws: ``PromptTemplate/Failure`` that names the columns that are not there and those that are, or placeholders of
    ///   other tools that stand for columns.
    init(_ template: PromptTemplate, columns: CatalogColumns) throws(PromptTemplate.Failure) {
        let unknown = template.columns.filter { columns.index(of: $0) == nil }
        guard unknown.isEmpty else {
            let named = unknown.map { $0.excerpt + Spelling.hint(for: $0, among: columns.names) }
            throw PromptTemplate.Failure(
                message: "the catalog has no column \(named.joined(separator: ", ")); it has: "
                    + CatalogHeader.list(columns.names))
        }
        var placeholders = ForeignPlaceholders(columns: columns)
        placeholders.look(in: template.nodes)
        if let refusal = placeholders.refusal { throw PromptTemplate.Failure(message: refusal) }
        warnings = placeholders.warnings
        source = template.source
        nodes = BoundTemplate.bind(template.nodes, columns)
        namesNoColumn = nodes.allSatisfy { if case .text = $0 { true } else { false } }
    }

    /// Fills in a product's values. Runs of spaces and tabs become one space, and none is left at the ends, so that
    /// empty columns leave no holes.
    /// - Throws: ``PromptTemplate/Failure`` when the result is longer than ``PromptTemplate/maxResultBytes``.
    func render(_ product: Product) throws(PromptTemplate.Failure) -> String {
        var text = ""
        append(nodes, product, to: &text)
        guard text.utf8.count <= PromptTemplate.maxResultBytes else {
            throw PromptTemplate.Failure(
                message: "would be \(text.utf8.count) bytes long, \(PromptTemplate.maxResultBytes) are allowed")
        }
        return BoundTemplate.tidy(text)
    }

    private static func bind(_ nodes: [PromptTemplate.Node], _ columns: CatalogColumns) -> [Node] {
        nodes.compactMap { node in
            switch node {
            case .text(let text):
                .text(text)
            case .quoted(let text):
                columns.index(of: text).map { .value(column: $0, fallback: "", isLowercased: false) } ?? .text(text)
            case .value(let column, let fallback, let isLowercased):
                columns.index(of: column).map { .value(column: $0, fallback: fallback, isLowercased: isLowercased) }
            case .section(let column, let then, let otherwise):
                columns.index(of: column).map {
                    .section(column: $0, then: bind(then, columns), otherwise: bind(otherwise, columns))
                }
            }
        }
    }

    private func append(_ nodes: [Node], _ product: Product, to text: inout String) {
        for node in nodes {
            // A template may name a huge cell many times; past the limit nothing is added any more.
            guard text.utf8.count <= PromptTemplate.maxResultBytes else { return }
            switch node {
            case .text(let part):
                text += part
            case .value(let column, let fallback, let isLowercased):
                let value = product.values[column].isEmpty ? fallback : product.values[column]
                text += isLowercased ? value.lowercased() : value
            case .section(let column, let then, let otherwise):
                append(product.values[column].isEmpty ? otherwise : then, product, to: &text)
            }
        }
    }

    private static func tidy(_ text: String) -> String {
        var text = text
        if text.withUTF8(isTidy) { return text }
        var tidied: [UInt8] = []
        for byte in text.utf8 {
            if byte != 0x20, byte != 0x09 {
                tidied.append(byte)
            } else if tidied.last != 0x20 {
                tidied.append(0x20)
            }
        }
        return String(decoding: tidied, as: UTF8.self)[...].trimmed
    }

    /// True when there is no tab, no two spaces in a row, and no white space at the ends.
    private static func isTidy(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        // Begins and ends as if there were a space before and after; U+0085 and other spaces are looked at by the slow way.
        var isAfterSpace = true
        for byte in bytes {
            if byte == 0x20 {
                if isAfterSpace { return false }
                isAfterSpace = true
            } else {
                if byte == 0x09 { return false }
                isAfterSpace = false
            }
        }
        guard let first = bytes.first, let last = bytes.last else { return true }
        return !isAfterSpace && (0x21..<0x7F).contains(first) && (0x21..<0x7F).contains(last)
    }
}
