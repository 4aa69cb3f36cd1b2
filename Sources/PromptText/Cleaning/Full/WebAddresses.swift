/// The rule that deletes web addresses.
///
/// A match begins at a word boundary and is either a scheme (`http`, `https` or `www`, a colon, then one to three
/// slashes or one of `[a-zA-Z0-9%]`), or a host: `[a-zA-Z0-9.-]+`, a dot, one of the top-level domains below,
/// `[\w/-]*` that ends at a word boundary, perhaps a slash, and no `@` after it.
enum WebAddresses {
    private static let topLevelDomains: [StaticString] = ["com", "co", "ru", "net", "org", "edu", "gov", "it"]

    /// The text without addresses. A run of host characters is searched once from its end, not once from each of its
    /// boundaries, so the cost is linear.
    static func remove(from text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var hostRunEnd = -1
        var lastDomain: (dot: Int, end: Int)?
        return Substitution.replace(in: text, by: []) { text, start in
            let first = text[start]
            guard isHostPart(first), Substitution.isBoundary(text, start) else { return nil }
            if first == "h" || first == "w", let end = endOfScheme(text, start) { return end }
            if start >= hostRunEnd {
                hostRunEnd = Substitution.end(of: text, from: start, while: isHostPart)
                lastDomain = findLastDomain(text, in: start..<hostRunEnd)
            }
            // The greedy source takes the last domain of the run that can end a match.
            guard let domain = lastDomain, domain.dot > start else { return nil }
            return domain.end
        }
    }

    private static func isHostPart(_ scalar: Unicode.Scalar) -> Bool {
        PythonText.isASCIIAlphanumeric(scalar) || scalar == "." || scalar == "-"
    }

    private static func endOfScheme(_ text: [Unicode.Scalar], _ start: Int) -> Int? {
        let names: [StaticString] = ["https:", "http:", "www:"]
        for name in names {
            guard let colon = Substitution.literal(name, in: text, at: start) else { continue }
            let slashes = Substitution.end(of: text, from: colon, limit: 3) { $0 == "/" }
            if slashes > colon { return slashes }
            guard colon < text.count, PythonText.isASCIIAlphanumeric(text[colon]) || text[colon] == "%" else {
                return nil
            }
            return colon + 1
        }
        return nil
    }

    private static func findLastDomain(_ text: [Unicode.Scalar], in run: Range<Int>) -> (dot: Int, end: Int)? {
        for dot in run.reversed() where text[dot] == "." {
            for domain in topLevelDomains {
                if let path = Substitution.literal(domain, in: text, at: dot + 1), let end = endOfPath(text, path) {
                    return (dot, end)
                }
            }
        }
        return nil
    }

    /// The furthest end of `[\w/-]*\b\/?(?!@)`.
    private static func endOfPath(_ text: [Unicode.Scalar], _ start: Int) -> Int? {
        var end = Substitution.end(of: text, from: start) { PythonText.isWord($0) || $0 == "/" || $0 == "-" }
        func isAt(_ place: Int) -> Bool { place < text.count && text[place] == "@" }
        while end >= start {
            if Substitution.isBoundary(text, end) {
                if end < text.count, text[end] == "/", !isAt(end + 1) { return end + 1 }
                if !isAt(end) { return end }
            }
            end -= 1
        }
        return nil
    }
}
