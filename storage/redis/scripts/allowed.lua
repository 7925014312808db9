-- commands of the scripts that this user may not use -> {command, ...}
local refused = {}
for _, command in ipairs({
    {'TIME'}, {'PUBLISH', ARGV[1], 'x'}, {'EXISTS', channel}, {'UNLINK', log}, {'HGET', posts, 'x'},
    {'HMGET', channel, 'x'}, {'HSET', posts, 'x', 'x'}, {'HDEL', posts, 'x'}, {'HEXISTS', tombs, 'x'},
    {'ZADD', log, '0', 'x'}, {'ZREM', order, 'x'}, {'ZCARD', log}, {'ZSCORE', log, 'x'}, {'ZRANGE', log, '0', '0'},
    {'ZLEXCOUNT', log, '-', '+'}, {'ZRANGEBYLEX', state, '-', '+'}, {'ZREVRANGEBYLEX', pinned, '+', '-'},
    {'ZREMRANGEBYRANK', log, '0', '0'}, {'ZREMRANGEBYLEX', log, '-', '+'},
}) do
    if not redis.acl_check_cmd(unpack(command)) then refused[#refused + 1] = command[1] end
end
return refused
