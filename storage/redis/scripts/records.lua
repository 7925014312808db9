-- What every script on records begins with. KEYS are those of one namespace, in the order of recordKeys (records.go). The
-- first argument is the time (empty: the server's).
local space, values, keys, expiries = unpack(KEYS)

local at = ARGV[1]
if at == '' then
    local t = redis.call('TIME')
    at = string.format('%013d%06d', t[1], t[2])
end

-- A record is stored as version, expiry (zero: never) and value.
local function version(record) return string.sub(record, 1, 19) end
local function expiry(record) return string.sub(record, 20, 38) end

-- The record, nil if there is none or it has expired.
local function living(record)
    if record and (expiry(record) == zero or expiry(record) > at) then return record end
end
