/// The queue's scripts: what must look at several keys at one moment. Each does work in proportion to its limit.
///
/// They run on Redis 7 with `EVALSHA`. Errors of single commands inside are caught (`pcall`) where a half-done script
/// would strand entries, because Redis does not roll back.
enum QueueScripts {
    /// Takes entries over the lanes of a model without blocking, by priority or by the aging rule.
    ///
    /// - KEYS: the lanes, most urgent first, then what waits behind each, then the shares of each; then the counter of claims.
    /// - ARGV: group, consumer, limit (0 only refills the lanes), claims between two aged ones.
    /// - Returns: flat triples: index of the lane from 0, entry id, job id.
    ///
    /// The ids of stream entries begin with the time they were added, so the lane whose next entry has the smallest id has
    /// waited longest. A lane with entries and without a group (it was just dispatched to, or lost) gets one that starts
    /// at its first entry. The counter is a convenience: out of memory, the script goes on without it.
    static let claim = RedisScript(
        TurnScripts.functions + """
            local lanes, group, consumer = (#KEYS - 1) / 3, ARGV[1], ARGV[2]
            local limit, every = tonumber(ARGV[3]), tonumber(ARGV[4])
            local taken = {}

            local function read(lane, count)
                return redis.pcall('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', KEYS[lane], '>')
            end

            local function take(lane)
                local count = limit - #taken / 3
                fill(KEYS[lane], KEYS[lanes + lane], KEYS[2 * lanes + lane], group, count)
                if count < 1 or redis.call('XLEN', KEYS[lane]) == 0 then return end
                local reply = read(lane, count)
                if type(reply) == 'table' and reply.err and string.find(reply.err, 'NOGROUP') then
                    redis.pcall('XGROUP', 'CREATE', KEYS[lane], group, '0')
                    reply = read(lane, count)
                end
                if type(reply) ~= 'table' or reply.err then return end
                for _, entry in ipairs(reply[1][2]) do
                    taken[#taken + 1] = lane - 1
                    taken[#taken + 1] = entry[1]
                    taken[#taken + 1] = entry[2][2]
                end
            end

            local function nextEntryTime(lane)
                if redis.call('XLEN', KEYS[lane]) == 0 then return nil end
                local last = groupField(KEYS[lane], group, 'last-delivered-id')
                local first = redis.call('XRANGE', KEYS[lane], last and '(' .. last or '-', '+', 'COUNT', 1)
                return first[1] and tonumber(string.match(first[1][1], '^%d+'))
            end

            local turn = (tonumber(redis.call('GET', KEYS[#KEYS])) or 0) + 1
            if turn % every == 0 then
                local urgent, oldest, time
                for lane = 1, lanes do
                    local added = nextEntryTime(lane)
                    if added and not urgent then
                        urgent = lane
                    elseif added and (not time or added < time) then
                        oldest, time = lane, added
                    end
                end
                if oldest then take(oldest) end
            end
            for lane = 1, lanes do take(lane) end
            if #taken > 0 then redis.pcall('INCR', KEYS[#KEYS]) end
            return taken
            """)

    /// Adds jobs of one share to a lane.
    ///
    /// - KEYS: the lane, what waits behind it, its shares. ARGV: group, share, weight, runs of jobs (at most 1,000).
    static let dispatch = RedisScript(
        TurnScripts.functions + """
            enqueue(KEYS[1], KEYS[2], KEYS[3], ARGV[2], tonumber(ARGV[3]), ARGV, 4)
            fill(KEYS[1], KEYS[2], KEYS[3], ARGV[1], 0)
            return #ARGV - 3
            """)

    /// Renews the entries of one lane that the consumer still holds.
    ///
    /// - KEYS: the lane. ARGV: group, consumer, entry ids (at most 500).
    ///
    /// `XCLAIM` asks nobody, so what another worker has taken over is left out first. `JUSTID` resets the idle time and
    /// keeps the count of deliveries.
    static let renew = RedisScript(
        """
        local held = {}
        for i = 3, #ARGV do
            local own = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2])
            if own.err then return 0 end
            if #own > 0 then held[#held + 1] = ARGV[i] end
        end
        if #held == 0 then return 0 end
        held[#held + 1] = 'JUSTID'
        return #redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(held))
        """)

    /// Gives a worker the lead, or keeps it for it, unless another has it.
    ///
    /// - KEYS: the lead. ARGV: worker, milliseconds.
    /// - Returns: -1 for the lead, else the milliseconds another has it for.
    ///
    /// A lead that lasts longer than is asked for is from before the server's clock was set back.
    /// A server out of memory refuses the key; then everybody leads, as if there were no such key.
    static let lead = RedisScript(
        """
        local holder = redis.call('GET', KEYS[1])
        if holder and holder ~= ARGV[1] then
            local left = redis.call('PTTL', KEYS[1])
            if left >= 0 and left <= tonumber(ARGV[2]) then return left end
        end
        redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
        return -1
        """)

    /// Moves due entries of all models to their lanes, by the server's clock.
    ///
    /// - KEYS: the set of models. ARGV: key prefix, limit, group.
    /// - Returns: how many were moved, and the milliseconds until the next is due or -1.
    ///
    /// An entry is added to its lane before it leaves the zset, so a refusal in between (out of memory) repeats it.
    static let promote = RedisScript(
        TurnScripts.functions + """
            local time = redis.call('TIME')
            local now = time[1] * 1000 + math.floor(time[2] / 1000)
            local limit, moved, wait = tonumber(ARGV[2]), 0, -1
            for _, model in ipairs(redis.call('SMEMBERS', KEYS[1])) do
                local delayed = ARGV[1] .. ':delayed:' .. model
                if moved < limit then
                    local due = redis.call(
                        'ZRANGEBYSCORE', delayed, '-inf', string.format('%.0f', now), 'LIMIT', 0, limit - moved)
                    for _, member in ipairs(due) do
                        local priority, run, weight, share = string.match(member, '^(%d):(%d+%-?%d*):(%d+):(.+)$')
                        if run then
                            local name = model .. ':' .. priority
                            local lane, waiting = ARGV[1] .. ':queue:' .. name, ARGV[1] .. ':waiting:' .. name
                            local shares = ARGV[1] .. ':shares:' .. name
                            enqueue(lane, waiting, shares, share, tonumber(weight), {run}, 1)
                            fill(lane, waiting, shares, ARGV[3], 0)
                        end
                        redis.call('ZREM', delayed, member)
                    end
                    moved = moved + #due
                end
                local first = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
                if first[2] then
                    local left = math.max(0, tonumber(first[2]) - now)
                    if wait < 0 or left < wait then wait = left end
                end
            end
            return {moved, wait}
            """)

    /// Deletes the names of consumers that hold nothing: the one that leaves, and those nobody has used for a day.
    ///
    /// - KEYS: the lanes. ARGV: group, consumer, milliseconds of a day.
    ///
    /// `XGROUP DELCONSUMER` would throw pending entries away, hence the look at `pending` in the same moment. A living
    /// worker that is deleted from a lane it does not use comes back with its next read.
    static let forget = RedisScript(
        """
        for _, lane in ipairs(KEYS) do
            local consumers = redis.pcall('XINFO', 'CONSUMERS', lane, ARGV[1])
            for _, info in ipairs(consumers) do
                local name, pending, idle
                for i = 1, #info, 2 do
                    if info[i] == 'name' then name = info[i + 1] end
                    if info[i] == 'pending' then pending = info[i + 1] end
                    if info[i] == 'idle' then idle = info[i + 1] end
                end
                if pending == 0 and (name == ARGV[2] or idle > tonumber(ARGV[3])) then
                    redis.call('XGROUP', 'DELCONSUMER', lane, ARGV[1], name)
                end
            end
        end
        return 1
        """)
}
