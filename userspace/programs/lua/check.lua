-- SPDX-License-Identifier: MIT
-- Tests in Lua: names and functions in order; lines and exit code as userspace/lib/test.h has them.
local check = {}
local tests = {}

function check.test(name, body)
    tests[#tests + 1] = {name = name, body = body}
end

-- The error that a call ends with, as text.
function check.fails(wanted, call, ...)
    local done, message = pcall(call, ...)
    assert(not done, "it did not fail")
    assert(tostring(message):find(wanted, 1, true), "it failed with: " .. tostring(message))
end

function check.same(found, wanted)
    if found ~= wanted then
        error(("found %s, not %s"):format(tostring(found), tostring(wanted)), 2)
    end
end

function check.run(program)
    local failed = 0
    print(("%s: 1..%d"):format(program, #tests))
    for number, test in ipairs(tests) do
        print(("%s: # %d - %s"):format(program, number, test.name))
        local done, message = xpcall(test.body, debug.traceback)
        failed = failed + (done and 0 or 1)
        print(("%s: %sok %d - %s"):format(program, done and "" or "not ", number, test.name))
        if not done then print(("%s: # %s"):format(program, message:match("[^\n]*"))) end
    end
    os.exit(failed == 0, true)
end

return check
