-- after, limit -> records, {revision, remembered, kind or empty, id, post or tombstone, ...} | missing
if redis.call('EXISTS', channel) == 0 then return {'missing'} end
local limit = tonumber(ARGV[2])
local issued = redis.call('ZRANGEBYLEX', log, '(' .. ARGV[1], '+', 'LIMIT', 0, limit)
local members = redis.call('ZRANGEBYLEX', state, '(' .. ARGV[1] .. '~', '+', 'LIMIT', 0, limit)
local list, i, j = {}, 1, 1
for n = 1, math.min(limit, #issued + #members) do
    local rev, member = issued[i], members[j]
    if not rev and not member then break end
    local remembered, kind, id, value = '0', '', '', ''
    if member and (not rev or revision(member) <= rev) then
        kind, id, j = string.sub(member, 20, 20), string.sub(member, 21), j + 1
        value = redis.call('HGET', kind == 'p' and posts or tombs, id)
    end
    if rev and (kind == '' or revision(member) == rev) then
        remembered, i = '1', i + 1
    else
        rev = revision(member)
    end
    list[5 * n - 4], list[5 * n - 3], list[5 * n - 2], list[5 * n - 1], list[5 * n] = rev, remembered, kind, id, value
end
return {'records', list}
