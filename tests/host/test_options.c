/* SPDX-License-Identifier: MIT */
/* The command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gen/trace_events.h"
#include "init/options.h"

static const struct {
    const char *cmdline, *key, *value; /* value NULL: not found */
} cases[] = {
    {"", "a", NULL},
    {"a=1", "a", "1"},
    {"  a=1\n", "a", "1"},
    {"ab=1", "a", NULL},
    {"b a c", "a", ""},
    {"a=1 a=2", "a", "2"},
    {"x=a=1", "a", NULL},
    {"a=", "a", ""},
    {"a=123456789", "a", "1234567"},
    {"b=1 aa=2 a=3\tc", "a", "3"},
};

static void values(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        char value[8];
        bool found = option_value(cases[i].cmdline, cases[i].key, value, sizeof(value));
        assert_int_equal(found, cases[i].value != NULL);
        if (found) {
            assert_string_equal(value, cases[i].value);
        }
    }
}

static void trace_categories_by_name(void **state)
{
    (void)state;
    char unknown[8];
    assert_int_equal(option_trace_categories("quiet", unknown, sizeof(unknown)),
                     TRACE_CATEGORIES_ALL);
    assert_int_equal(option_trace_categories("trace=all", unknown, sizeof(unknown)),
                     TRACE_CATEGORIES_ALL);
    assert_int_equal(option_trace_categories("trace=none", unknown, sizeof(unknown)), 0);
    assert_string_equal(unknown, "");
    assert_int_equal(option_trace_categories("trace=ipc,sched", unknown, sizeof(unknown)),
                     TRACE_CATEGORY_IPC | TRACE_CATEGORY_SCHED);
    assert_string_equal(unknown, "");
    assert_int_equal(
        option_trace_categories("trace=ipc,nonsense,irq,more", unknown, sizeof(unknown)),
        TRACE_CATEGORY_SCHED | TRACE_CATEGORY_IPC | TRACE_CATEGORY_IRQ);
    assert_string_equal(unknown, "nonsens");
    assert_int_equal(option_trace_categories("trace=irq,log", unknown, sizeof(unknown)),
                     TRACE_CATEGORY_IRQ | TRACE_CATEGORY_LOG); /* drawn per core, not per thread */
    assert_int_equal(option_trace_categories("trace=syscall", unknown, sizeof(unknown)),
                     TRACE_CATEGORY_SYSCALL | TRACE_CATEGORY_SCHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(trace_categories_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
