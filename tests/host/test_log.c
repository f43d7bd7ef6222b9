/* SPDX-License-Identifier: MIT */
/* sync/log.c and sync/panic.c: what reaches the line, the trace and kdebug, and that panics end. */
#include "base/log.h"

#include <asm/prctl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/serial.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "base/log_impl.h"
#include "gen/trace_emit.h"
#include "sync/spinlock.h"

void __stack_chk_fail(void);

struct cpu cpus[CPU_MAX];

static char line[2000], traced[400], told[400];
static size_t line_length;
static unsigned traced_level, polls, kdebug_calls;
static bool is_in_kdebug;
static ns_t now;
static jmp_buf halted;
static void (*at_kdebug)(void);

ns_t clock_now(void)
{
    return now;
}

void serial_put(char c)
{
    assert_true(line_length < sizeof(line) - 1);
    line[line_length++] = c;
}

void trace_emit_log_line(struct trace_lane *lane, uint8_t level, const char *text,
                         size_t text_bytes)
{
    (void)lane;
    traced_level = level;
    assert_true(text_bytes < sizeof(traced));
    memcpy(traced, text, text_bytes);
    traced[text_bytes] = '\0';
}

void core_poll_slow(void)
{
    polls++;
}

void spinlock_wait(struct spinlock *lock, unsigned ticket)
{
    fail_msg("%s is taken (%u)", lock->name, ticket);
}

uint64_t spinlock_check_acquire(struct spinlock *lock)
{
    assert_ptr_equal(lock, &console_lock);
    return 0;
}

void spinlock_check_release(struct spinlock *lock)
{
    (void)lock;
}

void cpu_halt_forever(void)
{
    longjmp(halted, 1);
}

bool kdebug_active(void)
{
    return is_in_kdebug;
}

void kdebug_panic(const char *message)
{
    snprintf(told, sizeof(told), "%s", message);
    kdebug_calls++;
    if (at_kdebug != NULL) {
        at_kdebug();
    }
}

/* Each case that panics does so on a core of its own: a core panics once. */
static void use_core(unsigned cpu)
{
    memset(line, 0, sizeof(line));
    memset(traced, 0, sizeof(traced));
    line_length = kdebug_calls = 0;
    at_kdebug = NULL;
    cpus[cpu].self = &cpus[cpu];
    cpus[cpu].id = cpu;
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &cpus[cpu]) != 0) {
        abort();
    }
}

static void test_a_line(void **state)
{
    (void)state;
    use_core(7);
    now = 12 * 1000000000ull + 3456789;
    log_warning("found %d of %s", 3, "them");
    assert_string_equal(line, "[  12.003456 cpu7] found 3 of them\r\n");
    assert_string_equal(traced, "found 3 of them");
    assert_int_equal(traced_level, LOG_WARNING);
    assert_false(spinlock_is_held(&console_lock));
}

static void test_a_long_line_is_cut(void **state)
{
    (void)state;
    use_core(0);
    char longest[1000];
    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    now = 0;
    log_info("%s", longest);
    assert_int_equal(strlen(traced), 255);
    assert_memory_equal(line, "[   0.000000 cpu0] aaa", 22);
    assert_int_equal(line_length, 19 + 255 + 2);
}

static void test_a_slow_line_serves_other_cores(void **state)
{
    (void)state;
    use_core(1);
    atomic_store(&cpus[1].poll, CPU_POLL_SHOOTDOWN);
    polls = 0;
    log_error("twelve bytes");
    assert_true(polls >= 12);
    atomic_store(&cpus[1].poll, 0);
}

static void test_panic_goes_to_the_trace_and_to_kdebug(void **state)
{
    (void)state;
    use_core(2);
    if (setjmp(halted) == 0) {
        panic("no %s for %u", "room", 5u);
    }
    assert_string_equal(told, "no room for 5");
    assert_string_equal(traced, "no room for 5");
    assert_int_equal(traced_level, LOG_ERROR);
    assert_int_equal(kdebug_calls, 1);
    assert_int_equal(line_length, 0); /* kdebug prints */
}

static void panic_again(void)
{
    panic("second");
}

static void test_panic_while_panicking_prints_and_halts(void **state)
{
    (void)state;
    use_core(3);
    at_kdebug = panic_again;
    spinlock_acquire(&console_lock); /* the first one happened while it printed */
    if (setjmp(halted) == 0) {
        panic("first");
    }
    spinlock_release(&console_lock);
    assert_int_equal(kdebug_calls, 1);
    assert_string_equal(line, "\r\npanic while panicking: second\r\n");
    if (setjmp(halted) == 0) {
        panic("third");
    }
    assert_int_equal(kdebug_calls, 1);
    assert_null(strstr(line, "third"));
}

/* kdebug goes back to its prompt each time, and a panic of the kernel afterwards is the first. */
static void test_panics_inside_of_kdebug_do_not_count(void **state)
{
    (void)state;
    use_core(8);
    is_in_kdebug = true;
    at_kdebug = cpu_halt_forever;
    for (unsigned turn = 1; turn <= 5; turn++) {
        if (setjmp(halted) == 0) {
            panic("inside");
        }
        assert_int_equal(kdebug_calls, turn);
    }
    is_in_kdebug = false;
    if (setjmp(halted) == 0) {
        panic("outside");
    }
    assert_string_equal(told, "outside");
    assert_int_equal(line_length, 0);
}

static void test_failed_conditions_name_themselves(void **state)
{
    (void)state;
    use_core(4);
    if (setjmp(halted) == 0) {
        VERIFY(1 + 1 == 3);
    }
    assert_non_null(strstr(told, "VERIFY(1 + 1 == 3) failed, test_log.c:"));
    use_core(5);
    if (setjmp(halted) == 0) {
        ASSERT(line_length == 17);
    }
    assert_non_null(strstr(told, "ASSERT(line_length == 17)"));
}

static void test_smashed_stack(void **state)
{
    (void)state;
    use_core(6);
    if (setjmp(halted) == 0) {
        __stack_chk_fail();
    }
    assert_non_null(strstr(told, "stack smashed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line),
        cmocka_unit_test(test_a_long_line_is_cut),
        cmocka_unit_test(test_a_slow_line_serves_other_cores),
        cmocka_unit_test(test_panic_goes_to_the_trace_and_to_kdebug),
        cmocka_unit_test(test_panic_while_panicking_prints_and_halts),
        cmocka_unit_test(test_panics_inside_of_kdebug_do_not_count),
        cmocka_unit_test(test_failed_conditions_name_themselves),
        cmocka_unit_test(test_smashed_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
