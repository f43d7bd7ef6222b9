-- SPDX-License-Identifier: MIT
-- The language itself: what stands on setjmp and on the stack most of all.
local check = require "check"
local test, same, fails = check.test, check.same, check.fails

test("closures keep what they have seen", function()
    local counters = {}
    for i = 1, 10 do
        local count = i
        counters[i] = {up = function() count = count + 1 end, get = function() return count end}
    end
    for i = 1, 10 do
        for _ = 1, i do counters[i].up() end
    end
    for i = 1, 10 do same(counters[i].get(), 2 * i) end
end)

test("errors go to whoever protects", function()
    local function thrower(depth)
        if depth == 0 then error({code = 42}) end
        local result = thrower(depth - 1)
        return result
    end
    for depth = 0, 150, 10 do
        local done, what = pcall(thrower, depth)
        same(done, false)
        same(what.code, 42)
    end
    fails("attempt to index a nil value (local 'x')", function(x) return x.y end)
    fails("attempt to perform 'n%", function(n) return 1 % n end, 0)
    local done, text = xpcall(error, function(message) return "handled " .. message end, "this")
    assert(not done and text == "handled this")
    local function nest(n) return n == 0 and "bottom" or select(2, pcall(nest, n - 1)) end
    same(nest(100), "bottom")
end)

test("a stack that ends is an error", function()
    local function forever(n) return 1 + forever(n + 1) end
    fails("stack overflow", forever, 1)
    local text = ("x"):rep(10)
    local function through_c(n) return (text:gsub("x", function() return through_c(n + 1) end, 1)) end
    fails("C stack overflow", through_c, 1)
    local deep = ("("):rep(250) .. "1" .. (")"):rep(250)
    local chunk, message = load("return " .. deep)
    assert(chunk == nil and message:find("overflow", 1, true))
    same(load("return " .. ("("):rep(150) .. "1" .. (")"):rep(150))(), 1)
end)

test("coroutines give and take", function()
    local function primes(limit)
        return coroutine.wrap(function()
            local composite = {}
            for n = 2, limit do
                if not composite[n] then
                    coroutine.yield(n)
                    for m = n * n, limit, n do composite[m] = true end
                end
            end
        end)
    end
    local sum = 0
    for p in primes(1000) do sum = sum + p end
    same(sum, 76127)
    local co = coroutine.create(function(a, b)
        local c = coroutine.yield(a + b)
        local d, e = coroutine.yield(a - b + c)
        error("end " .. d .. e)
    end)
    same(select(2, coroutine.resume(co, 5, 3)), 8)
    same(select(2, coroutine.resume(co, 10)), 12)
    local done, message = coroutine.resume(co, "x", "y")
    assert(not done and message:find("end xy", 1, true))
    same(coroutine.status(co), "dead")
end)

test("many coroutines at once", function()
    local all = {}
    for i = 1, 500 do
        all[i] = coroutine.create(function(n)
            while true do n = n + coroutine.yield(pcall(function() return coroutine.yield(n) or n end)) end
        end)
    end
    for i, co in ipairs(all) do same(select(2, coroutine.resume(co, i)), i) end
    for i, co in ipairs(all) do
        local done, inner, value = coroutine.resume(co, 2 * i)
        assert(done and inner and value == 2 * i)
    end
end)

test("metatables and variables that are closed", function()
    local vector = {}
    vector.__index = vector
    vector.__add = function(a, b) return setmetatable({a[1] + b[1], a[2] + b[2]}, vector) end
    vector.__eq = function(a, b) return a[1] == b[1] and a[2] == b[2] end
    vector.__tostring = function(v) return "(" .. v[1] .. " " .. v[2] .. ")" end
    local sum = setmetatable({1, 2}, vector) + setmetatable({3, 4}, vector)
    assert(sum == setmetatable({4, 6}, vector) and tostring(sum) == "(4 6)")
    local order = {}
    local function closes(name) return setmetatable({}, {__close = function() order[#order + 1] = name end}) end
    pcall(function()
        local a <close> = closes("a")
        local b <close> = closes("b")
        error("out")
    end)
    same(table.concat(order), "ba")
end)

test("sorting, with an order of one's own", function()
    local list, state = {}, 1
    for i = 1, 2000 do
        state = (state * 1103515245 + 12345) % 2147483648
        list[i] = state
    end
    table.sort(list)
    for i = 2, #list do assert(list[i - 1] <= list[i]) end
    table.sort(list, function(a, b) return a > b end)
    for i = 2, #list do assert(list[i - 1] >= list[i]) end
    fails("invalid order function", table.sort, list, function() return true end)
    same(table.concat(table.move({1, 2, 3}, 1, 3, 2), ","), "1,1,2,3")
    same(select("#", table.unpack({}, 1, 200)), 200)
end)

test("code is text, and can be kept", function()
    local add = assert(load("local a, b = ...; return a + b"))
    same(load(string.dump(add), "dumped", "b")(2, 3), 5)
    local chunk, message = load("x = = 1", "=chunk")
    assert(chunk == nil and message:find("chunk:1: unexpected symbol near '='", 1, true))
    local there = {}
    load("y = 7", "set", "t", there)()
    assert(there.y == 7 and y == nil)
end)

check.run("language")
