-- title, access, ended -> made, revision | exists, fields
local c = redis.call('HMGET', channel, 'head', 'deleted')
if c[1] and c[2] == '0' then return {'exists', fields()} end
local rev = after(c[1] or zero)
tell(rev)
redis.call('UNLINK', log)
redis.call('HSET', channel, 'title', ARGV[5], 'access', ARGV[6], 'ended', ARGV[7], 'created', timed(rev),
    'changed', rev, 'born', rev, 'deleted', '0')
commit(rev)
return {'made', rev}
