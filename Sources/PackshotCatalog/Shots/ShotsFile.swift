internal import Foundation
internal import Yams

/// Reads shots from YAML.
///
/// ```yaml
/// defaults:                    # optional; for every shot that does not say otherwise
///   size: 128x128
///   steps: 12
///   guidance: 2
/// shots:
///   - name: scene              # letters, digits, - and _
///     prompt: "{{title}} on a wooden table"
///     prompt_by:               # optional; other prompts by the value of one column
///       locale:
///         fr: "{{title}} sur une table en bois"
///     negative_prompt: "blurry"
///     width: 128               # or size: 128x128
///     height: 128
///     steps: 12
///     guidance: 2
///     seed: derived            # or a number: variant 0 gets it, variant 1 the next …
///     variants: 1              # images of each product
///     priority: 4              # 0 first … 9 last
///     text_cleaning: light     # or full, as the model's pipeline does; light keeps every letter, size and number
///     step_cache: 0.1          # speed for a little likeness, off unless given; see `packshot bench --quality`
///     guidance_share: 0.5      # likewise: the share of the steps that are guided
///     solver_order: 2          # likewise: for fewer steps
///     activation_bits: 16      # likewise: 24 (exact), 16 or 8, for CPUs with a tile unit
/// ```
///
/// With `prompt_by`, values are compared without letter case; for a column named `locale`, `language` or `lang`, a value
/// such as `fr-CA` also finds `fr`. Without a match `prompt` counts. Keys nobody knows are errors, not ignored.
package enum ShotsFile {
    /// Largest file in bytes.
    static let maxBytes = 262_144
    /// Most shots, and most prompts under one `prompt_by`.
    static let maxShots = 100
    static let maxChoices = 2_000

    /// Reads the shots of a file.
    /// - Throws: ``CatalogError`` `.unreadable`, `.encoding`, `.shots`.
    package static func load(path: String) throws(CatalogError) -> [Shot] {
        guard let bytes = try TextFile(path: path).readAll(limit: maxBytes) else {
            throw CatalogError(.shots, file: path, "is larger than \(maxBytes) bytes: not a shots file?")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CatalogError(.encoding, file: path, "is not UTF-8: save the file as UTF-8")
        }
        return try parse(text, file: path)
    }

    /// Reads shots from a text.
    /// - Parameter file: What to call the text in errors.
    /// - Throws: ``CatalogError`` `.shots` with all problems.
    package static func parse(_ text: String, file: String) throws(CatalogError) -> [Shot] {
        guard !hasAliases(text) else {
            throw CatalogError(
                .shots, file: file,
                "anchors (&name) and aliases (*name) are not supported; quote texts that begin with & or *")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            let detail = "\(error)".prefix(500).trimmingCharacters(in: .whitespacesAndNewlines)
            let hint = UnquotedText.hint(in: text, before: (error as? YamlError).flatMap(line)) ?? ""
            throw CatalogError(.shots, file: file, "is not YAML: \(detail)\(hint)")
        }
        guard let root else {
            throw CatalogError(.shots, file: file, "is empty: a list of shots under the key \"shots\" is needed")
        }
        var reader = ShotsReader()
        let shots = reader.read(root)
        guard reader.problems.isEmpty else {
            throw CatalogError(.shots, file: file, problems: reader.problems)
        }
        return shots
    }

    /// The line at which the parser gave up.
    private static func line(_ error: YamlError) -> Int? {
        switch error {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
        default: nil
        }
    }

    /// True when the text may use YAML anchors with aliases.
    ///
    /// Decided on the text, before parsing: a few lines of nested aliases stand for billions of nodes ("billion
    /// laughs"). An alias needs an anchor; both begin where a word begins.
    static func hasAliases(_ text: String) -> Bool {
        var hasAnchor = false
        var hasAlias = false
        var previous: Unicode.Scalar = "\n"
        var sign: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            if let sign, !scalar.properties.isWhitespace {
                hasAnchor = hasAnchor || sign == "&"
                hasAlias = hasAlias || sign == "*"
            }
            let isAtStart = previous.properties.isWhitespace || ":,[{\u{FEFF}".unicodeScalars.contains(previous)
            sign = isAtStart && (scalar == "&" || scalar == "*") ? scalar : nil
            previous = scalar
        }
        return hasAnchor && hasAlias
    }
}
