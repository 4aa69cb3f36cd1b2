import PackshotJobs
import Testing

@Suite("Budgets by work")
struct BudgetArithmeticTests {
    private static func work(_ steps: Int, guidance: Double = 1, shortcuts: Shortcuts? = nil) -> Workload {
        Workload(width: 8, height: 8, steps: steps, guidance: guidance, hasNegativePrompt: false, shortcuts: shortcuts)
    }

    private static func entry(_ work: Workload, _ time: Int64, isComplete: Bool = true) -> WorkRecord.Entry {
        WorkRecord.Entry(workload: work, microseconds: time, isComplete: isComplete)
    }

    private static func told(_ record: WorkRecord, _ work: Workload) -> String? {
        record.estimate(of: work).map { "\($0.microseconds) \($0.isMeasured ? "measured" : "scaled")" }
    }

    @Test func workIsPixelsTimesStepsTimesPasses() {
        #expect(Self.work(10).units == 640)
        #expect(Self.work(10, guidance: 4).units == 1_280)
        let absurd = Workload(
            width: .max, height: .max, steps: .max, guidance: 4, hasNegativePrompt: true, shortcuts: nil)
        #expect(absurd.units == .max)
    }

    @Test func imagesOfTheSameWorkTellMoreThanOthers() {
        let record = WorkRecord([Self.entry(Self.work(10), 100), Self.entry(Self.work(20), 1_000)])
        #expect(Self.told(record, Self.work(10)) == "150 measured")
        // The dearer one by its work: 50 a step, and a half.
        #expect(Self.told(record, Self.work(40)) == "3000 scaled")
        #expect(WorkRecord([]).estimate(of: Self.work(1)) == nil)
    }

    /// Nobody knows what shortcuts save but those who took the same.
    @Test func imagesWithShortcutsTellOfTheirLikeOnly() {
        let shortcuts = Shortcuts(stepCache: 0.5)
        let record = WorkRecord([Self.entry(Self.work(10, shortcuts: shortcuts), 100)])
        #expect(record.estimate(of: Self.work(10)) == nil)
        #expect(Self.told(record, Self.work(10, shortcuts: shortcuts)) == "150 measured")
        let whole = WorkRecord([Self.entry(Self.work(10), 100)])
        #expect(Self.told(whole, Self.work(20, shortcuts: shortcuts)) == "300 scaled")
    }

    /// Each try at what was stopped has twice as much as the last: none is in vain by construction.
    @Test func whatWasStoppedGetsTwiceAsMuch() {
        let record = WorkRecord([Self.entry(Self.work(10), 100), Self.entry(Self.work(10), 400, isComplete: false)])
        #expect(Self.told(record, Self.work(10)) == "800 measured")
    }

    @Test func pricesThatFitNoIntegerAreCut() {
        let record = WorkRecord([Self.entry(Self.work(1), .max)])
        let estimate = record.estimate(of: Self.work(1_000))
        let dear = RateCard(name: "d", perHour: MicroDollars(rawValue: 1_000_000_000_000_000))
        let budget = Budget(limit: MicroDollars(rawValue: .max), committed: .zero)
        guard case .reserve = budget.claim(estimate, at: dear, lease: 1, isIdle: false) else {
            Issue.record("it fits")
            return
        }
    }

    @Test func moreIsGivenAsFarAsItIsOfUse() {
        let budget = Budget(limit: MicroDollars(rawValue: 1_000), committed: MicroDollars(rawValue: 700))
        func extend(_ needed: Int64, _ wanted: Int64) -> Int64? {
            budget.extend(
                MicroDollars(rawValue: 200),
                to: SpendingRequest(needed: MicroDollars(rawValue: needed), wanted: MicroDollars(rawValue: wanted)))?
                .rawValue
        }
        #expect(extend(250, 400) == 400)
        #expect(extend(250, 900) == 500)
        #expect(extend(501, 900) == nil)
        #expect(extend(100, 200) == nil, "it has that")
        // A budget that was lowered below what is committed takes nothing back, and gives nothing.
        let lowered = Budget(limit: .zero, committed: MicroDollars(rawValue: 700))
        #expect(
            lowered.extend(
                MicroDollars(rawValue: 200),
                to: SpendingRequest(needed: .zero, wanted: MicroDollars(rawValue: 300))) == nil)
    }

    @Test func anAttemptAsksBeforeItsShareIsSpent() {
        func spending(_ spent: Int64) -> Spending {
            Spending(
                limit: MicroDollars(rawValue: 160), spent: MicroDollars(rawValue: spent),
                leaseCost: MicroDollars(rawValue: 10))
        }
        #expect(!spending(149).isNearLimit && spending(150).isNearLimit)
        #expect(!spending(159).isOver && spending(160).isOver)
        // A quarter is done: four times as much is needed, and a half and a lease wanted on top.
        let request = spending(150).request(step: 5, of: 20)
        #expect(request.needed.rawValue == 600 && request.wanted.rawValue == 911)
        #expect(spending(150).request(step: 0, of: 20).needed.rawValue == 300)
    }
}
