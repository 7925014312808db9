-- its version -> made | conflict | missing
if not living(there) then return {'missing'} end
if version(there) ~= ARGV[3] then return {'conflict'} end
remove(key, there)
issue()
return {'made'}
