-- id, its revision, created, modified (empty: now), show, pinned, the rest -> made, revision | conflict, post | missing
local id = ARGV[5]
local there = redis.call('HGET', posts, id)
if not there then return {'missing'} end
if revision(there) ~= ARGV[6] then return {'conflict', there} end
local rev = after(redis.call('HGET', channel, 'head'))
local modified = ARGV[8] ~= '' and ARGV[8] or timed(rev)
local text = message(there)
tell(rev)
drop(id, there)
put(id, rev .. ARGV[7] .. modified .. ARGV[9] .. ARGV[10] .. string.format('%03d', #text) .. text .. ARGV[11])
commit(rev)
return {'made', rev}
