package import PackshotJobs

/// Entries that nobody would ever get.
extension RedisJobQueue {
    /// Deletes nothing and moves nothing: a group with such entries starts again at its first one, so that those in workers'
    /// hands are delivered once more, too. The ledger refuses what is running or done, and a refused entry is removed.
    package func redeliverStranded(model: ModelFingerprint) async throws {
        try await commands.perform { [keys] session in
            try Self.stranded.run(
                on: session, keys: Self.lanes(of: model).map(keys.lane), arguments: [RedisKeys.group]
            ) { _ in }
        }
    }

    /// An entry up to the group's last delivered one is pending or was removed; one that is neither is stranded. It comes to that
    /// when a consumer is deleted with what it held, and when a server starts on a log whose end is torn in the middle of a
    /// transaction: Redis 7.0 leaves its first half in the log, adds to it, and takes it for part of the next transaction when it starts
    /// once more, so that entries appear behind what was delivered meanwhile.
    ///
    /// - KEYS: the lanes. ARGV: group.
    private static let stranded = RedisScript(
        TurnScripts.functions + """
            for _, lane in ipairs(KEYS) do
                local last = groupField(lane, ARGV[1], 'last-delivered-id')
                if last then
                    local pending = groupField(lane, ARGV[1], 'pending')
                    local there = redis.call('XRANGE', lane, '-', last, 'COUNT', pending + 1)
                    if #there > pending then redis.call('XGROUP', 'SETID', lane, ARGV[1], '0') end
                end
            end
            return 1
            """)
}
