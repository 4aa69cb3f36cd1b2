/// Reads the template language of ``PromptTemplate``.
struct TemplateParser {
    private var rest: Substring

    init(_ source: String) {
        rest = source[...]
    }

    mutating func parse() throws(PromptTemplate.Failure) -> [PromptTemplate.Node] {
        let (nodes, closing) = try parseNodes(depth: 0)
        if let closing { throw PromptTemplate.Failure(message: "{{\(closing)}} without {{#if …}} before it") }
        return nodes
    }

    /// Nodes up to `{{else}}`, `{{/if}}` or the end.
    private mutating func parseNodes(
        depth: Int
    ) throws(PromptTemplate.Failure) -> (nodes: [PromptTemplate.Node], closing: String?) {
        var nodes: [PromptTemplate.Node] = []
        while !rest.isEmpty {
            guard let opening = rest.firstRange(of: "{{") else {
                nodes.append(.text(String(rest)))
                rest = ""
                break
            }
            if opening.lowerBound > rest.startIndex { nodes.append(.text(String(rest[..<opening.lowerBound]))) }
            rest = rest[opening.upperBound...]
            let tag = try parseTag()
            if tag == "else" || tag == "/if" { return (nodes, tag) }
            if tag.hasPrefix("#") {
                nodes.append(try parseSection(tag, depth: depth))
            } else if tag.hasPrefix("/") {
                throw PromptTemplate.Failure(message: "{{\(tag)}} is not known; sections end with {{/if}}")
            } else {
                nodes.append(try parseValue(tag))
            }
        }
        return (nodes, nil)
    }

    /// The text up to `}}` outside quotes, trimmed.
    private mutating func parseTag() throws(PromptTemplate.Failure) -> String {
        var isQuoted = false
        var index = rest.startIndex
        while index < rest.endIndex {
            if rest[index] == "\"" { isQuoted.toggle() }
            if !isQuoted, rest[index...].hasPrefix("}}") {
                let tag = rest[..<index].trimmed
                rest = rest[index...].dropFirst(2)
                return tag
            }
            index = rest.index(after: index)
        }
        throw PromptTemplate.Failure(
            message: "{{\(rest.prefix(30)) is not closed with }}\(isQuoted ? " (a quote is open)" : "")")
    }

    private mutating func parseSection(
        _ tag: String, depth: Int
    ) throws(PromptTemplate.Failure) -> PromptTemplate.Node {
        guard tag.hasPrefix("#if"), tag.dropFirst(3).first?.isWhitespace == true else {
            throw PromptTemplate.Failure(message: "{{\(tag)}} is not known; {{#if column}} is the only section")
        }
        guard depth < PromptTemplate.maxDepth else {
            throw PromptTemplate.Failure(message: "has more than \(PromptTemplate.maxDepth) {{#if}} inside each other")
        }
        let column = try columnName(tag.dropFirst(3).trimmed, tag)
        let (then, closing) = try parseNodes(depth: depth + 1)
        if closing == "/if" { return .section(column: column, then: then, otherwise: []) }
        guard closing == "else" else { throw PromptTemplate.Failure(message: "{{\(tag)}} has no {{/if}}") }
        let (otherwise, end) = try parseNodes(depth: depth + 1)
        guard end == "/if" else {
            throw PromptTemplate.Failure(message: "{{\(tag)}} has \(end == nil ? "no {{/if}}" : "two {{else}}")")
        }
        return .section(column: column, then: then, otherwise: otherwise)
    }

    private func parseValue(_ tag: String) throws(PromptTemplate.Failure) -> PromptTemplate.Node {
        var parts = splitFilters(tag)
        let name = parts.removeFirst()
        if name.hasPrefix("\""), parts.isEmpty { return .quoted(try unquoted(name, tag)) }
        let column = try columnName(name, tag)
        var fallback = ""
        var isLowercased = false
        for filter in parts {
            if filter == "lower" {
                isLowercased = true
            } else if filter.hasPrefix("default:") {
                let text = filter.dropFirst(8).trimmed
                guard text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else {
                    throw PromptTemplate.Failure(message: "{{\(tag)}}: a default is written default:\"text\"")
                }
                fallback = String(text.dropFirst().dropLast())
            } else {
                throw PromptTemplate.Failure(
                    message: "{{\(tag)}}: the filter \(filter.excerpt) is not known"
                        + Spelling.hint(for: filter, among: ["lower", "default"])
                        + "; there are lower and default:\"text\"")
            }
        }
        return .value(column: column, fallback: fallback, isLowercased: isLowercased)
    }

    /// Splits at `|` outside quotes.
    private func splitFilters(_ tag: String) -> [String] {
        var parts = [""]
        var isQuoted = false
        for character in tag {
            if character == "\"" { isQuoted.toggle() }
            if character == "|", !isQuoted {
                parts.append("")
            } else {
                parts[parts.count - 1].append(character)
            }
        }
        return parts.map { $0[...].trimmed }
    }

    /// A column as it is named in a tag: as it is, or in quotes.
    private func columnName(_ name: String, _ tag: String) throws(PromptTemplate.Failure) -> String {
        if name.hasPrefix("\"") { return try unquoted(name, tag) }
        guard !name.isEmpty, !name.contains("\""), !name.contains("{"), !name.contains("}") else {
            throw PromptTemplate.Failure(message: "{{\(tag)}} does not name a column")
        }
        return name
    }

    /// The text between quotes; two of them stand for one.
    private func unquoted(_ text: String, _ tag: String) throws(PromptTemplate.Failure) -> String {
        let inner = String(text.dropFirst().dropLast()).replacing("\"\"", with: "")
        guard text.count > 2, text.hasSuffix("\""), !inner.contains("\"") else {
            throw PromptTemplate.Failure(message: "{{\(tag)}} is not one quoted text")
        }
        return String(text.dropFirst().dropLast()).replacing("\"\"", with: "\"")
    }
}

extension Substring {
    /// Without white space at either end.
    var trimmed: String {
        var kept = drop(while: \.isWhitespace)
        while kept.last?.isWhitespace == true { kept = kept.dropLast() }
        return String(kept)
    }
}
