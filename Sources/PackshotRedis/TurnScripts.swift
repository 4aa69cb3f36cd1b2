/// Lua functions that the queue's scripts share: who is next in a lane.
///
/// A lane's stream holds what was delivered and the next few entries, so that workers can block on it; the rest waits in a
/// zset in the order of its turns, and is moved to the stream as that runs out. Turns are those of start-time fair queueing
/// (Goyal, Vin and Cheng 1997): a share's are 1 / weight apart, from its last one or from the lane's present one on,
/// whichever is later, so that who comes late waits for nobody's backlog and who was idle saves nothing up.
enum TurnScripts {
    /// Entries a stream holds ready beyond those asked for, if there are so many. Whoever takes one fills up again, so that
    /// also more workers than this are woken, one by another.
    static let spare = 64

    /// - `groupField(lane, group, field)`: what XINFO says of a lane's group; nil where there is none.
    /// - `enqueue(waiting, shares, share, weight, jobs, from)`: gives turns to the jobs of a list from an index on. A job that
    ///   waits already keeps its turn.
    /// - `fill(lane, waiting, shares, group, extra)`: moves jobs to the stream until it has `extra` and the spare ones ready. Out
    ///   of memory, what was not added stays where it is.
    static let functions = """
        local function number(value)
            return string.format('%.17g', value)
        end

        local function groupField(lane, group, field)
            local groups = redis.pcall('XINFO', 'GROUPS', lane)
            for _, info in ipairs(groups) do
                local found, value
                for i = 1, #info, 2 do
                    if info[i] == 'name' then found = info[i + 1] == group end
                    if info[i] == field then value = info[i + 1] end
                end
                if found then return value end
            end
        end

        local function enqueue(waiting, shares, share, weight, jobs, from)
            local present = tonumber(redis.call('HGET', shares, '') or 0)
            local last = redis.call('HGET', shares, share)
            local turn = math.max(present, tonumber(last or 0))
            local pairs = {}
            for i = from, #jobs do
                turn = turn + 1 / weight
                pairs[#pairs + 1] = number(turn)
                pairs[#pairs + 1] = jobs[i]
                if #pairs == 1000 or i == #jobs then
                    redis.call('ZADD', waiting, 'NX', unpack(pairs))
                    pairs = {}
                end
            end
            redis.call('HSET', shares, share, number(turn))
            if not last and redis.call('HLEN', shares) % 500 == 0 then
                local all = redis.call('HGETALL', shares)
                for i = 1, #all, 2 do
                    if all[i] ~= '' and tonumber(all[i + 1]) <= present then redis.call('HDEL', shares, all[i]) end
                end
            end
        end

        local function fill(lane, waiting, shares, group, extra)
            if redis.call('ZCARD', waiting) == 0 then return end
            local pending = groupField(lane, group, 'pending') or 0
            local lacking = extra + \(spare) - (redis.call('XLEN', lane) - pending)
            if lacking <= 0 then return end
            local next = redis.call('ZRANGE', waiting, 0, lacking - 1, 'WITHSCORES')
            local moved, turn = 0, nil
            for i = 1, #next, 2 do
                local added = redis.pcall('XADD', lane, '*', 'j', next[i])
                if type(added) == 'table' then break end
                moved, turn = moved + 1, next[i + 1]
            end
            if moved == 0 then return end
            redis.call('ZREMRANGEBYRANK', waiting, 0, moved - 1)
            redis.pcall('HSET', shares, '', turn)
        end

        """
}
