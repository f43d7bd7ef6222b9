/* SPDX-License-Identifier: MIT */
/* What a boot option has locked no command does; which commands that are, their table says. Nothing unlocks, so the order of
 * the tests counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kdebug/core/command.h"
#include "kdebug/core/permit.h"
#include "tests/host/kdebug_support.h"

#define REFUSAL "this boot does not allow"

/* Those that read as well: each writes only with these arguments. */
static const struct {
    const char *name, *line, *harmless;
} partly[] = {
    {"set", "set %rax = 1", "set $x = 1"},
    {"trace", "trace on all", "help trace"},
    {"times", "times on", "help times"},
    {"probe", "probe off 0", "probe"},
    {"hold", "hold 1", "hold"},
    {"profile", "profile 100", "help profile"},
    {"continue", NULL, "continue"},
    {"c", NULL, "c"},
};

static bool is_refused(const char *line)
{
    return strstr(fake_run(line), REFUSAL) != NULL;
}

static void test_nothing_is_locked(void **state)
{
    (void)state;
    assert_true(kd_permits(KD_READS | KD_WRITES | KD_IO | KD_RESUMES));
    assert_false(is_refused("print 1"));
    assert_false(is_refused("write 0"));
}

static void test_every_command_of_a_locked_class_is_refused(void **state)
{
    (void)state;
    uint32_t classes = KD_WRITES | KD_IO | KD_RESUMES;
    unsigned refused = 0;
    assert_true(kd_permit_lock("writes,io"));
    assert_true(kd_permit_lock("resumes"));
    for (const struct kd_command *command = kdebug_commands_start; command < kdebug_commands_end;
         command++) {
        if ((command->flags & classes) && !(command->flags & KD_PARTLY)) {
            if (!is_refused(command->name)) {
                fail_msg("'%s' is not refused: %s", command->name, fake_output());
            }
            refused++;
        }
    }
    assert_true(refused >= 10);
    assert_false(is_refused("print 1"));
}

static void test_who_locks_itself(void **state)
{
    (void)state;
    unsigned count = 0;
    for (const struct kd_command *command = kdebug_commands_start; command < kdebug_commands_end;
         command++) {
        count += (command->flags & KD_PARTLY) != 0;
    }
    assert_int_equal(count, sizeof(partly) / sizeof(partly[0]));
    for (size_t i = 0; i < count; i++) {
        assert_true(kd_command_named(partly[i].name, strlen(partly[i].name))->flags & KD_PARTLY);
        if (partly[i].line != NULL && !is_refused(partly[i].line)) {
            fail_msg("'%s' is not refused: %s", partly[i].line, fake_output());
        }
        assert_false(is_refused(partly[i].harmless));
    }
    uint64_t *word = fake_alloc(8);
    char line[80];
    snprintf(line, sizeof(line), "set *(unsigned long *)%p = 1", (void *)word);
    (void)fake_run(line);
    assert_int_equal(*word, 0);
}

static void test_a_wrong_name_locks_all(void **state)
{
    (void)state;
    assert_false(kd_permit_lock("write"));
    assert_false(kd_permits(KD_READS));
    assert_true(is_refused("print 1"));
    assert_false(is_refused("continue"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing_is_locked, fake_begin),
        cmocka_unit_test_setup(test_every_command_of_a_locked_class_is_refused, fake_begin),
        cmocka_unit_test_setup(test_who_locks_itself, fake_begin),
        cmocka_unit_test_setup(test_a_wrong_name_locks_all, fake_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
