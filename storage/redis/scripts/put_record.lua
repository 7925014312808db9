-- the version that it replaces (zero: none), expiry (zero: never), how long it lives (zero: until expiry), value
--   -> made, version, expiry | conflict
local now = living(there)
if (now and version(now) or zero) ~= ARGV[3] then return {'conflict'} end
local ends = ARGV[4]
if ARGV[5] ~= zero then ends = plus(at, tonumber(string.sub(ARGV[5], 1, 10)), tonumber(string.sub(ARGV[5], 11))) end
if there then remove(key, there) end
local issued = issue()
redis.call('HSET', values, key, issued .. ends .. ARGV[6])
redis.call('ZADD', keys, 0, key)
if ends ~= zero then redis.call('ZADD', expiries, 0, ends .. key) end
return {'made', issued, ends}
