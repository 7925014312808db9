-- id, its revision, created (empty: stays), flags, version, words -> made, revision, post without words | same, post
--   | conflict, post | missing
local id = ARGV[5]
local there = redis.call('HGET', posts, id)
if not there then return {'missing'} end
if revision(there) ~= ARGV[6] then return {'conflict', there} end
local before, names, version, words = string.sub(there, 20, 38), parts(there)
local created = ARGV[7] ~= '' and ARGV[7] or before
local reworded = words ~= ARGV[10]
if not reworded and created == before and flags(there) == ARGV[8] and version == ARGV[9] then return {'same', there} end
local rev = after(redis.call('HGET', channel, 'head'))
local modified = string.sub(there, 39, 57)
if reworded then
    modified = timed(rev)
elseif modified == before then
    modified = created
end
local post = rev .. created .. modified .. ARGV[8] .. names .. ARGV[9]
tell(rev)
drop(id, there)
put(id, post .. ARGV[10])
commit(rev)
return {'made', rev, post}
