/* SPDX-License-Identifier: MIT */
/* Triggers as people write them, and the events that wait for their second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gen/errors.h"
#include "gen/trace_table.h"
#include "trace/ring/history.h"
#include "trace/ring/trigger.h"
#include "trace/ring/trigger_text.h"

static const char *parse(const char *text, struct trace_trigger_wish *out)
{
    return trace_trigger_parse(text, strlen(text), out);
}

static void words_become_a_trigger(void **state)
{
    (void)state;
    struct trace_trigger_wish wish;
    struct trace_filter filter[2];
    assert_null(parse("stop=1000:ipc.return,status!=OK", &wish));
    assert_int_equal(wish.action, TRACE_ACTION_STOP);
    assert_int_equal(wish.more, 1000);
    assert_int_equal(wish.event, TRACE_EVENT_IPC_RETURN);
    assert_int_equal(wish.conditions, 1);
    assert_int_equal(wish.condition[0].compare, TRACE_COMPARE_NOT_EQUAL);
    assert_int_equal(wish.condition[0].value, 0);
    assert_int_equal(trace_trigger_make(&wish, &filter[0], &filter[1]), OK);

    assert_null(parse("kdebug:sched.thread.switch,state==dead,next<=0x10", &wish));
    assert_int_equal(wish.action, TRACE_ACTION_KDEBUG);
    assert_int_equal(wish.conditions, 2);
    assert_int_equal(wish.condition[0].value, TRACE_THREAD_STATE_DEAD);
    assert_int_equal(wish.condition[1].compare, TRACE_COMPARE_AT_MOST);
    assert_int_equal(wish.condition[1].value, 16);
    assert_int_equal(wish.condition[1].join, TRACE_JOIN_AND);

    assert_null(parse("mark:ipc.return,status=ERR_TIMED_OUT", &wish));
    assert_int_equal((int64_t)wish.condition[0].value, ERR_TIMED_OUT);
    assert_null(parse("snapshot:ipc.return,status=TIMED_OUT", &wish));
    assert_int_equal((int64_t)wish.condition[0].value, ERR_TIMED_OUT);
    assert_null(parse("stop:irq.exit", &wish));
    assert_int_equal(wish.more, 0);
}

static void so_many_within_so_long_becomes_a_trigger(void **state)
{
    (void)state;
    struct trace_trigger_wish wish;
    struct trace_filter filter[2];
    assert_null(parse("kdebug:fault.exit,more=255,within=0x10,outcome=failed", &wish));
    assert_int_equal(wish.relation, TRACE_RELATION_BURST);
    assert_int_equal(wish.count, 255);
    assert_int_equal(wish.ns, 16);
    assert_int_equal(wish.conditions, 1);
    assert_int_equal(trace_trigger_make(&wish, &filter[0], &filter[1]), OK);
    assert_null(parse("mark:irq.exit,within=1,vector!=7,more=0", &wish));
    assert_int_equal(wish.count, 0);
    assert_int_equal(wish.conditions, 1);
    assert_int_equal(trace_trigger_make(&wish, &filter[0], &filter[1]), OK);
}

static void no_field_hides_a_word_of_the_language(void **state)
{
    (void)state;
    static const char *const words[] = {"more", "within", "if", "off"};
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        const struct trace_event_info *info = trace_event_info(id);
        for (unsigned i = 0; info != NULL && i < info->fields; i++) {
            for (unsigned k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
                assert_string_not_equal(info->field[i].name, words[k]);
            }
        }
    }
}

static void what_cannot_be_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *text, *trouble;
    } cases[] = {
        {"", "actions are"},
        {"halt:irq.exit", "actions are"},
        {"stop=x:irq.exit", "stop=NUMBER"},
        {"mark:irq.exit,more=256,within=5", "at most 255"},
        {"mark:irq.exit,more=,within=5", "more=NUMBER"},
        {"mark:irq.exit,more==5,within=5", "more=NUMBER"},
        {"mark:irq.exit,more=0x100000001,within=5", "at most 255"},
        {"mark:irq.exit,more=5,within=0", "at least 1"},
        {"mark:irq.exit,more=5,within=ms", "within=NS"},
        {"mark:irq.exit,more=5", "only together"},
        {"mark:irq.exit,within=5", "only together"},
        {"mark:irq.exit,more=5,within=5,wishes=1", "no such field"},
        {"mark:irq.ex", "no such event"},
        {"mark", "no such event"},
        {"mark:irq.exit,line=3", "no such field"},
        {"mark:irq.exit,vector", "a condition without"},
        {"mark:irq.exit,vector=", "neither a number"},
        {"mark:irq.exit,vector=0x", "neither a number"},
        {"mark:irq.exit,vector=1,vector=1,vector=1,vector=1,vector=1", "too many"},
    };
    struct trace_trigger_wish wish;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *trouble = parse(cases[i].text, &wish);
        assert_non_null(trouble);
        assert_non_null(strstr(trouble, cases[i].trouble));
    }
}

static void a_wish_is_checked(void **state)
{
    (void)state;
    const struct trace_trigger_wish good = {.event = TRACE_EVENT_IPC_RETURN,
                                            .first = TRACE_EVENT_IPC_CALL,
                                            .action = TRACE_ACTION_KDEBUG,
                                            .relation = TRACE_RELATION_LATER,
                                            .key = 1,
                                            .first_key = TRACE_KEY_THREAD};
    struct trace_filter filter[2];
    assert_int_equal(trace_trigger_make(&good, &filter[0], &filter[1]), OK);
    struct trace_trigger_wish bad[9] = {good, good, good, good, good, good, good, good, good};
    bad[0].action = 4;
    bad[1].relation = 4;
    bad[2].key = 99;
    bad[3].first = bad[3].event;
    bad[4].first = TRACE_EVENT_LIFE_THREAD_EXIT; /* meta lane */
    bad[5].event = TRACE_EVENT_COUNT;
    bad[6].conditions = 5;
    bad[7].relation = bad[8].relation = TRACE_RELATION_BURST;
    bad[7].count = TRACE_BURST_MAX + 1;
    bad[7].ns = 1;
    for (unsigned i = 0; i < 9; i++) { /* bad[8]: within 0 ns */
        assert_int_equal(trace_trigger_make(&bad[i], &filter[0], &filter[1]), ERR_BAD_ARGUMENT);
    }
}

static struct trace_history history;

static void put(uint64_t key, tsc_t tsc)
{
    struct trace_moment moment = {.tsc = tsc};
    trace_history_put(&history, key, &moment);
}

static void a_second_finds_its_first_once(void **state)
{
    (void)state;
    struct trace_moment found;
    memset(&history, 0, sizeof(history));
    put(0, 10);
    put(7, 20);
    put(7, 30); /* again: the newer counts */
    assert_true(trace_history_take(&history, 7, &found));
    assert_int_equal(found.tsc, 30);
    assert_false(trace_history_take(&history, 7, &found));
    assert_false(trace_history_take(&history, 8, &found));
    assert_true(trace_history_take(&history, 0, &found));
    assert_int_equal(found.tsc, 10);
}

static void the_overdue_are_found_and_the_rest_stays(void **state)
{
    (void)state;
    struct trace_moment found;
    tsc_t next;
    memset(&history, 0, sizeof(history));
    assert_false(trace_history_take_old(&history, 100, &found, &next));
    assert_int_equal(next, 0);
    put(1, 50);
    put(2, 150);
    put(3, 120);
    assert_true(trace_history_take_old(&history, 100, &found, &next));
    assert_int_equal(found.tsc, 50);
    assert_false(trace_history_take_old(&history, 100, &found, &next));
    assert_int_equal(next, 120);
    assert_true(trace_history_take(&history, 2, &found));
    assert_true(trace_history_take(&history, 3, &found));
}

static void what_has_no_place_is_counted(void **state)
{
    (void)state;
    struct trace_moment found;
    memset(&history, 0, sizeof(history));
    for (uint64_t key = 0; key < 1000; key++) {
        put(key, 1 + key);
    }
    unsigned kept = 0;
    for (uint64_t key = 0; key < 1000; key++) {
        bool is_there = trace_history_take(&history, key, &found);
        assert_true(!is_there || found.tsc == 1 + key);
        kept += is_there;
    }
    assert_int_equal(kept + atomic_load(&history.left_out), 1000);
    assert_true(kept > TRACE_HISTORY_PLACES / 2 && kept <= TRACE_HISTORY_PLACES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_a_trigger),
        cmocka_unit_test(so_many_within_so_long_becomes_a_trigger),
        cmocka_unit_test(no_field_hides_a_word_of_the_language),
        cmocka_unit_test(what_cannot_be_is_said),
        cmocka_unit_test(a_wish_is_checked),
        cmocka_unit_test(a_second_finds_its_first_once),
        cmocka_unit_test(the_overdue_are_found_and_the_rest_stays),
        cmocka_unit_test(what_has_no_place_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
