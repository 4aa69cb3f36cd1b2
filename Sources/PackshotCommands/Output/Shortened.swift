/// Lists that leave something out say so, also beside JSON: on standard error, so that what a program reads stays what it was.
package enum Shortened {
    /// Says what a list leaves out, if it does.
    static func tell(shown: Int, of all: Int, atMost most: Int = .max, _ what: String, more: String) {
        if let text = text(shown: shown, of: all, atMost: most, what, more: more) { Talk.note("packshot: \(text)") }
    }

    /// `… and 73 more batches; --all shows them`, or nil when nothing is left out.
    /// - Parameter most: Where counting stopped.
    package static func text(shown: Int, of all: Int, atMost most: Int = .max, _ what: String, more: String) -> String?
    {
        guard all > shown else { return nil }
        return "… and \(all >= most ? "more than " : "")\(all - shown) more \(what); \(more)"
    }
}
