-- SPDX-License-Identifier: MIT
-- Doubles, while others count with doubles on the same core. What is wrong once stays wrong: the map is chaotic.
local check = require "check"
local test, same = check.test, check.same
local steps = 300000

local function logistic(x)
    for _ = 1, steps do x = 3.99 * x * (1.0 - x) end
    return x
end

test("a sum that forgets nothing", function()
    for _ = 1, 3 do
        local x = 0.3
        local alone = logistic(x)
        same(("%a"):format(logistic(x)), ("%a"):format(alone))
    end
    local x = 0.5
    for _ = 1, 100 do x = 3.99 * x * (1.0 - x) end
    same(("%a"):format(x), "0x1.feb84f2a121ep-1")
    same(("%a"):format(logistic(0.3)), "0x1.58a6a500c9166p-1")
end)

test("functions of the C library", function()
    local sum = 0.0
    for i = 1, 20000 do
        local x = i / 1000
        local s, c = math.sin(x), math.cos(x)
        assert(math.abs(s * s + c * c - 1) < 1e-15)
        assert(math.abs(math.exp(math.log(x)) - x) < 1e-13)
        sum = sum + math.sqrt(x) * math.atan(x, 2)
    end
    assert(math.abs(sum - 79947.90707461895) < 1e-6, ("%.17g"):format(sum))
    assert(math.floor(-3.5) == -4 and math.ceil(-3.5) == -3 and math.fmod(-7, 3) == -1 and math.fmod(7, 2.5) == 2.0)
    assert(math.tointeger(3.0) == 3 and math.ult(1, -1) and math.huge > math.maxinteger and -math.huge < math.mininteger)
    assert(2^0.5 == math.sqrt(2) and 8 % 3.5 == 1.0 and 2^1023 * 2 == math.huge and 0 / 0 ~= 0 / 0)
    assert(math.log(8, 2) == 3 and math.log(1000, 10) > 2.999 and math.asin(1) * 2 == math.pi)
    same(5e-324 / 2, 0.0)
    same(2.2250738585072014e-308 / 4 * 2^1000 * 2^24, 1.0)
end)

test("random numbers that can be repeated", function()
    math.randomseed(42)
    local first = {math.random(0), math.random(100), math.random()}
    math.randomseed(42)
    for i, value in ipairs(first) do same(({math.random(0), math.random(100), math.random()})[i] ~= nil, true) end
    math.randomseed(42)
    same(math.random(0), first[1])
    for _ = 1, 1000 do
        local value = math.random()
        assert(value >= 0 and value < 1)
    end
end)

check.run("numbers")
