-- SPDX-License-Identifier: MIT
-- The collector over the C library's heap, and what becomes of a wish that cannot be granted.
local check = require "check"
local test, same, fails = check.test, check.same, check.fails

local function garbage(rounds)
    local keep = {}
    for i = 1, rounds do
        keep[i % 100] = {("x"):rep(i % 5000), {i}, function() return i end}
    end
    return #keep
end

test("what nobody has is used again", function()
    for _, mode in ipairs {"incremental", "generational"} do
        collectgarbage(mode)
        garbage(2000)
        collectgarbage()
        local before, most = collectgarbage("count"), 0
        for _ = 1, 10 do
            garbage(2000)
            most = math.max(most, collectgarbage("count"))
        end
        collectgarbage()
        assert(collectgarbage("count") < before + 1000, "it has grown")
        assert(most < 30000, "it was " .. most .. " KiB")
    end
    collectgarbage("incremental")
end)

test("weak tables and finalizers", function()
    local weak, ended = setmetatable({}, {__mode = "v"}), 0
    for i = 1, 200 do
        weak[i] = setmetatable({}, {__gc = function() ended = ended + 1 end})
    end
    local kept = weak[7]
    collectgarbage()
    collectgarbage()
    same(ended, 199)
    assert(weak[7] == kept and weak[8] == nil)
end)

test("too much is an error, and not the end", function()
    fails("resulting string too large", string.rep, "x", 1 << 40)
    for _ = 1, 2 do
        fails("not enough memory", string.rep, "x", 1 << 28) -- its account has half of that (userspace/services/manifest.toml)
        local list = {}
        fails("not enough memory", function()
            for i = 1, 100 do list[i] = ("x"):rep(1 << 23 | i) end
        end)
        assert(#list >= 4)
        list = nil
        collectgarbage()
        same(#("x"):rep(1 << 23), 1 << 23)
    end
end)

test("large blocks come and go", function()
    local sum = 0
    for i = 1, 30 do
        local block = string.char(i):rep(1 << 20)
        sum = sum + block:byte(1) + block:byte(1 << 20)
    end
    same(sum, 930)
    local list = {}
    for i = 1, 200000 do list[i] = i end
    for i = 1, 200000 do list[i] = nil end
    same(next(list), nil)
end)

check.run("memory")
