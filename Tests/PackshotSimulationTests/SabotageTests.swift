import Testing

/// A simulation that cannot fail proves nothing: each rule is broken once, and has to be missed.
@Suite struct SabotageTests {
    @Test(arguments: SaboteurLedger.Rule.allCases)
    func findsWhatTheLedgerDoesWrong(_ rule: SaboteurLedger.Rule) async throws {
        try await expectFailure(Sabotage(ledger: rule), within: 100)
    }

    @Test(arguments: Sabotage.Files.allCases)
    func findsWhatTheFileStoreDoesWrong(_ rule: Sabotage.Files) async throws {
        try await expectFailure(Sabotage(files: rule), within: 400)
    }

    @Test func findsAQueueThatPretends() async throws {
        try await expectFailure(Sabotage(queue: .pretendsToHoldEverything), within: 100)
    }

    /// The queue owns nothing: one that forgets every fifth entry it is given loses no job.
    @Test func survivesAQueueThatForgets() async {
        let sabotage = Sabotage(queue: .forgetsEntries)
        let campaign = await Campaign.run(1...100, sabotage: sabotage)
        if let failure = campaign.failure { Issue.record("\(FailureReport(failure, sabotage: sabotage))") }
    }

    private func expectFailure(_ sabotage: Sabotage, within seeds: UInt64) async throws {
        let failure = try #require(
            await Campaign.run(1...seeds, sabotage: sabotage).failure, "\(sabotage) was not found")
        print("found \(sabotage) by seed \(failure.scenario.seed): \(failure.violation ?? "")")
    }
}
