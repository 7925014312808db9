-- What every script that writes has. Its first arguments are the time (empty: the server's), where hints go, the
-- channel's ID, and whether to prune the log.
local at, topic, name, pruning = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
if at == '' then
    local t = redis.call('TIME')
    at = string.format('%013d%06d', t[1], t[2])
end

-- The revision after head, not before the time, nor before least.
local function after(head, least)
    local rev = plus(head, 0, 1)
    if rev > '9223372036854775807' then error('no revision is left after ' .. head) end
    if at > rev then rev = at end
    if least and least > rev then rev = least end
    return rev
end

-- Hints come first: a user who may not publish is refused before anything is written. They leave the server with the
-- script's answer, when the log is on disk as appendfsync has it.
local function tell(rev, deleted) redis.call('PUBLISH', topic, name .. ' ' .. rev .. ' ' .. (deleted and '1' or '0')) end

-- Takes at most so many revisions out of the log that are older and more than a store has to remember, and returns how many
-- of those are left. scripts.go says what remember, long and rest are.
local function forget(most)
    local old = redis.call('ZCARD', log) - remember
    if old <= 0 then return 0 end
    local a, b = tonumber(string.sub(at, 1, 10)) - long, tonumber(string.sub(at, 11)) - rest
    if b < 0 then a, b = a - 1, b + 1000000000 end
    if a < 0 then return 0 end
    old = math.min(old, redis.call('ZLEXCOUNT', log, '-', string.format('(%010d%09d', a, b)))
    local n = math.min(old, most)
    if n > 0 then redis.call('ZREMRANGEBYRANK', log, 0, n - 1) end
    return old - n
end

local function commit(rev)
    redis.call('HSET', channel, 'head', rev)
    redis.call('ZADD', log, 0, rev)
    if pruning then forget(1000) end
end

local function put(id, post)
    local member = place(id, post)
    redis.call('HSET', posts, id, post)
    redis.call('ZADD', order, 0, member)
    if is_pinned(post) then redis.call('ZADD', pinned, 0, member) end
    redis.call('ZADD', state, 0, revision(post) .. 'p' .. id)
end

-- Takes a post out of the indices.
local function drop(id, post)
    local member = place(id, post)
    redis.call('ZREM', order, member)
    if is_pinned(post) then redis.call('ZREM', pinned, member) end
    redis.call('ZREM', state, revision(post) .. 'p' .. id)
end

local function bury(id, rev, text)
    redis.call('HSET', tombs, id, rev .. text)
    redis.call('ZADD', state, 0, rev .. 'r' .. id)
    if text ~= '' then redis.call('HSET', messages, text, id) end
end

local function clear() redis.call('UNLINK', posts, order, pinned, state, messages, tombs) end
