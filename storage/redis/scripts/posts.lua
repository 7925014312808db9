-- where to begin, how many, only visible, only pinned -> page, head, {id, post, ...} | missing
local c = redis.call('HMGET', channel, 'head', 'deleted')
if not c[1] or c[2] ~= '0' then return {'missing'} end
local bound, most, visible = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local from = ARGV[4] == '1' and pinned or order
local ids, seen, step = {}, 0, 0
repeat
    step = math.max(math.min(most - #ids, 500), 50)
    local members = redis.call('ZREVRANGEBYLEX', from, bound, '-', 'LIMIT', 0, step)
    seen = #members
    for i = 1, seen do
        if #ids < most and (not visible or string.sub(members[i], 56) == '1') then
            ids[#ids + 1] = string.sub(members[i], 20, 55)
        end
    end
    if seen > 0 then bound = '(' .. members[seen] end
until seen < step or #ids == most
local list = {}
values(posts, ids, function(i, post)
    list[2 * i - 1], list[2 * i] = ids[i], post
end)
return {'page', c[1], list}
