/// Money in whole millionths of a US dollar. Never a float.
package struct MicroDollars: RawRepresentable, Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package static let zero = MicroDollars(rawValue: 0)
    package static func < (a: MicroDollars, b: MicroDollars) -> Bool { a.rawValue < b.rawValue }
    package static func + (a: MicroDollars, b: MicroDollars) -> MicroDollars {
        MicroDollars(rawValue: a.rawValue + b.rawValue)
    }

    /// Dollars with six decimals, such as `$0.000123`.
    package var description: String {
        let magnitude = rawValue.magnitude
        let fraction = String(magnitude % 1_000_000)
        let zeros = String(repeating: "0", count: 6 - fraction.count)
        return "\(rawValue < 0 ? "-" : "")$\(magnitude / 1_000_000).\(zeros)\(fraction)"
    }

    /// Reads dollars written with at most six decimals, such as `0.25`.
    /// - Returns: nil when the text is anything else, negative, or above a billion dollars.
    package init?(dollars text: String) {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? String(parts[1]) : ""
        let isDigits = { (part: Substring) in !part.isEmpty && part.utf8.allSatisfy { (48...57).contains($0) } }
        guard let whole = parts.first, isDigits(whole), parts.count == 1 || isDigits(parts[1]), fraction.count <= 6,
            let dollars = Int64(whole), dollars <= 1_000_000_000,
            let micros = Int64(fraction + String(repeating: "0", count: 6 - fraction.count))
        else { return nil }
        self.init(rawValue: dollars * 1_000_000 + micros)
    }
}

/// The price of a machine-hour, as it was when a worker registered.
package struct RateCard: Hashable, Sendable {
    /// What the card is called, such as `default` or `c7a.2xlarge`.
    package let name: String
    /// Price of one hour of one worker process.
    package let perHour: MicroDollars

    package init(name: String, perHour: MicroDollars) {
        self.name = name
        self.perHour = perHour
    }

    /// The price of a stretch of a worker's time line, both ends in microseconds since it registered.
    ///
    /// Each end is priced and floored on its own, so stretches that touch add up exactly to the price of the whole:
    /// what rounding takes from one it gives to the next.
    package func price(fromMicroseconds start: Int64, to end: Int64) -> MicroDollars {
        precondition(0 <= start && start <= end, "a stretch of time runs forward")
        return MicroDollars(rawValue: floorPrice(end) - floorPrice(start))
    }

    private func floorPrice(_ microseconds: Int64) -> Int64 {
        let product = microseconds.multipliedFullWidth(by: perHour.rawValue)
        return Int64(3_600_000_000).dividingFullWidth(product).quotient
    }
}
