import PRX
import PackshotTestSupport
import Testing

@Suite("FlowMatchEulerDiscreteScheduler")
struct SchedulerTests {
    private struct File: Decodable {
        struct Case: Decodable {
            let shift: Double
            let steps: Int
            let sigmas: [Float]
            let timesteps: [Float]
        }
        struct Custom: Decodable {
            let timesteps_in: [Float]
            let timesteps: [Float]
            let sigmas: [Float]
        }
        let cases: [Case]
        let custom_timesteps_shift3: Custom
    }

    private func isWithinOneULP(_ a: [Float], _ b: [Float]) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= max($0.ulp, $1.ulp) }
    }

    @Test func tablesEqualUpstreamsToOneULP() throws {
        let file = try Fixtures.json(File.self, "components/scheduler/scheduler.json")
        #expect(file.cases.count > 5)
        for item in file.cases {
            let schedule = FlowMatchEulerDiscreteScheduler(shift: item.shift).schedule(steps: item.steps)
            #expect(isWithinOneULP(schedule.sigmas, item.sigmas), "shift \(item.shift), \(item.steps) steps")
            #expect(isWithinOneULP(schedule.timesteps, item.timesteps), "shift \(item.shift), \(item.steps) steps")
        }
    }

    @Test func customTimestepsAreKept() throws {
        let custom = try Fixtures.json(File.self, "components/scheduler/scheduler.json").custom_timesteps_shift3
        let schedule = FlowMatchEulerDiscreteScheduler(shift: 3).schedule(timesteps: custom.timesteps_in)
        #expect(schedule.timesteps == custom.timesteps)
        #expect(isWithinOneULP(schedule.sigmas, custom.sigmas))
    }
}
