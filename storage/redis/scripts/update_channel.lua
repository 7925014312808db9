-- when it last changed, title, access, ended -> made, revision | conflict, fields | missing
local c = redis.call('HMGET', channel, 'head', 'deleted', 'changed')
if not c[1] or c[2] ~= '0' then return {'missing'} end
if c[3] ~= ARGV[5] then return {'conflict', fields()} end
local rev = after(c[1])
tell(rev)
redis.call('HSET', channel, 'title', ARGV[6], 'access', ARGV[7], 'ended', ARGV[8], 'changed', rev)
commit(rev)
return {'made', rev}
