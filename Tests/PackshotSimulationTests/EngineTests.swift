import Testing

/// Virtual time, death and standing still, before anything is built on them.
@Suite struct EngineTests {
    @Test func waitsEndInOrderAndDeathEndsThem() {
        let simulator = Simulator()
        let (a, b) = (simulator.process("a"), simulator.process("b"))
        var log: [String] = []
        func spawn(_ body: @escaping () async throws -> Void) {
            simulator.spawn(body) { log.append("failed: \($0)") }
        }
        spawn {
            for _ in 0..<3 {
                try await simulator.sleep(a, .seconds(2))
                log.append("a \(simulator.now.inSeconds)")
            }
        }
        spawn {
            try await simulator.sleep(b, .seconds(1))
            log.append("b \(simulator.now.inSeconds)")
            a.freeze()
            try await simulator.sleep(b, .seconds(4))
            a.thaw()
            try await simulator.sleep(b, .milliseconds(2_500))
            a.kill()
            log.append("a is dead")
        }
        simulator.run()
        #expect(log == ["b 1.000", "a 5.000", "a 7.000", "a is dead"])
    }

    @Test func conditionsWakeInOrderOfWaiting() {
        let simulator = Simulator()
        let process = simulator.process("p")
        let condition = Condition()
        var log: [String] = []
        for name in ["x", "y"] {
            simulator.spawn {
                let wasSignalled = try await simulator.wait(process, until: .seconds(9), on: condition)
                log.append("\(name) \(wasSignalled) \(simulator.now.inSeconds)")
                let again = try await simulator.wait(process, until: .seconds(9), on: condition)
                log.append("\(name) \(again) \(simulator.now.inSeconds)")
            } failed: { _ in
            }
        }
        simulator.spawn {
            try await simulator.sleep(process, .seconds(3))
            condition.signal()
        } failed: { _ in
        }
        simulator.run()
        #expect(log == ["x true 3.000", "y true 3.000", "x false 9.000", "y false 9.000"])
    }
}
