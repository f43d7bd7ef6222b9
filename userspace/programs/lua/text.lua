-- SPDX-License-Identifier: MIT
-- Text: formats and conversions of the C library, patterns, packed records, UTF-8.
local check = require "check"
local test, same, fails = check.test, check.same, check.fails

test("formats of the C library", function()
    same(("%5d|%-5d|%05d|%+d|%x|%X|%#o|%c"):format(42, 42, 42, 42, 255, 255, 8, 65), "   42|42   |00042|+42|ff|FF|010|A")
    same(("%d %i"):format(math.maxinteger, math.mininteger), "9223372036854775807 -9223372036854775808")
    same(("%.3f %8.2f %e %g %g %g"):format(math.pi, -2.5, 12345.678, 1e20, 0.1, 1e-5),
         "3.142    -2.50 1.234568e+04 1e+20 0.1 1e-05")
    same(("%.14g %.17g %.0f"):format(0.1, 0.1, 2.5), "0.1 0.10000000000000001 2")
    same(("%f %g %g %g"):format(1e15, 1 / 0, -1 / 0, 2^53), "1000000000000000.000000 inf -inf 9.0072e+15")
    assert(("%g"):format(0 / 0):find("nan"))
    same(("%a %a"):format(1, 0.5), "0x1p+0 0x1p-1")
    same(("%10.4s|%-10s|%s|%%"):format("truncated", "left", nil), "      trun|left      |nil|%")
    same(("%q"):format('a "quoted"\nline\0'), '"a \\"quoted\\"\\\nline\\0"')
    fails("number has no integer representation", string.format, "%d", 1.5)
end)

test("numbers from text and back", function()
    for _, case in ipairs {{"0x10", 16}, {"1e2", 100.0}, {"  7  ", 7}, {"0x.8p1", 1.0}, {"0x1p-2", 0.25}, {".5", 0.5},
                           {"9223372036854775807", math.maxinteger}, {"9223372036854775808", 2^63}} do
        same(tonumber(case[1]), case[2])
        same(math.type(tonumber(case[1])), math.type(case[2]))
    end
    for _, bad in ipairs {"", "1x", "0x", "1e", "- 1", "inf", "nan"} do same(tonumber(bad), nil) end
    same(tonumber("zz", 36), 1295)
    same(tonumber("8", 8), nil)
    for i = -300, 300, 7 do
        local value = (1 + i / 1000) * 10.0 ^ i
        same(tonumber(("%.17g"):format(value)), value)
    end
    same(1e15 .. " " .. 2^63 .. " " .. -0.0 .. " " .. 3, "1e+15 9.2233720368548e+18 -0.0 3")
    same("10" + 5, 15)
    same(10 // 3 .. " " .. 10.0 // 3 .. " " .. -7 % 3 .. " " .. 7 // -2, "3 3.0 2 -4")
    same(1 << 63, math.mininteger)
    same(~0 >> 60, 15)
end)

test("patterns", function()
    same(("key = value"):match("^(%w+)%s*=%s*(%w+)$"), "key")
    same(("hello world"):gsub("o", {o = "0"}), "hell0 w0rld")
    same(("THE (quick) fox"):find("%((%a+)%)"), 5)
    same(("abc"):gsub("%w", "%0%0"), "aabbcc")
    same(("[[x]] f(a(b)c)"):match("%b()"), "(a(b)c)")
    same(("THE fox"):gsub("%f[%a]%a+", string.lower), "the fox")
    local words = {}
    for word in ("one two  three"):gmatch("%S+") do words[#words + 1] = word end
    same(table.concat(words, "+"), "one+two+three")
    fails("malformed pattern", string.find, "a", "[a")
    same(("x"):rep(3, ","), "x,x,x")
    same(("spoor"):reverse():upper():sub(-3, -2), "OP")
    same(("a\0b"):byte(1, -1), 97)
    same(#("x"):rep(1000000), 1000000)
end)

test("records, packed and unpacked", function()
    local record = string.pack("<I2 i4 d z s1 >I8 !8 xXd", 513, -2, 1.5, "zero", "counted", 1)
    local a, b, c, d, e, f = string.unpack("<I2 i4 d z s1 >I8", record)
    assert(a == 513 and b == -2 and c == 1.5 and d == "zero" and e == "counted" and f == 1)
    same(string.pack(">I4", 0x01020304), "\1\2\3\4")
    same(string.pack("<f", 1):byte(4), 0x3f)
    same(string.packsize("<!4 b i8 h"), 16 - 2)
    same(string.unpack("<j", string.pack("<j", math.mininteger)), math.mininteger)
    fails("overflow", string.pack, "I1", 256)
    fails("data string too short", string.unpack, "<I4", "abc")
end)

test("UTF-8", function()
    local text = "Spur, trace: \u{7DDA}\u{1F43E} \u{E9}"
    same(utf8.len(text), 17)
    same(utf8.char(0x7DDA, 0x1F43E), "\u{7DDA}\u{1F43E}")
    local points = {}
    for _, point in utf8.codes("a\u{20AC}\u{1F43E}") do points[#points + 1] = ("%X"):format(point) end
    same(table.concat(points, " "), "61 20AC 1F43E")
    same(utf8.codepoint("\u{20AC}"), 0x20AC)
    same(utf8.offset("a\u{20AC}b", 3), 5)
    local none, at = utf8.len("ab\xff")
    assert(none == nil and at == 3)
end)

test("order of text", function()
    local list = {"b", "a\0b", "B", "a", "a\0a", "", "aa"}
    table.sort(list)
    same(table.concat(list, ","), ",B,a,a\0a,a\0b,aa,b")
    assert(os.setlocale() == "C" and os.setlocale("C", "numeric") == "C")
end)

check.run("text")
