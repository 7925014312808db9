-- since, limit (0: none), how many revisions -> changes, fields, known, floor, truncated, {revision, newest first}, {kind, id, post or revision, ...}
--   | missing
local c = fields()
local head = c[5]
if not head then return {'missing'} end
local since, limit = ARGV[1], tonumber(ARGV[2])
local known = redis.call('ZSCORE', log, since) and '1' or '0'
if c[8] ~= '0' then return {'changes', c, known, zero, '0', {}, {}} end
local floor = redis.call('ZRANGE', log, 0, 0)[1] or head
-- Of what is forgotten nothing can be told. '~' is after the kinds.
local begin, beginning = '(' .. since, '(' .. since .. '~'
if since < floor then begin, beginning = '[' .. floor, '[' .. floor end
local members = redis.call('ZRANGEBYLEX', state, beginning, '+', 'LIMIT', 0, limit > 0 and limit + 1 or -1)
if limit > 0 and #members > limit then return {'changes', c, known, floor, '1', {}, {}} end
local ids, list = {}, {}
for i, member in ipairs(members) do
    ids[i] = string.sub(member, 21)
    list[3 * i - 2], list[3 * i - 1], list[3 * i] = string.sub(member, 20, 20), ids[i], revision(member)
end
values(posts, ids, function(i, post)
    if post then list[3 * i] = post end
end)
local issued = redis.call('ZREVRANGEBYLEX', log, '+', begin, 'LIMIT', 0, ARGV[3])
return {'changes', c, known, floor, '0', issued, list}
