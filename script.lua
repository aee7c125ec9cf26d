-- script.lua [N]: tables, closures, strings, patterns, metatables and numbers, N rounds (default 2000).
local rounds = tonumber(arg[1]) or 2000

local state = 88172645463325252
local function random(limit)
    state = state ~ (state << 13)
    state = state ~ (state >> 7)
    state = state ~ (state << 17)
    return (state >> 1) % limit
end

local Vector = {}
Vector.__index = Vector
Vector.__add = function(a, b) return setmetatable({ x = a.x + b.x, y = a.y + b.y }, Vector) end
function Vector:length() return math.sqrt(self.x * self.x + self.y * self.y) end

local counts, words = {}, {}
local position = setmetatable({ x = 0.0, y = 0.0 }, Vector)
for i = 1, rounds do
    local r = random(500)
    local key = string.format("key-%d", r)
    if not counts[key] then
        words[#words + 1] = key
    end
    counts[key] = (counts[key] or 0) + 1
    position = position + setmetatable({ x = r / 500 - 0.5, y = random(7) - 3.0 }, Vector)
    if i % 50 == 0 then
        local text = table.concat(words, " ", math.max(1, #words - 20))
        local digits = 0
        for digit in text:gmatch("%d") do digits = digits + tonumber(digit) end
        counts.digits = (counts.digits or 0) + digits
    end
end

table.sort(words, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
end)

local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end

print("words: " .. #words .. ", digits: " .. (counts.digits or 0))
for i = 1, math.min(3, #words) do print("  " .. words[i], counts[words[i]]) end
print(string.format("length: %.9f", position:length()))
print("fib(16): " .. fib(16))
