-- born, head, changed, floor, deleted, title, access, created, ended, {revision, remembered, kind, id, post or message
-- ID} ... -> made | conflict
local born, head, floor, deleted = ARGV[5], ARGV[6], ARGV[8], ARGV[9] == '1'
local c = redis.call('HMGET', channel, 'head', 'born')
if c[1] and c[2] == born and c[1] > head then return {'conflict'} end
tell(head, deleted)
if c[1] and c[2] ~= born then redis.call('UNLINK', log) end
if deleted or c[1] and c[2] ~= born then clear() end
redis.call('HSET', channel, 'born', born, 'head', head, 'changed', ARGV[7], 'deleted', ARGV[9], 'title', ARGV[10],
    'access', ARGV[11], 'created', ARGV[12], 'ended', ARGV[13])
for n = 14, #ARGV, 5 do
    local rev, kind, id, value = ARGV[n], ARGV[n + 2], ARGV[n + 3], ARGV[n + 4]
    if ARGV[n + 1] == '1' then redis.call('ZADD', log, 0, rev) end
    if kind ~= '' then
        local there = redis.call('HGET', posts, id)
        if there then
            drop(id, there)
            redis.call('HDEL', posts, id)
        end
        local tomb = redis.call('HGET', tombs, id)
        if tomb then
            redis.call('HDEL', tombs, id)
            redis.call('ZREM', state, revision(tomb) .. 'r' .. id)
        end
        if kind == 'p' then
            put(id, value)
            local text = message(value)
            if text ~= '' then redis.call('HSET', messages, text, id) end
        else
            bury(id, rev, value)
        end
    end
end
redis.call('ZADD', log, 0, head)
redis.call('ZREMRANGEBYLEX', log, '-', '(' .. floor)
return {'made'}
