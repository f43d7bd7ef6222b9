/* SPDX-License-Identifier: MIT */
/*
 * Tests that run inside the system. A program says how many it has and how each ends, a line each, as TAP has them (version 14) behind
 * the program's name; `spoor test` collects them.
 *
 *     static void a_closed_handle_is_refused(void)         handles: 1..2
 *     {                                                    handles: # 1 - a closed handle is refused
 *         CHECK(...);                                      handles: ok 1 - a closed handle is refused
 *         CHECK_GIVES(ERR_BAD_HANDLE, sys_...(...));       handles: # 2 - ...
 *     }                                                    handles: not ok 2 - ...
 *                                                          handles: # CHECK(x == 1), userspace/programs/.../handles.c:12
 *     static const struct test tests[] = {TEST(a_closed_handle_is_refused), ...};
 *     return TESTS_RUN(program.name, tests);
 *
 * A CHECK that fails ends its test and no other. VERIFY() and must() (check.h) end the program: the test that was begun last has failed
 * then, and those behind it do not run; the same holds for a fault.
 */
#pragma once

#include "userspace/lib/check.h"

struct test {
    const char *name; /* a sentence, with _ between its words */
    void (*run)(void);
};

#define TEST(function)                                                                             \
    {                                                                                              \
#function, function                                                                        \
    }

/* tests_run() - all of them, one after the other, in lines under this name; what main() returns: 0 if none has failed. */
int tests_run(const char *name, const struct test *tests, unsigned count);
#define TESTS_RUN(name, tests) tests_run(name, tests, sizeof(tests) / sizeof((tests)[0]))

/* CHECK(), CHECK_GIVES() - in the function of a test itself: it returns if this does not hold, or the call gives another status. */
#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            test_failed("CHECK(%s), %s:%d", #x, __FILE__, __LINE__);                               \
            return;                                                                                \
        }                                                                                          \
    } while (0)
#define CHECK_GIVES(wanted, call)                                                                  \
    do {                                                                                           \
        status_t check_status_given = (call);                                                      \
        if (check_status_given != (wanted)) {                                                      \
            test_failed("%s gives %s, %s:%d", #call, status_name(check_status_given), __FILE__,    \
                        __LINE__);                                                                 \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* test_failed() - the running test has failed, for this reason. test_skipped() - it cannot be made here. */
void test_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
void test_skipped(const char *why);
