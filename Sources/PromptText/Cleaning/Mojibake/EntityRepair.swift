// The tables and rules below are ported from ftfy 6.3.1 ("fixes text for you"), https://github.com/rspeer/python-ftfy,
// Copyright 2023 Robyn Speer, licensed under the Apache License, Version 2.0
// (http://www.apache.org/licenses/LICENSE-2.0). Rewritten in Swift; changed where a comment says so.

/// The character references that certainly are meant: those that end in `;`.
///
/// Source: `unescape_html` of ftfy's `fixes.py` and `_build_html_entities` of its `chardata.py`. Beyond HTML it knows
/// capital spellings of small names, as text in capitals has them (`P&EACUTE;REZ`).
enum EntityRepair {
    /// One pass; what a reference yields is not read again.
    static func unescape(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains("&") else { return text }
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        var next = 0
        while next < text.count {
            if text[next] == "&", let end = end(in: text, from: next), let meant = meaning(of: text[next + 1..<end]) {
                result.append(contentsOf: meant)
                next = end
            } else {
                result.append(text[next])
                next += 1
            }
        }
        return result
    }

    /// Where `&`, perhaps `#`, 1 to 24 letters and digits and `;` end.
    private static func end(in text: [Unicode.Scalar], from start: Int) -> Int? {
        let name = start + 1 < text.count && text[start + 1] == "#" ? start + 2 : start + 1
        let end = Substitution.end(of: text, from: name, limit: 25, while: PythonText.isASCIIAlphanumeric)
        return end > name && end - name <= 24 && end < text.count && text[end] == ";" ? end + 1 : nil
    }

    /// What the reference (without `&`, with `;`) stands for; `nil` to leave it as it is.
    private static func meaning(of reference: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar]? {
        if reference.first == "#" {
            let unescaped = HTMLUnescape.unescape(["&"] + reference)
            // A semicolon left over: it was not read to its end. So `&#59;`, a semicolon, stays; upstream has it so.
            return unescaped.contains(";") ? nil : unescaped
        }
        var name = ""
        name.unicodeScalars.append(contentsOf: reference)
        return HTMLEntityTable.byName[name] ?? capitals[name]
    }

    /// Small names in capitals, where HTML does not read these otherwise, and the capitals they stand for.
    private static let capitals: [String: [Unicode.Scalar]] = {
        var table: [String: [Unicode.Scalar]] = [:]
        for (name, scalars) in HTMLEntityTable.byName where name.hasSuffix(";") {
            guard !name.unicodeScalars.contains(where: { ("A"..."Z").contains($0) }) else { continue }
            let capitals = name.uppercased()
            let reference = ["&"] + Array(capitals.unicodeScalars)
            guard HTMLUnescape.unescape(reference) == reference else { continue }
            table[capitals] = scalars.flatMap { Array($0.properties.uppercaseMapping.unicodeScalars) }
        }
        return table
    }()
}
