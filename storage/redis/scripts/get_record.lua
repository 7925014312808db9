-- key -> record, the record | missing
local found = living(redis.call('HGET', values, ARGV[2]))
if not found then return {'missing'} end
return {'record', found}
