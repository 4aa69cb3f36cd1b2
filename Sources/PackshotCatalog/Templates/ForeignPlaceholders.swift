/// Finds the placeholders of other tools in a template's text: `{title}`, `${title}`, `[color]`, `<title>`, `%title%`, `{% if %}`.
///
/// They would be sent to the model as they stand, for every product the same. Around the name of a column they are refused;
/// what may be meant as it stands is only warned of. A sign that is meant is quoted: `{{"{"}}title}`.
struct ForeignPlaceholders {
    private let columns: CatalogColumns
    /// Placeholders that stand for a column, each once, with what to do.
    private var refused: [String] = []
    private(set) var warnings: [String] = []

    /// Longest text between two signs, in characters.
    private static let reach = 120
    private static let most = 10
    /// Signs that other tools put around a name, and whether the name has no white space at either end.
    private static let pairs: [(open: String, close: String, isTight: Bool)] = [
        ("{", "}", false), ("[", "]", false), ("<", ">", false), ("\u{FF5B}", "\u{FF5D}", false),
        ("\u{AB}", "\u{BB}", false), ("%", "%", true), ("__", "__", true), ("#", "#", true), ("~", "~", true),
        ("%(", ")", true), ("$(", ")", true),
    ]
    /// Signs that other tools put before a name.
    private static let sigils: [Character] = ["$", "@", ":", "%", "#"]

    init(columns: CatalogColumns) {
        self.columns = columns
    }

    /// The end of a message about a template, when something in it stands for a column; nil when nothing does.
    var refusal: String? {
        guard !refused.isEmpty else { return nil }
        return refused.joined(separator: "; ")
    }

    mutating func look(in nodes: [PromptTemplate.Node]) {
        for node in nodes {
            switch node {
            case .text(let text): look(in: text)
            case .quoted, .value: break
            case .section(_, let then, let otherwise):
                look(in: then)
                look(in: otherwise)
            }
        }
    }

    private mutating func look(in text: String) {
        let letters = Array(text)
        var position = 0
        while position < letters.count {
            position = max(
                position + 1, tag(letters, position) ?? pair(letters, position) ?? word(letters, position) ?? 0)
        }
    }

    /// `{% … %}` and `<% … %>`, which mean nothing here whatever is in them.
    /// - Returns: Where it ends.
    private mutating func tag(_ letters: [Character], _ start: Int) -> Int? {
        for (open, close) in [("{%", "%}"), ("<%", "%>"), ("{#", "#}")] where begins(letters, start, with: open) {
            guard let end = find(close, in: letters, from: start + 2) else { continue }
            refuse(
                "\(shown(letters[start..<end])) is another tool's; here it is {{column}} and {{#if column}}…{{else}}…{{/if}}"
            )
            return end
        }
        return nil
    }

    /// Signs around a name.
    /// - Returns: Where it ends, when it was one.
    private mutating func pair(_ letters: [Character], _ start: Int) -> Int? {
        for pair in Self.pairs where begins(letters, start, with: pair.open) {
            let inner = start + pair.open.count
            guard let end = find(pair.close, in: letters, from: inner), case let last = end - pair.close.count,
                last > inner
            else { continue }
            let content = letters[inner..<last]
            if pair.isTight, content.first?.isWhitespace == true || content.last?.isWhitespace == true { continue }
            let written = shown(letters[start..<end])
            if let column = column(in: String(content)) {
                refuse(written, sign: pair.open, rest: letters[inner..<end], column: column)
                return end
            }
            if pair.open == "{", let near = near(String(content)) {
                refuse("\(written) is not filled in: is \(tag(for: near)) meant?")
                return end
            }
            if isWeightOrChoice(content, pair.open) {
                warn("\(written) is given to the model as it stands: this model knows no weights, choices or add-ons")
                return end
            }
        }
        guard begins(letters, start, with: "("), let end = find(")", in: letters, from: start + 1),
            case let content = letters[(start + 1)..<(end - 1)], isWeighted(content)
        else { return nil }
        warn(
            "\(shown(letters[start..<end])) is given to the model as it stands: this model knows no weights, choices or add-ons"
        )
        return end
    }

    /// A sign before a name, such as `$title`.
    private mutating func word(_ letters: [Character], _ start: Int) -> Int? {
        guard Self.sigils.contains(letters[start]) else { return nil }
        if start > 0, case let before = letters[start - 1], !before.isWhitespace,
            letters[start] != "$" || before.isLetter
        {
            return nil
        }
        var end = start + 1
        while end < letters.count, letters[end].isLetter || letters[end].isNumber || letters[end] == "_" { end += 1 }
        guard end > start + 1, case let name = String(letters[(start + 1)..<end]), columns.index(of: name) != nil
        else { return nil }
        refuse(
            shown(letters[start..<end]), sign: String(letters[start]), rest: letters[(start + 1)..<end], column: name)
        return end
    }

    // MARK: What is between the signs

    /// The column that a placeholder's inside names, whatever else the other tool would have had with it.
    private func column(in content: String) -> String? {
        let signs: Set<Character> = ["$", "#", "/", "^", "&", "@", "=", "!", "?", "*", ".", "-", "~", " "]
        let bare = content[...].trimmed
        let stripped = String(bare.drop { signs.contains($0) }.reversed().drop { signs.contains($0) }.reversed())
        var candidates = [bare, stripped]
        for text in [bare, stripped] {
            if let head = text.split(whereSeparator: { "|:!?,=".contains($0) }).first {
                candidates.append(head.trimmed)
            }
        }
        for text in candidates {
            if let tail = text.split(separator: ".").last { candidates.append(tail.trimmed) }
            let spaced = text.replacing("_", with: " ")
            if spaced != text { candidates.append(spaced) }
        }
        return candidates.first { !$0.isEmpty && columns.index(of: $0) != nil }
    }

    /// A column that was probably meant by a name that is none.
    private func near(_ content: String) -> String? {
        let name = content[...].trimmed
        guard name.count >= 4, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == " " }) else {
            return nil
        }
        return Spelling.suggestion(for: name, among: columns.names)
    }

    /// `{red|blue}`, `[red|blue]`, `[cat:0.5]`, `<lora:x:1>`.
    private func isWeightOrChoice(_ content: ArraySlice<Character>, _ open: String) -> Bool {
        switch open {
        case "{", "[": content.contains("|") || isWeighted(content)
        case "<": content.contains(":") && !content.contains(" ")
        default: false
        }
    }

    /// `sharp:1.3`.
    private func isWeighted(_ content: ArraySlice<Character>) -> Bool {
        guard let colon = content.lastIndex(of: ":"), colon > content.startIndex else { return false }
        return Double(String(content[(colon + 1)...])) != nil
    }

    // MARK: Places and words

    private func begins(_ letters: [Character], _ start: Int, with sign: String) -> Bool {
        letters[start...].starts(with: sign)
    }

    /// Where a sign that follows on the same line ends.
    private func find(_ sign: String, in letters: [Character], from start: Int) -> Int? {
        var position = start
        while position < min(letters.count, start + Self.reach), !letters[position].isNewline {
            if begins(letters, position, with: sign) { return position + sign.count }
            position += 1
        }
        return nil
    }

    private func shown(_ letters: ArraySlice<Character>) -> String { String(letters).excerpt }

    /// The way a column is named in a template.
    private func tag(for column: String) -> String {
        let isPlain = !column.contains { "\"|{}".contains($0) }
        return isPlain ? "{{\(column)}}" : "{{\"\(column.replacing("\"", with: "\"\""))\"}}"
    }

    private mutating func refuse(_ written: String, sign: String, rest: ArraySlice<Character>, column: String) {
        refuse(
            "\(written) is not filled in: write \(tag(for: column)), or {{\"\(sign)\"}}\(String(rest)) if it is meant as it stands"
        )
    }

    private mutating func refuse(_ message: String) {
        if refused.count < Self.most, !refused.contains(message) { refused.append(message) }
    }

    private mutating func warn(_ message: String) {
        if warnings.count < Self.most, !warnings.contains(message) { warnings.append(message) }
    }
}
