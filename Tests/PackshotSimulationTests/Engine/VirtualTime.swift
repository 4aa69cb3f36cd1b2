import PackshotTestSupport

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

extension Duration {
    init(_ time: VirtualTime) { self = .microseconds(time) }
}

extension SeededGenerator {
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

    /// The same for a stretch given as the worker gives it.
    mutating func time(_ range: ClosedRange<Duration>) -> VirtualTime {
        time(VirtualTime(range.lowerBound)...VirtualTime(range.upperBound))
    }

    /// One of `choices`, or nil when there is none.
    mutating func pick<Element>(_ choices: [Element]) -> Element? {
        choices.isEmpty ? nil : choices[below(choices.count)]
    }
}
