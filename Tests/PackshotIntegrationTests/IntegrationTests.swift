import Testing

/// Tests that drive the built program against real servers. `ops/test` sets up both.
@Suite("Integration", .enabled(if: Program.isAvailable, "start them with ops/test"), .serialized)
struct IntegrationTests {
    /// `ops/test` looks for this line: a run in which these tests did not happen must not pass.
    @Test func ran() {
        print("integration tests ran: PackshotIntegrationTests")
    }
}
