/// The fields of Redis's `INFO`: lines of `name:value`, sections by `# Name`.
struct RedisInfo: Sendable {
    private let fields: [String: String]

    init(_ text: String) {
        var fields: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let sides = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if sides.count == 2 { fields[String(sides[0])] = String(sides[1]) }
        }
        self.fields = fields
    }

    subscript(name: String) -> String? { fields[name] }

    /// A field as a whole number.
    func number(_ name: String) -> Int64? { fields[name].flatMap { Int64($0) } }
}
