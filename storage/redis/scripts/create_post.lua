-- id, message ID, created (empty: now), flags, source with its length, version and words, the last possible created
--   -> made, revision | exists, id, post | deleted | missing | late
local c = redis.call('HMGET', channel, 'head', 'deleted')
if not c[1] or c[2] ~= '0' then return {'missing'} end
local id, text, created = ARGV[5], ARGV[6], ARGV[7]
local taken = text ~= '' and redis.call('HGET', messages, text) or id
local there = redis.call('HGET', posts, taken)
if there then return {'exists', taken, there} end
if redis.call('HEXISTS', tombs, taken) == 1 then return {'deleted'} end
local rev = after(c[1])
if created == '' then
    created = timed(rev)
    if created > ARGV[10] then return {'late'} end
end
tell(rev)
put(id, rev .. created .. created .. ARGV[8] .. string.format('%03d', #text) .. text .. ARGV[9])
if text ~= '' then redis.call('HSET', messages, text, id) end
commit(rev)
return {'made', rev}
