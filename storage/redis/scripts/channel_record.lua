-- -> record, fields, floor | missing
local c = fields()
if not c[5] then return {'missing'} end
return {'record', c, redis.call('ZRANGE', log, 0, 0)[1] or c[5]}
