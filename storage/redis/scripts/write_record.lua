-- What every script that writes records has. The second argument is the key.
local key = ARGV[2]
local there = redis.call('HGET', values, key)

local function remove(name, record)
    redis.call('HDEL', values, name)
    redis.call('ZREM', keys, name)
    if expiry(record) ~= zero then redis.call('ZREM', expiries, expiry(record) .. name) end
end

-- Issues a version of the namespace, and removes up to 16 records that have expired.
local function issue()
    local issued = plus(redis.call('HGET', space, 'version') or zero, 0, 1)
    if at > issued then issued = at end
    if redis.call('HSET', space, 'version', issued) == 1 then redis.call('HSET', space, 'born', issued) end
    for _, member in ipairs(redis.call('ZRANGEBYLEX', expiries, '-', '(' .. at .. '\255', 'LIMIT', 0, 16)) do
        local name = string.sub(member, 20)
        remove(name, redis.call('HGET', values, name))
    end
    return issued
end
