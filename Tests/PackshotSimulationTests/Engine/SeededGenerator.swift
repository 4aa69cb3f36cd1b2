/// The one source of chance in a simulation: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014). Equal seeds, equal numbers, on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A whole number in `0..<bound`.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }

    /// A whole number in `range`.
    mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

    /// True once in `times`.
    mutating func once(in times: Int) -> Bool { below(times) == 0 }

    /// A number in `0..<1`.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A stretch of time, every microsecond of `range` as likely.
    mutating func time(_ range: ClosedRange<VirtualTime>) -> VirtualTime {
        VirtualTime(within(Int(range.lowerBound)...Int(range.upperBound)))
    }

    /// One of `choices`, or nil when there is none.
    mutating func pick<Element>(_ choices: [Element]) -> Element? {
        choices.isEmpty ? nil : choices[below(choices.count)]
    }
}

/// Microseconds since the simulation began, or that many of them.
typealias VirtualTime = Int64

extension VirtualTime {
    static func seconds(_ count: Double) -> VirtualTime { VirtualTime(count * 1_000_000) }
    static func milliseconds(_ count: Double) -> VirtualTime { VirtualTime(count * 1_000) }

    init(_ duration: Duration) {
        self = duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000
    }

    /// Seconds with three decimals, for traces.
    var inSeconds: String {
        let milliseconds = String(self % 1_000_000 / 1_000)
        return "\(self / 1_000_000)." + String(repeating: "0", count: 3 - milliseconds.count) + milliseconds
    }
}
