import PackshotJobs
import Testing

@Suite("The state machine of a job")
struct JobStateMachineTests {
    typealias Event = JobStateMachine.Event

    static let events: [Event] = [
        .claimed, .completed, .failed(permanent: false), .failed(permanent: true), .leaseExpired, .handedBack,
        .cancelled,
        .due, .retried, .fileLost,
    ]

    /// The diagram in `JobState`'s documentation as a table: everything not in it is refused. The first number is the
    /// attempts before, of three allowed; the second those after.
    static let table: [(JobState, Int, Event, JobState, Int)] = [
        (.available, 0, .claimed, .running, 1), (.available, 2, .claimed, .running, 3),
        (.available, 1, .cancelled, .cancelled, 1),
        (.scheduled, 0, .due, .available, 0), (.scheduled, 0, .cancelled, .cancelled, 0),
        (.running, 1, .completed, .completed, 1), (.running, 3, .completed, .completed, 3),
        (.running, 1, .failed(permanent: false), .retryable, 1),
        (.running, 3, .failed(permanent: false), .discarded, 3),
        (.running, 1, .failed(permanent: true), .discarded, 1),
        (.running, 1, .leaseExpired, .available, 1), (.running, 3, .leaseExpired, .discarded, 3),
        (.running, 2, .handedBack, .available, 1), (.running, 2, .cancelled, .cancelled, 2),
        (.retryable, 1, .due, .available, 1), (.retryable, 1, .cancelled, .cancelled, 1),
        (.retryable, 2, .retried, .available, 0),
        (.discarded, 3, .retried, .available, 0), (.cancelled, 1, .retried, .available, 0),
        (.completed, 2, .fileLost, .available, 0),
    ]

    @Test func everyStateMeetsEveryEvent() throws {
        for state in JobState.allCases {
            for attempts in 0...3 where state != .running || attempts > 0 {
                for event in Self.events {
                    var machine = JobStateMachine(state: state, attempts: attempts, maxAttempts: 3)
                    let before = machine
                    let isKnown = Self.table.contains { $0.0 == state && $0.2 == event }
                    let mayBegin = event != .claimed || attempts < 3
                    do {
                        try machine.apply(event)
                        #expect(isKnown && mayBegin, "\(state) took \(event)")
                        #expect((0...3).contains(machine.attempts))
                        #expect(!state.isFinal || event == .retried || event == .fileLost)
                    } catch {
                        #expect(!isKnown || !mayBegin, "\(state) refused \(event)")
                        #expect(machine == before, "a refused event changes nothing")
                    }
                }
            }
        }
    }

    @Test func theTableHolds() throws {
        for (state, attempts, event, after, attemptsAfter) in Self.table {
            var machine = JobStateMachine(state: state, attempts: attempts, maxAttempts: 3)
            try machine.apply(event)
            #expect(machine.state == after && machine.attempts == attemptsAfter, "\(state) \(event)")
        }
    }
}

@Suite("Money, prices and waiting times")
struct ArithmeticTests {
    @Test(arguments: [
        ("0", 0), ("0.10", 100_000), ("12.5", 12_500_000), ("0.000001", 1), ("1000000000", 1_000_000_000_000_000),
    ])
    func dollarsAreRead(text: String, micros: Int64) {
        #expect(MicroDollars(dollars: text)?.rawValue == micros)
    }

    @Test(arguments: ["", ".", "1.", ".5", "-1", "1e3", "0.0000001", "1000000001", "1,5", " 1", "$1", "٣"])
    func otherTextsAreNoDollars(text: String) {
        #expect(MicroDollars(dollars: text) == nil)
    }

    @Test func dollarsArePrintedWithSixDecimals() {
        #expect(MicroDollars(rawValue: 123).description == "$0.000123")
        #expect(MicroDollars(rawValue: 12_500_000).description == "$12.500000")
        #expect(MicroDollars(rawValue: -1).description == "-$0.000001")
    }

    /// However a life is cut into stretches, they cost what it costs.
    @Test func stretchesThatTouchAddUpExactly() {
        var state: UInt64 = 7
        func random(_ bound: UInt64) -> Int64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int64((state >> 16) % bound)
        }
        for _ in 0..<200 {
            let card = RateCard(name: "x", perHour: MicroDollars(rawValue: random(50_000_000)))
            let cuts = ([0, 1_000_000_000_000] + (0..<20).map { _ in random(1_000_000_000_000) }).sorted()
            let parts = zip(cuts, cuts.dropFirst()).map { card.price(fromMicroseconds: $0, to: $1).rawValue }
            #expect(parts.reduce(0, +) == card.price(fromMicroseconds: 0, to: 1_000_000_000_000).rawValue)
        }
        let hour = RateCard(name: "x", perHour: MicroDollars(rawValue: 100_000))
        #expect(hour.price(fromMicroseconds: 0, to: 3_600_000_000).rawValue == 100_000)
        #expect(hour.price(fromMicroseconds: 3_600_000_000, to: 7_200_000_000).rawValue == 100_000)
    }

    @Test func waitsDoubleUpToTheCap() {
        let policy = RetryPolicy(base: .seconds(2), cap: .seconds(600), jitter: 0)
        let waits = (1...12).map { policy.delay(afterAttempts: $0, random: 0.9) }
        #expect(waits.prefix(4) == [.seconds(2), .seconds(4), .seconds(8), .seconds(16)])
        #expect(waits.last == .seconds(600))
        #expect(policy.delay(afterAttempts: 1_000_000, random: 0) == .seconds(600))
        let jittered = RetryPolicy(base: .seconds(8), cap: .seconds(8), jitter: 0.5)
        #expect(jittered.delay(afterAttempts: 1, random: 0) == .seconds(6))
        #expect(jittered.delay(afterAttempts: 1, random: 0.5) == .seconds(8))
    }

    @Test func everyFieldMakesAnotherKey() {
        let spec = GenerationSpec(
            prompt: "ab", negativePrompt: "c", seed: 1, width: 8, height: 9, steps: 2, guidance: 1.5)
        func key(
            _ change: (inout GenerationSpec) -> Void = { _ in }, root: String = "/o", sku: String = "s",
            shot: String = "t", variant: Int = 0, model: String = "m"
        ) -> [UInt8] {
            var changed = spec
            change(&changed)
            return changed.uniqueKey(
                model: ModelFingerprint(rawValue: model), outputRoot: root, sku: sku, shot: shot, variant: variant)
        }
        let keys = [
            key(),
            key {
                $0.prompt = "a"; $0.negativePrompt = "bc"
            }, key { $0.seed = 2 },
            key {
                $0.width = 9; $0.height = 8
            },
            key { $0.steps = 3 }, key { $0.guidance = 1.25 }, key(root: "/p"), key(sku: "st", shot: ""), key(shot: "u"),
            key(variant: 1), key(model: "n"),
        ]
        #expect(Set(keys).count == keys.count)
        #expect(key() == key())
    }

    /// Keys are in ledgers: a program that made others would make every image again. Worked out with Python's hashlib.
    @Test func keysStayAsTheyAre() {
        var spec = GenerationSpec(
            prompt: "a mug, é", negativePrompt: "blurry", seed: .max, width: 512, height: 768, steps: 28, guidance: 4.5)
        var key: String {
            spec.uniqueKey(
                model: ModelFingerprint(rawValue: String(repeating: "ab", count: 32)), outputRoot: "/out", sku: "SKU-1",
                shot: "main", variant: 3
            ).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        #expect(key == "3b2eda573532e5585837e2799663e7f90dc7b4ce2b041b600e5d5d33d9484856")
        spec.textCleaning = .light
        spec.shortcuts = Shortcuts(stepCache: 0.25, solverOrder: 2)
        #expect(key == "ac8c6825c2a737b5ba3a5ab684eee9db5b53eb476cf4b5fc7e33e62d294ed695")
    }
}
