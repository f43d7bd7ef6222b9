/* SPDX-License-Identifier: MIT */
/* tools/trace, the small parts: schema, fields, clock, tables, histogram, protobuf, text, symbols. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gen/trace_schema.h"
#include "tools/trace/clock.h"
#include "tools/trace/histogram.h"
#include "tools/trace/proto.h"
#include "tools/trace/text.h"
#include "trace_support.h"

/* ---- schema ---- */

static void test_built_in_schema(void **state)
{
    (void)state;
    struct schema schema;
    schema_builtin(&schema);
    assert_int_equal(schema.hash, TRACE_SCHEMA_HASH);
    const struct schema_event *event = schema_find(&schema, "sched.thread.switch");
    assert_non_null(event);
    assert_int_equal(event->words, 1);
    assert_string_equal(event->category_name, "sched");
    assert_string_equal(event->field[0].values->value[3], "receive");
    assert_int_equal(schema_enum_value(&schema, "sched.thread.switch", "state", "dead"), 11);
    assert_int_equal(schema_event_id(&schema, "no.such.event"), SCHEMA_NO_EVENT);
    assert_int_equal(schema_field_ref(&schema, "irq.enter", "no_such_field").mask, 0);
    assert_string_equal(schema.syscall[1], "mailbox_call");
    assert_string_equal(schema_error_name(&schema, -9), "TIMED_OUT");
    assert_string_equal(schema_error_name(&schema, 0), "OK");
    assert_null(schema_error_name(&schema, -200));
    assert_null(schema_error_name(&schema, 5));
    schema_free(&schema);
}

static const char *const bad_schemas[] = {
    "event 1 a.b sched 0\n",                               /* category is not defined */
    "category 0 x\nevent 512 a x 0\n",                     /* id out of range */
    "category 0 x\nevent 1 a x 31\n",                      /* too many words */
    "category 0 x\nevent 1 a x 1\nevent 1 b x 1\n",        /* an id twice */
    "category 0 x\nevent 1 a x 1\nfield f 2 0 8 dec\n",    /* word outside the record */
    "category 0 x\nevent 1 a x 1\nfield f 1 60 8 dec\n",   /* bits outside the word */
    "category 0 x\nevent 1 a x 1\nfield f 1 0 0 dec\n",    /* a number without bits */
    "category 0 x\nevent 1 a x 1\nfield s 1 0 0 string\n", /* string on top of a word */
    "category 0 x\nevent 1 a x 0\nfield s 1 0 0 string\nfield t 2 0 0 string\n", /* two strings */
    "category 0 x\nevent 1 a x 1\nfield f 1 0 8 enum:none\n", /* enum is not defined */
    "field f 1 0 8 dec\n",                                    /* field of no event */
    "category 64 x\n",
    "category 0\n",
    "enum e 0=a 256=b\n",
    "enum e 0\n",
    "syscall 256 x\n",
    "error -300 x\n",
    "event 1\n",
};

static void test_bad_schemas_are_refused(void **state)
{
    (void)state;
    complain_silently = true;
    for (size_t i = 0; i < ARRAY_COUNT(bad_schemas); i++) {
        struct schema schema;
        assert_int_equal(schema_parse(&schema, bad_schemas[i], strlen(bad_schemas[i])),
                         ERR_CORRUPT);
    }
}

static void test_schema_of_a_later_version(void **state)
{
    (void)state;
    static const char text[] =
        "spoor-schema 2\nnovelty 1 2 3\ncategory 0 x\nevent 7 new.thing x 2 meta shiny\n"
        "field f 1 0 8 colour\nfield g 2 4 60 hex\n";
    struct schema schema;
    assert_int_equal(schema_parse(&schema, text, sizeof(text) - 1), OK);
    const struct schema_event *event = schema_find(&schema, "new.thing");
    assert_true(event->meta);
    assert_int_equal(event->field[0].kind, SCHEMA_DEC);
    schema_free(&schema);
}

/* Random values into every field of every event, and out again: packing by the generator's rules, reading by ours. */
static void test_every_field_of_every_event_comes_back(void **state)
{
    (void)state;
    srand(1);
    struct schema schema;
    schema_builtin(&schema);
    for (unsigned id = 1; id < SCHEMA_EVENTS_MAX; id++) {
        const struct schema_event *event = schema.event[id];
        for (unsigned round = 0; event != NULL && round < 20; round++) {
            struct maker maker;
            maker_begin(&maker, 1);
            uint64_t values[SYNTH_FIELDS_MAX];
            unsigned numbers = event->field_count - event->has_string;
            assert_true(numbers <= SYNTH_FIELDS_MAX);
            for (unsigned i = 0; i < numbers; i++) {
                values[i] = ((uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand()) &
                            ~0ull >> (64 - event->field[i].bits);
            }
            char text[64];
            snprintf(text, sizeof(text), "%.*s", rand() % 40,
                     "a text of some length to be cut here and there");
            synth_emit(&maker.synth, SYNTH_LANE(0), 1000, event, values, text);
            struct bytes bytes = maker_end(&maker);
            const uint64_t *record =
                (const uint64_t *)((char *)block_payload(block_find(bytes, CAPTURE_SUBBUF, 0)) +
                                   sizeof(struct capture_subbuf) + sizeof(struct trace_subbuf));
            assert_int_equal(TRACE_EVENT(*record), id);
            assert_true(schema_record_fits(event, TRACE_WORDS(*record)));
            for (unsigned i = 0; i < numbers; i++) {
                struct field_ref ref = schema_field_ref(&schema, event->name, event->field[i].name);
                assert_int_equal(field_get(&ref, record), values[i]);
                uint64_t unsigned_part = schema_value(&event->field[i], record) & ref.mask;
                assert_int_equal(unsigned_part, values[i]);
            }
            if (event->has_string) {
                size_t count;
                const char *found = schema_string(event, record, &count);
                assert_int_equal(count, strlen(text));
                assert_memory_equal(found, text, count);
            }
            free(bytes.data);
        }
    }
    schema_free(&schema);
}

static void test_status_is_signed(void **state)
{
    (void)state;
    struct schema schema;
    schema_builtin(&schema);
    struct field_ref ref = schema_field_ref(&schema, "syscall.exit", "status");
    uint64_t record = 25 | (uint64_t)(uint8_t)-9 << TRACE_SMALL_SHIFT;
    assert_int_equal(field_get_signed(&ref, &record), -9);
    assert_int_equal(
        (int64_t)schema_value(&schema_find(&schema, "syscall.exit")->field[0], &record), -9);
    schema_free(&schema);
}

/* ---- clock ---- */

struct clock_case {
    const char *name;
    uint64_t tsc, ns, khz, at;
    int64_t result;
};

static const struct clock_case clock_cases[] = {
    {"1 GHz is the identity", 0, 0, 1000000, 123456789012345678ull, 123456789012345678ll},
    {"3 GHz, a day", 0, 0, 3000000, 3000000000ull * 86400, 86400000000000ll},
    {"3 GHz, 30 years", 0, 0, 3000000, 3000000000ull * 946080000, 946080000000000000ll},
    {"rounds down", 0, 0, 3000000, 2, 0},
    {"rounds down", 0, 0, 3000000, 3, 1},
    {"odd frequency, an hour", 0, 0, 2995217, 2995217000ull * 3600, 3600000000000ll},
    {"before the reference", 1000000, 500, 1000000, 999000, -500},
    {"with an offset", 5000, 1000, 2000000, 5002, 1001},
    {"slow clock", 0, 0, 1, 7, 7000000},
    {"fast clock", 0, 0, 100000000, 100000000000ull, 1000000000},
};

static void test_ticks_to_nanoseconds(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(clock_cases); i++) {
        const struct clock_case *row = &clock_cases[i];
        struct clock clock;
        clock_init(&clock, row->tsc, row->ns, row->khz);
        if (clock_ns(&clock, row->at) != row->result) {
            fail_msg("%s: %lld", row->name, (long long)clock_ns(&clock, row->at));
        }
    }
}

static void test_clock_never_goes_back(void **state)
{
    (void)state;
    for (uint64_t khz = 999983; khz < 5000000; khz += 333667) {
        struct clock clock;
        clock_init(&clock, 1000, 0, khz);
        int64_t last = INT64_MIN;
        for (uint64_t tsc = 0; tsc < 20000; tsc++) {
            int64_t ns = clock_ns(&clock, tsc * 977);
            assert_true(ns >= last);
            last = ns;
        }
    }
}

/* ---- tables ---- */

static void test_id_map_against_a_plain_array(void **state)
{
    (void)state;
    enum { IDS = 500 };
    static char present[IDS];
    struct id_map map = {0};
    srand(2);
    memset(present, 0, sizeof(present));
    for (unsigned i = 0; i < 200000; i++) {
        unsigned id = (unsigned)rand() % IDS;
        uint64_t key = (uint64_t)id * 0x100000001ull; /* keys far apart */
        if (rand() % 2 == 0) {
            id_map_insert(&map, key, &present[id]);
            present[id] = 1;
        } else {
            assert_ptr_equal(id_map_remove(&map, key), present[id] ? &present[id] : NULL);
            present[id] = 0;
        }
        unsigned other = (unsigned)rand() % IDS;
        assert_ptr_equal(id_map_find(&map, (uint64_t)other * 0x100000001ull),
                         present[other] ? &present[other] : NULL);
    }
    size_t count = 0;
    for (unsigned id = 0; id < IDS; id++) {
        count += (size_t)present[id];
    }
    assert_int_equal(map.count, count);
    id_map_free(&map);
}

static int compare_u64(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void test_percentiles_are_close(void **state)
{
    (void)state;
    enum { VALUES = 10001 };
    static uint64_t values[VALUES];
    struct histogram *histogram = calloc(1, sizeof(*histogram));
    assert_int_equal(histogram_percentile(histogram, 500), 0);
    srand(3);
    for (unsigned i = 0; i < VALUES; i++) {
        values[i] = (uint64_t)rand() >> rand() % 30;
        histogram_add(histogram, values[i]);
    }
    qsort(values, VALUES, sizeof(values[0]), compare_u64);
    for (unsigned permille = 0; permille <= 1000; permille += 10) {
        uint64_t rank = (uint64_t)VALUES * permille / 1000;
        double exact = (double)values[rank < VALUES ? rank : VALUES - 1];
        double found = (double)histogram_percentile(histogram, permille);
        assert_true(found <= exact && found >= exact * (1 - 1.0 / 128) - 1);
    }
    assert_int_equal(histogram->max, values[VALUES - 1]);
    assert_int_equal(histogram->min, values[0]);
    histogram_add(histogram, UINT64_MAX); /* the last bucket exists */
    assert_int_equal(histogram->max, UINT64_MAX);
    free(histogram);
}

/* ---- protobuf ---- */

static void test_protobuf_vectors(void **state)
{
    (void)state;
    uint8_t buffer[1024];
    static const uint8_t expected[] = {
        0x08, 0x96, 0x01, 0x12, 0x07, 't',  'e',  's', 't',
        'i',  'n',  'g',  0x1a, 0x03, 0x08, 0x96, 0x01}; /* the three messages of protobuf.dev's "Encoding" */
    uint8_t *p = proto_uint(buffer, 1, 150);
    p = proto_text(p, 2, "testing");
    uint8_t *inner = proto_open(p, 3);
    p = proto_close(inner, proto_uint(inner, 1, 150));
    assert_int_equal(p - buffer, sizeof(expected));
    assert_memory_equal(buffer, expected, sizeof(expected));
    static const uint8_t minus_one[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    p = proto_varint(buffer, UINT64_MAX);
    assert_memory_equal(buffer, minus_one, sizeof(minus_one));
    assert_int_equal(p - buffer, PROTO_VARINT_MAX);
    p = proto_fixed64(buffer, 47, 0x0102030405060708ull);
    static const uint8_t fixed[] = {0xf9, 0x02, 8, 7, 6, 5, 4, 3, 2, 1};
    assert_memory_equal(buffer, fixed, sizeof(fixed));
    assert_int_equal(p - buffer, sizeof(fixed));
}

static void test_long_messages_move_up(void **state)
{
    (void)state;
    static uint8_t buffer[40000];
    for (size_t count = 0; count < 33000; count += count < 300 ? 1 : 8111) {
        uint8_t *inner = proto_open(buffer, 1);
        memset(inner, 'x', count);
        uint8_t *end = proto_close(inner, inner + count);
        size_t length_bytes = proto_varint_bytes(count);
        assert_int_equal((size_t)(end - buffer), 1 + length_bytes + count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(buffer[1 + length_bytes + i], 'x');
        }
        uint64_t value = 0;
        for (size_t i = 0; i < length_bytes; i++) {
            value |= (uint64_t)(buffer[1 + i] & 0x7f) << 7 * i;
        }
        assert_int_equal(value, count);
    }
}

/* ---- text and symbols ---- */

static void test_text_of_a_record(void **state)
{
    (void)state;
    struct maker maker;
    maker_begin(&maker, 1);
    static const char symbols_text[] =
        "ffffffff80001000 first\nffffffff80002000 second\nnot a line\n";
    synth_block(&maker.synth, CAPTURE_SYMBOLS, symbols_text, sizeof(symbols_text) - 1);
    SYNTH_TEXT(&maker.synth, SYNTH_META, 10, "life.thread.create", "serve", 12, 2, 8);
    struct bytes bytes = maker_end(&maker);
    struct input input;
    struct session session;
    assert_int_equal(open_bytes(&session, &input, bytes, 0), OK);
    struct registry registry;
    struct symbols symbols;
    registry_open(&registry, &session, 0);
    assert_int_equal(symbols_load(&symbols, &session, NULL), OK);
    struct text_context context = {&session.schema, &registry, &symbols};
    char text[TEXT_RECORD_BYTES];

    uint64_t switched[2] = {8 | 3u << TRACE_SMALL_SHIFT | 1u << TRACE_WORDS_SHIFT, 12 | 8ull << 48};
    text_record(&context, session.schema.event[8], switched, text, sizeof(text));
    assert_string_equal(text, " state=receive reason=pick prev=12(serve) next=0(idle) priority=8");
    uint64_t fault[3] = {34 | 14u << TRACE_SMALL_SHIFT | 2u << TRACE_WORDS_SHIFT,
                         0xffffffff80002010, 0x10};
    text_record(&context, session.schema.event[34], fault, text, sizeof(text));
    assert_string_equal(text,
                        " vector=0xe(page fault) ip=0xffffffff80002010(second+0x10) address=0x10");
    uint64_t line[2] = {56 | 1u << TRACE_WORDS_SHIFT, 0x0a225c41};
    text_record(&context, session.schema.event[56], line, text, sizeof(text));
    assert_string_equal(text, " level=error text=\"A\\\\\\\"\\x0a\"");
    text_record(&context, session.schema.event[34], fault, text, 20); /* cut, not overrun */
    assert_int_equal(strlen(text), 19);

    assert_string_equal(symbols_find(&symbols, 0xffffffff80001fff)->name, "first");
    assert_null(symbols_find(&symbols, 0xffffffff80000fff));
    assert_null(symbols_find(&symbols, 0x401000));
    symbols_free(&symbols);
    registry_close(&registry);
    session_close(&session);
    free(bytes.data);
}

static void test_registry_knows_who_is_who(void **state)
{
    (void)state;
    struct maker maker;
    maker_begin(&maker, 1);
    SYNTH_TEXT(&maker.synth, SYNTH_META, 10, "life.process.create", "server", 2, 1);
    SYNTH_TEXT(&maker.synth, SYNTH_META, 20, "life.thread.create", "a\tb", 12, 2, 8);
    SYNTH_TEXT(&maker.synth, SYNTH_META, 30, "life.thread.create", "", 13, 2, 8);
    SYNTH_TEXT(&maker.synth, SYNTH_META, 40, "life.object.name", "box", 4, 100, 2);
    SYNTH(&maker.synth, SYNTH_META, 50, "life.thread.exit", 12, 2);
    SYNTH(&maker.synth, SYNTH_META, 60, "life.process.exit", 15, 2, 7);
    struct bytes bytes = maker_end(&maker);
    struct input input;
    struct session session;
    assert_int_equal(open_bytes(&session, &input, bytes, 0), OK);
    struct registry registry;
    registry_open(&registry, &session, 0);
    struct process *process = registry_process(&registry, 2);
    assert_string_equal(process->name, "server");
    assert_int_equal(process->first_thread->tid, 12);
    assert_int_equal(process->exit_tsc, 60);
    assert_int_equal(process->fault, 15);
    assert_int_equal(process->code, 7);
    assert_string_equal(registry_thread(&registry, 12)->name, "a?b");
    assert_int_equal(registry_thread(&registry, 12)->exit_tsc, 50);
    assert_string_equal(registry_thread(&registry, 13)->name, "thread 13");
    assert_int_equal(registry_thread(&registry, 13)->exit_tsc, REGISTRY_NEVER);
    assert_false(registry_thread(&registry, 99)->is_known);
    assert_string_equal(registry_object(&registry, 100)->name, "box");
    assert_null(registry_process(&registry, 77));
    registry_close(&registry);
    session_close(&session);
    free(bytes.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_in_schema),
        cmocka_unit_test(test_bad_schemas_are_refused),
        cmocka_unit_test(test_schema_of_a_later_version),
        cmocka_unit_test(test_every_field_of_every_event_comes_back),
        cmocka_unit_test(test_status_is_signed),
        cmocka_unit_test(test_ticks_to_nanoseconds),
        cmocka_unit_test(test_clock_never_goes_back),
        cmocka_unit_test(test_id_map_against_a_plain_array),
        cmocka_unit_test(test_percentiles_are_close),
        cmocka_unit_test(test_protobuf_vectors),
        cmocka_unit_test(test_long_messages_move_up),
        cmocka_unit_test(test_text_of_a_record),
        cmocka_unit_test(test_registry_knows_who_is_who),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
