-- message ID -> post, id, post | deleted | missing
local id = redis.call('HGET', messages, ARGV[1])
if not id then return {'missing'} end
local there = redis.call('HGET', posts, id)
if there then return {'post', id, there} end
return {'deleted'}
