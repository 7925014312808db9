-- id, its revision (empty: any) -> made, revision | conflict | missing
local id = ARGV[5]
local there = redis.call('HGET', posts, id)
if not there then return {'missing'} end
if ARGV[6] ~= '' and revision(there) ~= ARGV[6] then return {'conflict'} end
local rev = after(redis.call('HGET', channel, 'head'))
tell(rev)
drop(id, there)
redis.call('HDEL', posts, id)
bury(id, rev, message(there))
commit(rev)
return {'made', rev}
