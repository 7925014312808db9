-- -> made, revision, revisions that are still to be forgotten | missing
local c = redis.call('HMGET', channel, 'head', 'deleted')
if not c[1] or c[2] ~= '0' then return {'missing'} end
local rev = after(c[1])
tell(rev, true)
clear()
redis.call('HSET', channel, 'title', '', 'ended', '', 'deleted', '1')
commit(rev)
return {'made', rev, forget(10000)}
