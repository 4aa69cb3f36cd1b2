internal import PackshotJobs

/// Lua functions that the queue's scripts share: who is next in a lane.
///
/// A lane's stream holds what was delivered and the next few entries, so that workers can block on it; the rest waits in a
/// zset in the order of its turns, and is moved to the stream as that runs out. Turns are those of start-time fair queueing
/// (Goyal, Vin and Cheng 1997): a share's are 1 / weight apart, from its last one or from the lane's present one on,
/// whichever is later, so that who comes late waits for nobody's backlog and who was idle saves nothing up.
///
/// The present is the turn of the job that is being worked on, as in that paper, and not of the one that was moved to the stream
/// last: who comes late makes up for what others have in hand or ready, and so gets its share from the moment it came.
enum TurnScripts {
    /// Entries a stream holds ready beyond those asked for, if there are so many. Whoever takes one fills up again, so that
    /// also more workers than this are woken, one by another. Who comes late waits for so many jobs before its first.
    static let spare = 16

    /// - `groupField(lane, group, field)`: what XINFO says of a lane's group; nil where there is none.
    /// - `present(lane, shares)`: the turn of the oldest entry of the stream, hence of a job in hand, or the last that was moved if
    ///   there is none. One that hangs, or has come back, does not hold the present up: it is never further behind than the
    ///   stream is long, nor than ``QueueShare/mostMadeUpFor`` turns.
    /// - `enqueue(lane, waiting, shares, share, weight, runs, from)`: gives turns to the jobs of a list of runs (`17` or `17-4200`) from
    ///   an index on. A run is one member of the zset, with the turn of its first job; the others follow, 1 / weight apart. A
    ///   run that waits already as it is keeps its turns.
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

        local function member(first, last, weight)
            if first == last then return string.format('%.0f', first) end
            return string.format('%.0f-%.0f/%d', first, last, weight)
        end

        local function present(lane, shares)
            local moved = tonumber(redis.call('HGET', shares, '') or 0)
            local oldest = redis.call('XRANGE', lane, '-', '+', 'COUNT', 1)[1]
            local turn = oldest and tonumber(oldest[2][4] or moved) or moved
            return math.max(turn, moved - math.min(redis.call('XLEN', lane), \(QueueShare.mostMadeUpFor)))
        end

        local function enqueue(lane, waiting, shares, share, weight, runs, from)
            local present = present(lane, shares)
            local last = redis.call('HGET', shares, share)
            local turn = math.max(present, tonumber(last or 0))
            local pairs = {}
            for i = from, #runs do
                local first, final = string.match(runs[i], '^(%d+)%-(%d+)$')
                pairs[#pairs + 1] = number(turn + 1 / weight)
                pairs[#pairs + 1] = first and member(tonumber(first), tonumber(final), weight) or runs[i]
                turn = turn + (first and final - first + 1 or 1) / weight
                if #pairs == 1000 or i == #runs then
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
            local runs = {}
            for i = 1, #next, 2 do
                local first, last, weight = string.match(next[i], '^(%d+)%-(%d+)/(%d+)$')
                runs[#runs + 1] = {
                    member = next[i], first = tonumber(first), last = tonumber(last), weight = tonumber(weight),
                    turn = tonumber(next[i + 1])
                }
            end
            -- The runs from `head` on are in the order of their next jobs' turns.
            local head, turn = 1, nil
            while lacking > 0 and head <= #runs do
                local run = runs[head]
                local job = run.first and string.format('%.0f', run.first) or run.member
                local added = redis.pcall('XADD', lane, '*', 'j', job, 't', number(run.turn))
                if type(added) == 'table' then break end
                lacking, turn, run.begun = lacking - 1, run.turn, true
                if not run.first or run.first == run.last then
                    head, run.first = head + 1, nil
                else
                    run.first, run.turn = run.first + 1, run.turn + 1 / run.weight
                    local place = head
                    while runs[place + 1] and runs[place + 1].turn <= run.turn do
                        runs[place] = runs[place + 1]
                        place = place + 1
                    end
                    runs[place] = run
                end
            end
            if not turn then return end
            local rests, begun = {}, {}
            for _, run in ipairs(runs) do
                if run.begun then
                    begun[#begun + 1] = run.member
                    if run.first then
                        rests[#rests + 1] = number(run.turn)
                        rests[#rests + 1] = member(run.first, run.last, run.weight)
                    end
                end
            end
            -- The rest comes before what it is the rest of goes: if only that is done, some jobs are delivered twice.
            if #rests > 0 then redis.call('ZADD', waiting, unpack(rests)) end
            redis.call('ZREM', waiting, unpack(begun))
            turn = math.max(turn, tonumber(redis.call('HGET', shares, '') or 0))
            redis.pcall('HSET', shares, '', number(turn))
        end

        """
}
