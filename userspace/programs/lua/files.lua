-- SPDX-License-Identifier: MIT
-- Files in the RAM file system and in the boot image, through the C library's streams.
local check = require "check"
local test, same = check.test, check.same
local folder = "/tmp/lua"

test("written, and read back", function()
    local file = assert(io.open(folder .. ".text", "w"))
    same(io.type(file), "file")
    assert(file:write("first line\n", 42, " ", 2.5, "\n", "last, without an end"))
    same(file:seek("cur"), 38)
    assert(file:close())
    same(io.type(file), "closed file")
    local lines = {}
    for line in io.lines(folder .. ".text") do lines[#lines + 1] = line end
    same(table.concat(lines, "|"), "first line|42 2.5|last, without an end")
    file = assert(io.open(folder .. ".text"))
    same(file:read("L"), "first line\n")
    local a, b = file:read("n", "n")
    assert(a == 42 and b == 2.5)
    same(file:read("l"), "")
    same(file:read("a"), "last, without an end")
    same(file:read("a"), "")
    same(file:read("l"), nil)
    assert(file:close())
end)

test("bytes of all values, in pieces", function()
    local all = {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    local block = table.concat(all)
    local file = assert(io.open(folder .. ".bytes", "w+b"))
    for _ = 1, 400 do assert(file:write(block)) end
    same(file:seek("end"), 102400)
    same(file:seek("set", 256 * 100 + 65), 25665)
    same(file:read(3), "ABC")
    same(file:seek("cur", -1), 25667)
    assert(file:write("!"))
    file:seek("set")
    local sum, size = 0, 0
    for piece in file:lines(1000) do
        size = size + #piece
        for i = 1, #piece do sum = (sum * 31 + piece:byte(i)) % 1000003 end
    end
    same(size, 102400)
    file:seek("set", 25665)
    same(file:read(3), "AB!")
    assert(file:close())
    same(#assert(io.open(folder .. ".bytes", "rb")):read("a"), 102400)
end)

test("added at the end, changed in the middle", function()
    for i = 1, 20 do
        local file <close> = assert(io.open(folder .. ".log", "a"))
        assert(file:write(i, "\n"))
    end
    local file = assert(io.open(folder .. ".log", "r+"))
    assert(file:seek("set", 2) and file:write("X") and file:close())
    local text = assert(io.open(folder .. ".log")):read("a")
    same(text:sub(1, 8), "1\nX\n3\n4\n")
    same(#text, 9 * 2 + 11 * 3)
end)

test("buffers as one wants them", function()
    local file = assert(io.open(folder .. ".buffer", "w"))
    local reader = assert(io.open(folder .. ".buffer"))
    assert(file:setvbuf("full", 4096) and file:write("unseen"))
    same(reader:read("a"), "")
    assert(file:flush())
    same(reader:read("a"), "unseen")
    assert(file:setvbuf("no") and file:write("seen"))
    same(reader:read("a"), "seen")
    file:close()
    reader:close()
end)

test("standard streams can be others", function()
    local before = io.output()
    io.output(folder .. ".out")
    io.write("to ", "a file")
    io.close()
    io.output(before)
    io.input(folder .. ".out")
    same(io.read("a"), "to a file")
    io.close(io.input())
    io.input(io.stdin)
end)

test("what cannot be opened says why", function()
    local file, message, number = io.open("/tmp/none/at/all")
    assert(file == nil and message == "/tmp/none/at/all: No such file or directory" and number == 2)
    file, message = io.open("/boot/LICENSE", "w")
    assert(file == nil and message:find("Read-only file system", 1, true), message)
    check.fails("No such file or directory", io.lines, "/nowhere")
    file = assert(io.open(folder .. ".text"))
    local done, why = file:write("x")
    assert(done == nil and why:find("Bad file", 1, true), why)
    file:close()
    check.fails("attempt to use a closed file", file.read, file)
end)

test("the boot image can be read", function()
    local file <close> = assert(io.open("/boot/LICENSE"))
    same(file:read(), "MIT License")
    assert(#file:read("a") > 500)
end)

test("a file without a name", function()
    local file = assert(io.tmpfile())
    assert(file:write("kept") and file:seek("set"))
    same(file:read("a"), "kept")
    file:close()
end)

test("modules are found in files, once", function()
    local file <close> = assert(io.open("/tmp/luamodule.lua", "w"))
    assert(file:write("local name, path = ...; count = (count or 0) + 1; return {name = name, path = path}"))
    file:flush()
    local module, path = require("luamodule")
    assert(module.name == "luamodule" and path == "/tmp/luamodule.lua" and require("luamodule") == module and count == 1)
    check.fails("module 'absent' not found", require, "absent")
    same(dofile("/tmp/luamodule.lua").name, nil)
    same(count, 2)
end)

test("names come and go", function()
    assert(os.rename(folder .. ".log", folder .. ".moved"))
    same(io.open(folder .. ".log"), nil)
    for _, ending in ipairs {"text", "bytes", "moved", "buffer", "out"} do assert(os.remove(folder .. "." .. ending)) end
    local done, message = os.remove(folder .. ".text")
    assert(done == nil and message:find("No such file", 1, true))
    assert(os.remove("/tmp/luamodule.lua"))
end)

check.run("files")
