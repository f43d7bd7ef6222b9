-- SPDX-License-Identifier: MIT
-- What Lua asks of a system: time, environment, names for files.
local check = require "check"
local test, same = check.test, check.same

test("time goes on", function()
    local first, begin = os.time(), os.clock()
    assert(first >= 0 and math.type(first) == "integer")
    repeat until os.clock() > begin + 0.02
    assert(tonumber(os.date("!%Y")) >= 2024, "the date is that of the machine's clock")
    assert(os.time() >= first and os.difftime(os.time(), first) >= 0)
end)

test("dates are counted right", function()
    same(os.date("!%Y-%m-%d %H:%M:%S", 0), "1970-01-01 00:00:00")
    same(os.date("!%A %d %B %Y, day %j", 951782400), "Tuesday 29 February 2000, day 060")
    local parts = os.date("!*t", 1700000000)
    assert(parts.year == 2023 and parts.month == 11 and parts.day == 14 and parts.hour == 22 and parts.wday == 3)
    same(os.time {year = 2000, month = 3, day = 0, hour = 12}, 951825600)
    same(os.time {year = 1999, month = 14, day = 29, hour = 12}, 951825600)
    check.fails("field 'day' missing", os.time, {year = 2000, month = 1})
end)

test("the environment", function()
    same(os.getenv("GIVEN"), "at_boot")
    same(os.getenv("ABSENT"), nil)
end)

test("names for files that nobody has", function()
    local names = {}
    for i = 1, 5 do
        local name = os.tmpname()
        assert(names[name] == nil and name:sub(1, 5) == "/tmp/", name)
        names[name] = true
        local file <close> = assert(io.open(name, "w"))
    end
    for name in pairs(names) do assert(os.remove(name)) end
end)

test("nobody else runs commands", function()
    same(os.execute(), false)
    local done = os.execute("true")
    same(done, nil)
    check.fails("'popen' not supported", io.popen, "true")
end)

test("arguments", function()
    same(arg[0], "/boot/lua/system.lua")
    same(arg[1], "first")
    same(select('#', table.unpack(arg)), 1)
end)

check.run("system")
