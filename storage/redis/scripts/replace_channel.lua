-- when it last changed, title, access, ended -> made, revision, fields | same, fields | conflict, fields | missing
local c = redis.call('HMGET', channel, 'head', 'deleted', 'changed', 'title', 'access', 'ended')
if not c[1] or c[2] ~= '0' then return {'missing'} end
if c[3] ~= ARGV[5] then return {'conflict', fields()} end
if c[4] == ARGV[6] and c[5] == ARGV[7] and c[6] == ARGV[8] then return {'same', fields()} end
local rev = after(c[1])
tell(rev)
redis.call('HSET', channel, 'title', ARGV[6], 'access', ARGV[7], 'ended', ARGV[8], 'changed', rev)
commit(rev)
return {'made', rev, fields()}
