-- from, to, how many keys are looked at -> records, {key, record, ...}, the last key if there may be more or empty
local most = tonumber(ARGV[4])
local names = redis.call('ZRANGEBYLEX', keys, '[' .. ARGV[2], '(' .. ARGV[3], 'LIMIT', 0, most)
local list = {}
for _, name in ipairs(names) do
    local found = living(redis.call('HGET', values, name))
    if found then
        list[#list + 1] = name
        list[#list + 1] = found
    end
end
return {'records', list, #names == most and names[most] or ''}
