/* SPDX-License-Identifier: MIT */
/* Filters against a model that reads the same conditions word by word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gen/trace_table.h"
#include "trace/ring/filter.h"
#include "trace/ring/layout.h"

#define ROUNDS 200000u

static uint64_t random_state = 88172645463325252ull;

static uint64_t random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static unsigned random_below(unsigned limit)
{
    return (unsigned)(random_u64() % limit);
}

static bool compare(const struct trace_field *field, uint64_t have, unsigned how, uint64_t want)
{
    bool is_signed = field->kind == TRACE_KIND_STATUS || field->kind == TRACE_KIND_CODE;
    bool below = is_signed ? (int64_t)have < (int64_t)want : have < want;
    bool equal = have == want;
    switch (how) {
    case TRACE_COMPARE_EQUAL:
        return equal;
    case TRACE_COMPARE_NOT_EQUAL:
        return !equal;
    case TRACE_COMPARE_BELOW:
        return below;
    case TRACE_COMPARE_AT_MOST:
        return below || equal;
    case TRACE_COMPARE_ABOVE:
        return !below && !equal;
    default:
        return !below;
    }
}

/* "and" binds tighter: true if any group of conditions between two "or" is true as a whole. */
static bool model(const struct trace_event_info *info, const struct trace_condition *condition,
                  unsigned count, const uint64_t *record)
{
    bool group = true;
    for (unsigned i = 0; i < count; i++) {
        const struct trace_field *field = &info->field[condition[i].field];
        if (condition[i].join == TRACE_JOIN_OR) {
            if (group) {
                return true;
            }
            group = true;
        }
        group = group && compare(field, trace_field_value(field, record), condition[i].compare,
                                 condition[i].value);
    }
    return group;
}

/* A value that the field can have: often that of the record or next to it. */
static uint64_t random_value(const struct trace_field *field, const uint64_t *record)
{
    uint64_t have = trace_field_value(field, record);
    uint64_t value = have;
    switch (random_below(4)) {
    case 0:
        break;
    case 1:
        value = have + 1;
        break;
    case 2:
        value = have - 1;
        break;
    default:
        value = random_u64();
    }
    /* Cut to the field, sign and all, by way of a record. */
    uint64_t cut[1 + TRACE_WORDS_MAX] = {0};
    cut[field->word] = value << field->shift;
    return trace_field_value(field, cut);
}

static unsigned random_event(void)
{
    for (;;) {
        unsigned event = random_below(TRACE_EVENT_COUNT);
        const struct trace_event_info *info = trace_event_info(event);
        if (info != NULL && !(info->flags & TRACE_INFO_META) && info->fields > 0 &&
            info->field[0].bits != 0) {
            return event;
        }
    }
}

static unsigned random_field(const struct trace_event_info *info)
{
    for (;;) {
        unsigned field = random_below(info->fields);
        if (info->field[field].bits != 0) {
            return field;
        }
    }
}

static void filters_agree_with_the_model(void **state)
{
    (void)state;
    unsigned matched = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned event = random_event();
        const struct trace_event_info *info = trace_event_info(event);
        uint64_t record[1 + TRACE_WORDS_MAX];
        for (unsigned i = 0; i <= info->words; i++) {
            record[i] = random_below(3) == 0 ? 0 : random_u64();
        }
        struct trace_condition condition[TRACE_CONDITIONS_MAX];
        unsigned count = random_below(TRACE_CONDITIONS_MAX + 1);
        for (unsigned i = 0; i < count; i++) {
            unsigned field = random_field(info);
            condition[i] = (struct trace_condition){
                .field = (unsigned short)field,
                .compare = (unsigned char)random_below(6),
                .join = i == 0 ? TRACE_JOIN_AND : (unsigned char)random_below(2),
                .value = random_value(&info->field[field], record)};
        }
        struct trace_filter filter;
        assert_int_equal(trace_filter_make(event, condition, count, &filter), OK);
        bool expected = model(info, condition, count, record);
        assert_int_equal(trace_filter_matches(&filter, record), expected);
        matched += expected;
    }
    assert_in_range(matched, ROUNDS / 10, ROUNDS * 9 / 10);
}

static void no_conditions_let_everything_pass(void **state)
{
    (void)state;
    struct trace_filter filter;
    uint64_t record[2] = {0};
    assert_int_equal(trace_filter_make(TRACE_EVENT_IRQ_ENTER, NULL, 0, &filter), OK);
    assert_true(trace_filter_matches(&filter, record));
}

static void assert_refused(unsigned event, struct trace_condition condition, unsigned count)
{
    struct trace_condition conditions[TRACE_CONDITIONS_MAX + 1] = {condition};
    struct trace_filter filter;
    assert_int_equal(trace_filter_make(event, conditions, count, &filter), ERR_BAD_ARGUMENT);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    const struct trace_condition good = {.value = 1};
    struct trace_filter filter;
    assert_int_equal(trace_filter_make(TRACE_EVENT_IRQ_ENTER, &good, 1, &filter), OK);
    assert_refused(TRACE_EVENT_COUNT, good, 1);
    assert_refused(TRACE_EVENT_TRACE_CLOCK, good, 1); /* meta lane */
    assert_refused(TRACE_EVENT_IRQ_ENTER, good, TRACE_CONDITIONS_MAX + 1);
    assert_refused(TRACE_EVENT_IRQ_ENTER, (struct trace_condition){.field = 1}, 1);
    assert_refused(TRACE_EVENT_IRQ_ENTER, (struct trace_condition){.compare = 6}, 1);
    assert_refused(TRACE_EVENT_IRQ_ENTER, (struct trace_condition){.join = TRACE_JOIN_OR}, 1);
    assert_refused(TRACE_EVENT_IRQ_ENTER, (struct trace_condition){.join = 2}, 1);
    assert_refused(TRACE_EVENT_IRQ_ENTER, (struct trace_condition){.value = 256}, 1);
    assert_refused(TRACE_EVENT_LOG_LINE, (struct trace_condition){.field = 1}, 1); /* a string */
    assert_refused(TRACE_EVENT_SYSCALL_EXIT, (struct trace_condition){.value = 128}, 1);
}

static void a_status_is_a_signed_number(void **state)
{
    (void)state;
    struct trace_filter filter;
    const struct trace_condition failed = {.compare = TRACE_COMPARE_BELOW, .value = 0};
    assert_int_equal(trace_filter_make(TRACE_EVENT_SYSCALL_EXIT, &failed, 1, &filter), OK);
    const struct trace_field *field = &trace_event_info(TRACE_EVENT_SYSCALL_EXIT)->field[0];
    for (int status = -128; status < 128; status++) {
        uint64_t record = (uint64_t)(uint8_t)status << field->shift;
        assert_int_equal(trace_filter_matches(&filter, &record), status < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_agree_with_the_model),
        cmocka_unit_test(no_conditions_let_everything_pass),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(a_status_is_a_signed_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
