-- Revisions and times are texts of 19 digits: their order is that of the numbers, also where a double is not exact.
local zero = '0000000000000000000'

local function plus(number, high, low)
    local a = tonumber(string.sub(number, 1, 10)) + high
    local b = tonumber(string.sub(number, 11)) + low
    if b >= 1000000000 then a, b = a + 1, b - 1000000000 end
    return string.format('%010d%09d', a, b)
end

