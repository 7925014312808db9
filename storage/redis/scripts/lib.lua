-- What every script begins with. KEYS are those of one channel, in the order of keysOf (scripts.go).
local channel, posts, order, pinned, state, messages, tombs, log = unpack(KEYS)

-- The time of a revision as posts and channels have it: microseconds since the year 1 (see bias in rows.go).
local function timed(rev) return plus(rev, 62135596, 800000000) end

local function fields()
    return redis.call('HMGET', channel, 'title', 'access', 'created', 'ended', 'head', 'changed', 'born', 'deleted')
end

-- A post is stored as revision, created and modified of 19 digits each; show, pinned and key event as three flags; message
-- ID and source, each after its length of three digits; the version of 20 digits; and the words, which are JSON.
local function revision(post) return string.sub(post, 1, 19) end
local function flags(post) return string.sub(post, 58, 60) end
local function is_pinned(post) return string.sub(post, 59, 59) == '1' end
local function message(post) return string.sub(post, 64, 63 + tonumber(string.sub(post, 61, 63))) end

-- Message ID and source with their lengths, the version, and the words.
local function parts(post)
    local source = 64 + tonumber(string.sub(post, 61, 63))
    local version = source + 3 + tonumber(string.sub(post, source, source + 2))
    return string.sub(post, 61, version - 1), string.sub(post, version, version + 19), string.sub(post, version + 20)
end

local function place(id, post) return string.sub(post, 20, 38) .. id .. string.sub(post, 58, 58) end

-- Many values of a hash: unpack has a limit.
local function values(hash, ids, each)
    for first = 1, #ids, 500 do
        local last = math.min(first + 499, #ids)
        local found = redis.call('HMGET', hash, unpack(ids, first, last))
        for i = 1, last - first + 1 do each(first + i - 1, found[i]) end
    end
end
