/* SPDX-License-Identifier: MIT */
/* The command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gen/trace_table.h"
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

static struct trace_event_set chosen(const char *cmdline, const char *expected_unknown)
{
    char unknown[8];
    struct trace_event_set set;
    option_trace_events(cmdline, &set, unknown, sizeof(unknown));
    assert_string_equal(unknown, expected_unknown);
    return set;
}

/* The set holds exactly the events of these categories, but those that are listed, which are the other way. */
static void check(const char *cmdline, const char *unknown, uint64_t categories, const char *others)
{
    struct trace_event_set set = chosen(cmdline, unknown);
    for (unsigned id = 0; id < TRACE_EVENTS_MAX; id++) {
        const struct trace_event_info *info = trace_event_info(id);
        bool is_other = info != NULL && others != NULL && strstr(others, info->name) != NULL;
        bool expected = info != NULL && (categories >> info->category & 1) != is_other;
        if (trace_event_set_has(&set, id) != expected) {
            fail_msg("%s: event %u %s", cmdline, id, info == NULL ? "?" : info->name);
        }
    }
}

static void events_by_name(void **state)
{
    (void)state;
    check("quiet", "", TRACE_CATEGORIES_ALL, NULL);
    check("trace=all", "", TRACE_CATEGORIES_ALL, NULL);
    check("trace=none", "", 0, NULL);
    check("trace=ipc,sched", "", TRACE_CATEGORY_IPC | TRACE_CATEGORY_SCHED, NULL);
    check("trace=ipc,nonsense,irq,more", "nonsens",
          TRACE_CATEGORY_SCHED | TRACE_CATEGORY_IPC | TRACE_CATEGORY_IRQ, NULL);
    /* drawn per core, not per thread */
    check("trace=irq,log", "", TRACE_CATEGORY_IRQ | TRACE_CATEGORY_LOG, NULL);
    check("trace=syscall", "", TRACE_CATEGORY_SYSCALL | TRACE_CATEGORY_SCHED, NULL);
    check("trace=irq.exit", "", 0, "irq.exit");
    check("trace=irq,-irq.exit", "", TRACE_CATEGORY_IRQ, "irq.exit");
    check("trace=-irq,irq.exit,log", "", TRACE_CATEGORY_LOG, "irq.exit");
    check("trace=all,-sched.thread,-log", "", TRACE_CATEGORIES_ALL & ~TRACE_CATEGORY_LOG,
          "sched.thread.switch sched.thread.wake sched.thread.fpu sched.thread.steal");
    check("trace=log,none,irq", "", TRACE_CATEGORY_IRQ, NULL);
    check("trace=ipc.call", "", 0, "ipc.call sched.thread.switch");
    check("trace=ipc.cal", "ipc.cal", 0, NULL);
    check("trace=-", "-", 0, NULL);
    check("trace=irq,,log", "", TRACE_CATEGORY_IRQ | TRACE_CATEGORY_LOG, NULL);
}

static void signed_numbers_of_a_list(void **state)
{
    (void)state;
    const char *list = "0,-1000000,+7,-9223372036854775807,fixed";
    static const int64_t wanted[] = {0, -1000000, 7, -9223372036854775807};
    int64_t number = 5;
    for (unsigned i = 0; i < ARRAY_COUNT(wanted); i++) {
        assert_true(option_signed(&list, &number));
        assert_int_equal(number, wanted[i]);
    }
    assert_false(option_signed(&list, &number));
    assert_string_equal(list, "fixed");
    static const char *const wrong[] = {
        "", "-", "+,1", "1x", "1 2", "9223372036854775808", "12345678901234567890", "--1", "x"};
    for (unsigned i = 0; i < ARRAY_COUNT(wrong); i++) {
        const char *at = wrong[i];
        assert_false(option_signed(&at, &number));
        assert_ptr_equal(at, wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(events_by_name),
        cmocka_unit_test(signed_numbers_of_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
