/* SPDX-License-Identifier: MIT */
/* trace/ring/aggregate.c: what is counted, compared with a list of everything that was. */
#include "trace/ring/aggregate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/trace_table.h"

#define EVENT TRACE_EVENT_IPC_COPY
#define SEED  7u

static struct trace_aggregation aggregation;
static struct trace_table *const table = &aggregation.table[0];

static unsigned field_of(const char *name)
{
    const struct trace_event_info *info = trace_event_info(EVENT);
    for (unsigned i = 0; i < info->fields; i++) {
        if (strcmp(info->field[i].name, name) == 0) {
            return i;
        }
    }
    fail_msg("no field %s", name);
    return 0;
}

static void put(uint64_t *record, const char *name, uint64_t value)
{
    const struct trace_field *field = &trace_event_info(EVENT)->field[field_of(name)];
    record[field->word] |= value << field->shift;
}

static void add(uint64_t from, uint64_t to, uint64_t bytes)
{
    uint64_t record[1 + TRACE_WORDS_MAX] = {EVENT};
    put(record, "from", from);
    put(record, "to", to);
    put(record, "bytes", bytes);
    trace_aggregation_add(&aggregation, table, record);
}

static void group(const char *first, const char *second, const char *value)
{
    const struct trace_grouping grouping = {
        .key = {first == NULL ? TRACE_NO_FIELD : (uint8_t)field_of(first),
                second == NULL ? TRACE_NO_FIELD : (uint8_t)field_of(second)},
        .value = value == NULL ? TRACE_NO_FIELD : (uint8_t)field_of(value)};
    assert_true(trace_grouping_fits(EVENT, &grouping));
    trace_aggregation_make(EVENT, &grouping, &aggregation);
}

static void without_a_key_there_is_one_row(void **state)
{
    (void)state;
    group(NULL, NULL, "bytes");
    add(1, 2, 0);
    add(3, 4, 1);
    add(5, 6, 1000);
    const struct trace_row *row = trace_row_find(table->row, 0);
    assert_int_equal(row->count, 3);
    assert_int_equal(row->sum, 1001);
    assert_int_equal(row->least, 0);
    assert_int_equal(row->greatest, 1000);
    assert_int_equal(row->bucket[0], 1);
    assert_int_equal(row->bucket[1], 1);
    assert_int_equal(row->bucket[10], 1); /* 512 to 1023 */
}

static void the_last_bucket_takes_all_above(void **state)
{
    (void)state;
    const unsigned bits = trace_event_info(EVENT)->field[field_of("bytes")].bits;
    group(NULL, NULL, "bytes");
    add(0, 0, ~0ull >> (64 - bits));
    const struct trace_row *row = trace_row_find(table->row, 0);
    assert_int_equal(row->bucket[MIN(bits, TRACE_BUCKETS - 1)], 1);
    assert_int_equal(row->sum, ~0ull >> (64 - bits));
}

static void two_keys_make_a_row_for_each_pair(void **state)
{
    (void)state;
    group("from", "to", NULL);
    add(1, 2, 9);
    add(2, 1, 9);
    add(1, 2, 9);
    unsigned rows = 0, counted = 0;
    for (unsigned i = 0; i < TRACE_ROWS_MAX; i++) {
        rows += table->row[i].count != 0;
        counted += (unsigned)table->row[i].count;
    }
    assert_int_equal(rows, 2);
    assert_int_equal(counted, 3);
}

/* Keys of every density: what is in rows is right, and all the rest is in left_out (A2). */
static void random_events_are_all_accounted_for(void **state)
{
    (void)state;
    srand(SEED);
    for (unsigned keys = 1; keys <= 512; keys *= 2) {
        static uint64_t count[512], sum[512], least[512], greatest[512];
        memset(count, 0, sizeof(count));
        memset(greatest, 0, sizeof(greatest));
        memset(sum, 0, sizeof(sum));
        group("from", NULL, "bytes");
        for (unsigned i = 0; i < 5000; i++) {
            uint64_t key = (unsigned)rand() % keys, bytes = (unsigned)rand() % 5000;
            uint64_t before = table->left_out;
            add(key, 0, bytes);
            if (table->left_out == before) {
                least[key] = count[key] == 0 ? bytes : MIN(least[key], bytes);
                greatest[key] = MAX(greatest[key], bytes);
                sum[key] += bytes;
                count[key]++;
            }
        }
        uint64_t in_rows = 0;
        for (unsigned key = 0; key < keys; key++) {
            const struct trace_row *row = trace_row_find(table->row, key);
            if (count[key] != 0) {
                assert_non_null(row);
                assert_int_equal(row->count, count[key]);
                assert_int_equal(row->sum, sum[key]);
                assert_int_equal(row->least, least[key]);
                assert_int_equal(row->greatest, greatest[key]);
                in_rows += row->count;
            }
        }
        assert_int_equal(in_rows + table->left_out, 5000);
        assert_true(keys > TRACE_ROWS_MAX / 4 || table->left_out == 0);
    }
}

static void what_cannot_be_grouped_is_refused(void **state)
{
    (void)state;
    const struct trace_grouping none = {{TRACE_NO_FIELD, TRACE_NO_FIELD}, TRACE_NO_FIELD};
    const struct trace_grouping absent = {{99, TRACE_NO_FIELD}, TRACE_NO_FIELD};
    const struct trace_grouping text = {{TRACE_NO_FIELD, TRACE_NO_FIELD}, 1};
    const struct trace_grouping wide = {{1, 2}, TRACE_NO_FIELD}; /* of fault.enter: address, ip */
    assert_true(trace_grouping_fits(EVENT, &none));
    assert_false(trace_grouping_fits(EVENT, &absent));
    assert_false(trace_grouping_fits(TRACE_EVENT_COUNT, &none));
    assert_false(trace_grouping_fits(TRACE_EVENT_LOG_LINE, &text));
    assert_false(trace_grouping_fits(TRACE_EVENT_LIFE_THREAD_CREATE, &none));
    assert_false(trace_grouping_fits(TRACE_EVENT_FAULT_ENTER, &wide));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_key_there_is_one_row),
        cmocka_unit_test(the_last_bucket_takes_all_above),
        cmocka_unit_test(two_keys_make_a_row_for_each_pair),
        cmocka_unit_test(random_events_are_all_accounted_for),
        cmocka_unit_test(what_cannot_be_grouped_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
