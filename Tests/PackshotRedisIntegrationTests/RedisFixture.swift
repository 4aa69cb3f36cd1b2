import Foundation
import PackshotJobs
import PackshotRedis
import PackshotTestSupport

/// The server of `REDIS_URL`, and a key prefix of it that nobody else uses.
struct RedisFixture: Sendable {
    let url: RedisURL
    /// For looking at and changing the server from outside.
    let control: RedisConnection

    /// True when tests have a server.
    static let isAvailable = environmentURL != nil
    private static var environmentURL: String? {
        ProcessInfo.processInfo.environment["REDIS_URL"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Runs a test with a fresh prefix on the server of `REDIS_URL`, and deletes its keys afterwards.
    static func with(_ body: (RedisFixture) async throws -> Void) async throws {
        try await with(url: RedisURL(environmentURL ?? ""), body)
    }

    /// Runs a test with a fresh prefix on a server.
    static func with(url: RedisURL, _ body: (RedisFixture) async throws -> Void) async throws {
        let url = try url.with(prefix: "packshot-test-\(UInt64.random(in: .min ... .max))")
        let fixture = RedisFixture(url: url, control: RedisConnection(url))
        do {
            try await body(fixture)
        } catch {
            try? await fixture.wipe()
            throw error
        }
        try await fixture.wipe()
    }

    func queue(timeouts: RedisTimeouts = .standard) throws -> RedisJobQueue {
        try RedisJobQueue(url, timeouts: timeouts)
    }

    /// Deletes the fixture's keys.
    func wipe() async throws {
        var cursor = "0"
        repeat {
            let page = try await control.call(["SCAN", cursor, "MATCH", "\(url.prefix):*", "COUNT", "1000"])
            let keys = page.elements[1].elements.compactMap(\.text)
            if !keys.isEmpty { _ = try await control.call(["DEL"] + keys) }
            cursor = page.elements[0].text ?? "0"
        } while cursor != "0"
    }

    /// Makes everything of the fixture older by a duration.
    func age(_ duration: Duration) async throws {
        let script = """
            local by = tonumber(ARGV[2])
            for _, key in ipairs(redis.call('KEYS', ARGV[1] .. ':queue:*')) do
                local pending = redis.pcall('XPENDING', key, 'workers', '-', '+', 1000000)
                for _, p in ipairs(pending) do
                    redis.call('XCLAIM', key, 'workers', p[2], 0, p[1], 'IDLE', p[3] + by, 'JUSTID')
                end
            end
            for _, key in ipairs(redis.call('KEYS', ARGV[1] .. ':delayed:*')) do
                local members = redis.call('ZRANGE', key, 0, -1)
                for _, member in ipairs(members) do redis.call('ZINCRBY', key, -by, member) end
            end
            for _, key in ipairs(redis.call('KEYS', ARGV[1] .. ':embedding*')) do
                local left = redis.call('PTTL', key)
                if left >= 0 then redis.call('PEXPIRE', key, left - by) end
            end
            """
        let milliseconds = String(Int64(duration / .milliseconds(1)))
        _ = try await control.call(["EVAL", script, "0", url.prefix, milliseconds])
    }

    /// Two clients of a queue under this prefix.
    func conformance() throws -> JobQueueFixture {
        JobQueueFixture(first: try queue(), second: try queue(), age: age, wipe: wipe)
    }

    /// The key of a lane.
    func laneKey(_ priority: Int = 4) -> String {
        "\(url.prefix):queue:\(JobQueueConformance.model().rawValue.prefix(16)):\(priority)"
    }
}

let ada = WorkerID(rawValue: "ada.1.x")
let bob = WorkerID(rawValue: "bob.2.y")
let model = JobQueueConformance.model()
/// Longer than a test takes.
let long = Duration.seconds(60)
