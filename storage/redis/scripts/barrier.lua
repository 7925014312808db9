-- not before -> made, revision, deleted | missing
local c = redis.call('HMGET', channel, 'head', 'deleted')
if not c[1] then return {'missing'} end
local rev = after(c[1], ARGV[5])
tell(rev, c[2] == '1')
redis.call('UNLINK', log)
commit(rev)
return {'made', rev, c[2]}
