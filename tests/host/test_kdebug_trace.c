/* SPDX-License-Identifier: MIT */
/* The rings at the prompt: newest events over all lanes against a model, the log, the status, and
 * the dump read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "gen/interface/lifecycle.h"
#include "gen/interface/names.h"
#include "gen/trace_events.h"
#include "gen/trace_schema.h"
#include "tests/host/kdebug_support.h"
#include "tests/host/kdebug_trace_support.h"
#include "trace/format/capture.h"
#include "trace/ring/choice.h"
#include "trace/ring/hook.h"

#define LANES      4u
#define RING_BYTES 0x10000u /* four sub-buffers */
#define EVENTS_MAX 60000u

struct model_event {
    uint64_t tsc;
    unsigned lane, event, value;
    uint64_t subbuf;
};

static struct trace_event_set *events_on;
static struct model_event model[EVENTS_MAX];
static unsigned model_count;

static int begin(void **state)
{
    fake_begin(state);
    fake_cpus = 2;
    model_count = 0;
    make_region(LANES, RING_BYTES);
    events_on = fake_alloc(sizeof(*events_on));
    trace_choice_categories(events_on, TRACE_CATEGORY_SCHED | TRACE_CATEGORY_LOG);
    trace_event_set_put(events_on, TRACE_EVENT_IRQ_EXIT, true);
    fake_global("trace_events_on", events_on);
    fake_global("trace_is_held", fake_alloc(sizeof(bool)));
    struct trace_hook *hooks = fake_alloc(TRACE_HOOKS_MAX * sizeof(*hooks));
    hooks[1].event = TRACE_EVENT_IRQ_EXIT;
    fake_global("trace_hooks", hooks);
    return 0;
}

static void write_mark(unsigned lane, uint64_t tsc, unsigned value)
{
    uint64_t words[2] = {value, 7};
    write_record(lane, tsc, TRACE_EVENT_USER_MARK, 0, words, 2);
    model[model_count++] = (struct model_event){tsc, lane, TRACE_EVENT_USER_MARK, value,
                                                lanes[lane].limit - TRACE_SUBBUF_BYTES};
}

static void write_log(unsigned lane, uint64_t tsc, unsigned level, const char *text)
{
    char words[240] = {0};
    strcpy(words, text);
    write_record(lane, tsc, TRACE_EVENT_LOG_LINE, level, words, (unsigned)(strlen(text) + 7) / 8);
}

/* ---- events ---- */

static void tell_cost(unsigned event, unsigned instructions, unsigned per_word)
{
    uint64_t word = event | (uint64_t)instructions << 16 | (uint64_t)per_word << 32;
    write_record(0, 5, TRACE_EVENT_TRACE_COST, 0, &word, 1);
}

static void test_what_recording_has_cost(void **state)
{
    (void)state;
    tell_cost(TRACE_EVENT_USER_MARK, 25, 0);
    tell_cost(TRACE_EVENT_LOG_LINE, 80, 1);
    tell_cost(TRACE_EVENT_COUNT + 1, 99, 0);
    for (unsigned i = 0; i < 2000; i++) {
        write_mark(2, 1000 + i, i); /* more than a sub-buffer */
    }
    write_log(3, 1000, 2, "three words, no more");
    write_mark(3, 1001, 1);
    write_record(1, 1002, TRACE_EVENT_KDEBUG_ENTER, 2, NULL, 0);
    assert_string_equal(fake_run("trace cost"),
                        "WHAT IS KEPT OF              RECORDS  INSTRUCTIONS   EACH\n"
                        "cpu 0                           2001         50000     24\n"
                        "cpu 1                              2           108     54\n"
                        "log.line                           1            83     83\n"
                        "user.mark                       2001         50025     25\n"
                        "kdebug.enter                       1             0      0\n");
}

static void test_unread_is_shown(void **state)
{
    (void)state;
    write_mark(2, 1000, 1);
    assert_non_null(strstr(fake_run("trace"), "           -          0            0\n"));
    lanes[2].consumed = 1;
    lanes[2].position = 40000;
    assert_non_null(strstr(fake_run("trace"), "          39          0            0\n"));
}

static void test_few_events_decoded(void **state)
{
    (void)state;
    uint64_t switched = 5 | 9ull << 24 | 8ull << 48;
    write_mark(2, CLOCK_TSC - 2500000, 1);
    write_record(2, CLOCK_TSC + 1000, TRACE_EVENT_SCHED_THREAD_SWITCH, 3 | 1 << 4, &switched, 1);
    write_mark(2, CLOCK_TSC + 3000000, 2);
    write_mark(3, CLOCK_TSC + 2000000, 3);
    write_record(1, CLOCK_TSC + 4000000000ull, TRACE_EVENT_KDEBUG_ENTER, 2, NULL, 0);
    write_mark(0, CLOCK_TSC + 5000000000ull, 4);
    assert_string_equal(fake_run("trace last"),
                        "-    0.002500 cpu0     72  user.mark id=1 value=7\n"
                        "     0.000001 cpu0     72  sched.thread.switch state=receive "
                        "reason=handoff prev=5 next=9 priority=8\n"
                        "     0.002000 cpu1     73  user.mark id=3 value=7\n"
                        "     0.003000 cpu0      9  user.mark id=2 value=7\n"
                        "     4.000000 cpu0     71! kdebug.enter reason=panic\n"
                        "     5.000000 meta        user.mark id=4 value=7\n");
    assert_string_equal(fake_run("trace last 1"),
                        "     5.000000 meta        user.mark id=4 value=7\n");
    assert_string_equal(fake_run("trace last 1 sched"),
                        "     0.000001 cpu0     72  sched.thread.switch state=receive "
                        "reason=handoff prev=5 next=9 priority=8\n");
    assert_string_equal(fake_run("trace last cpu 1"),
                        "     0.002000 cpu1     73  user.mark id=3 value=7\n");
    assert_string_equal(fake_run("trace last user 1 cpu 1"),
                        "     0.002000 cpu1     73  user.mark id=3 value=7\n");
    assert_string_equal(fake_run("trace last nothing"), "");
    assert_string_equal(fake_run("trace last 0"), "");
    assert_string_equal(fake_run("trace last 2000"), "error: at most 1024 events\n");
    assert_non_null(strstr(fake_run("trace last cpu 99"), "usage"));
}

/* One thread, one value of a field, from a time on or up to it, and how long after each other. */
static void write_call(uint64_t tsc, uint64_t label)
{
    const uint64_t words[2] = {77, label << 32 | 5};

    write_record(2, tsc, TRACE_EVENT_IPC_CALL, 1, words, 2);
}

static void test_operations_by_name(void **state)
{
    (void)state;
    write_call(CLOCK_TSC + 1000, LIFECYCLE_STOP);
    write_call(CLOCK_TSC + 2000, NAMES_FIND);
    write_call(CLOCK_TSC + 3000, NAMES_FIND + 0x100); /* of no version that there is */
    const char *output = fake_run("trace last ipc.call");
    assert_non_null(strstr(output, " label=lifecycle.stop\n"));
    assert_non_null(strstr(output, " label=names.find\n"));
    assert_non_null(strstr(output, " label=0x20204\n"));
}

static void test_events_followed(void **state)
{
    (void)state;
    uint64_t call = 0x123456, switched = 5 | 9ull << 24 | 8ull << 48;
    write_mark(2, CLOCK_TSC + 1000000, 1);
    write_record(2, CLOCK_TSC + 2000000, TRACE_EVENT_SCHED_THREAD_SWITCH, 3, &switched, 1);
    write_record(2, CLOCK_TSC + 3000000, TRACE_EVENT_IPC_RETURN, 0, &call, 1);
    write_record(3, CLOCK_TSC + 4500000, TRACE_EVENT_IPC_REPLY, 0, &call, 1);
    write_mark(3, CLOCK_TSC + 5000000, 2);
    assert_string_equal(fake_run("trace last with call 0x123456 delta"),
                        "+        0.000 us cpu0      9  ipc.return status=OK call=0x123456\n"
                        "+     1500.000 us cpu1     73  ipc.reply flags=0x0 call=0x123456\n");
    assert_string_equal(fake_run("trace last thread 5"),
                        "     0.002000 cpu0     72  sched.thread.switch state=receive "
                        "reason=pick prev=5 next=9 priority=8\n");
    const char *ninth = fake_run("trace last thread 9");
    assert_non_null(strstr(ninth, "next=9"));
    assert_non_null(strstr(ninth, "ipc.return"));
    assert_null(strstr(ninth, "ipc.reply"));
    assert_string_equal(fake_run("trace last 2 after 0.0015 ipc"),
                        "     0.003000 cpu0      9  ipc.return status=OK call=0x123456\n"
                        "     0.004500 cpu1     73  ipc.reply flags=0x0 call=0x123456\n");
    assert_string_equal(fake_run("trace last 1 after 0.003"),
                        "     0.003000 cpu0      9  ipc.return status=OK call=0x123456\n");
    assert_string_equal(fake_run("trace last 1 before 0.003 user"),
                        "     0.001000 cpu0     72  user.mark id=1 value=7\n");
    assert_string_equal(fake_run("trace last with call 7"), "");
    assert_non_null(strstr(fake_run("trace last after soon"), "expected a time"));
    assert_non_null(strstr(fake_run("trace last after -"), "expected a time"));
}

static int by_time(const void *a, const void *b)
{
    const struct model_event *x = a, *y = b;
    return x->tsc != y->tsc ? (x->tsc > y->tsc) - (x->tsc < y->tsc)
                            : (x->value > y->value) - (x->value < y->value);
}

/* Several times around the rings, times far apart so that their truncation matters; the newest N
 * must be the model's. */
static void test_newest_events_match_a_model(void **state)
{
    (void)state;
    uint64_t tsc = CLOCK_TSC;
    uint64_t ring_before[LANES * RING_BYTES / 8];
    srand(5);
    for (unsigned i = 0; i < 20000; i++) {
        tsc += 1 + (uint64_t)rand() % 100000;
        tsc += i % 5000 == 4999 ? 1ull << 40 : 0;
        write_mark((unsigned)rand() % LANES, tsc, i);
    }
    qsort(model, model_count, sizeof(*model), by_time);
    memcpy(ring_before, (uint8_t *)region + 0x4000, sizeof(ring_before));
    static const unsigned counts[] = {1, 2, 10, 100, 1000, 1024};
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        char line[40];
        snprintf(line, sizeof(line), "trace last %u", counts[i]);
        const char *at = fake_run(line);
        for (unsigned n = model_count - counts[i]; n < model_count; n++) {
            at = strstr(at, "id=");
            assert_non_null(at);
            at += 3;
            assert_int_equal(strtoul(at, NULL, 10), model[n].value);
        }
        assert_null(strstr(at, "id="));
    }
    assert_memory_equal(ring_before, (uint8_t *)region + 0x4000,
                        sizeof(ring_before)); /* looking changes nothing */
    assert_string_equal(fake_run("check trace"), "check trace\ncheck: 0 broken\n");
    lanes[2].events += 2;
    assert_non_null(strstr(fake_run("check trace"), "L3: lane 2 counts"));
}

static void test_log(void **state)
{
    (void)state;
    write_log(2, CLOCK_TSC + 1000000, 2, "memory: 433 MiB free");
    write_mark(2, CLOCK_TSC + 1500000, 1);
    write_log(3, CLOCK_TSC + 2000000, 0, "exactly 24 letters long!");
    write_log(3, CLOCK_TSC + 3000000, 1, "odd \001 bytes");
    assert_string_equal(fake_run("log"), "     0.001000 cpu0  info    memory: 433 MiB free\n"
                                         "     0.002000 cpu1  error   exactly 24 letters long!\n"
                                         "     0.003000 cpu1  warning odd . bytes\n");
    assert_string_equal(fake_run("log 1"), "     0.003000 cpu1  warning odd . bytes\n");
    assert_non_null(
        strstr(fake_run("trace last 1 log"), "log.line level=warning text=odd . bytes\n"));
}

static void test_status(void **state)
{
    (void)state;
    write_mark(2, CLOCK_TSC, 1);
    lanes[2].lost[TRACE_LOST_FULL] = 3;
    lanes[1].lost[TRACE_LOST_NESTED] = 4;
    lanes[1].position = lanes[1].limit = TRACE_SUBBUF_BYTES;
    const char *output = fake_run("trace");
    assert_non_null(strstr(output, "4 lanes, TSC 1000000 kHz, boot 0000000000001234\n"));
    assert_non_null(strstr(output, "\non: sched irq.exit log\n"));
    assert_non_null(strstr(output, "   2  normal    0          64           104             1      "
                                   "   0           -          3            0\n"));
    assert_non_null(strstr(output, "   1  nmi       0          64         16384             0      "
                                   "  16           -          0            4\n"));
    output = fake_run("trace events irq.e");
    assert_string_equal(output, "off irq.enter                irq\n"
                                "on  irq.exit                 irq, filtered\n");
}

static void test_damaged_regions(void **state)
{
    static const char *const lines[] = {"trace", "trace last 1000", "log", "trace dump",
                                        "check trace"};
    srand(6);
    for (unsigned round = 0; round < 150; round++) {
        begin(state);
        for (unsigned i = 0; i < 3000; i++) {
            write_mark(i % LANES, CLOCK_TSC + i * 1000, i);
        }
        for (int damage = rand() % 10; damage >= 0; damage--) {
            size_t where = rand() % 2 ? (size_t)rand() % 0x1200 : (size_t)rand() % region->bytes;
            ((uint8_t *)region)[where] = (uint8_t)rand();
            if (region->bytes != 0x4000 + LANES * RING_BYTES) {
                break;
            }
        }
        for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
            (void)fake_run(lines[i]);
        }
    }
    begin(state);
    region->magic++;
    assert_non_null(strstr(fake_run("trace"), "is damaged"));
    fake_trace_region = 0;
    assert_string_equal(fake_run("trace"), "error: this machine has no trace region\n");
}

/* ---- dump ---- */

static uint8_t *decoded;
static size_t decoded_bytes;

static unsigned digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = strchr(digits, c);
    assert_non_null(at);
    return (unsigned)(at - digits);
}

/* " CRC" of what stands from line on up to text, and the end of the line. Returns what comes behind it. */
static const char *expect_checksum(const char *line, const char *text)
{
    char wanted[16];
    snprintf(wanted, sizeof(wanted), " %08x\n", crc32c(0, line, (size_t)(text - line)));
    assert_memory_equal(text, wanted, strlen(wanted));
    return text + strlen(wanted);
}

/* Decodes the armour whose first line has a number, checks its form, and length and checksum if it is all of it. */
static void decode_lines(const char *text, unsigned long long first_line, bool is_whole)
{
    static const char first[] = "=== spoor dump begin\n";
    assert_memory_equal(text, first, sizeof(first) - 1);
    text += sizeof(first) - 1;
    decoded = realloc(decoded, strlen(text) + 1);
    decoded_bytes = 0;
    uint32_t bits = 0;
    unsigned count = 0, padding = 0;
    while (memcmp(text, "===", 3) != 0) {
        const char *line = text;
        char *digits;
        assert_int_equal(strtoull(text, &digits, 16), first_line++);
        assert_int_equal(*digits, ' ');
        for (text = digits + 1; *text != ' '; text++) {
            padding += *text == '=';
            bits = bits << 6 | (*text == '=' ? 0 : digit_of(*text));
            if (++count % 4 == 0) {
                decoded[decoded_bytes++] = (uint8_t)(bits >> 16);
                decoded[decoded_bytes++] = (uint8_t)(bits >> 8);
                decoded[decoded_bytes++] = (uint8_t)bits;
            }
        }
        size_t column = (size_t)(text - digits - 1);
        text = expect_checksum(line, text);
        assert_true(column == 76 || memcmp(text, "===", 3) == 0);
    }
    const char *end = text;
    for (unsigned blanks = 0; blanks < 6; text++) {
        blanks += *text == ' ';
    }
    expect_checksum(end, text - 1);
    text = end;
    if (!is_whole) {
        return;
    }
    assert_int_equal(count % 4, 0);
    assert_true(padding <= 2);
    decoded_bytes -= padding;
    unsigned long long bytes;
    unsigned crc;
    assert_int_equal(sscanf(text, "=== spoor dump end %llu %8x", &bytes, &crc), 2);
    assert_int_equal(bytes, decoded_bytes);
    assert_int_equal(crc, crc32c(0, decoded, decoded_bytes));
}

static void decode_armour(const char *text)
{
    decode_lines(text, 0, true);
}

struct seen {
    unsigned blocks, of_type[8];
    unsigned marks;
    uint64_t next_position[LANES];
};

static void check_subbuf(struct seen *seen, const uint8_t *payload, size_t bytes)
{
    struct capture_subbuf info;
    struct trace_subbuf head;
    memcpy(&info, payload, sizeof(info));
    memcpy(&head, payload + sizeof(info), sizeof(head));
    assert_true(info.lane < LANES);
    assert_int_equal(head.magic, TRACE_SUBBUF_MAGIC);
    assert_int_equal(head.position, info.position);
    assert_int_equal(info.complete, bytes == sizeof(info) + TRACE_SUBBUF_BYTES);
    assert_true(seen->next_position[info.lane] == 0 ||
                seen->next_position[info.lane] == info.position);
    seen->next_position[info.lane] = info.position + TRACE_SUBBUF_BYTES;
    size_t at = sizeof(info) + sizeof(head);
    while (at < bytes) {
        uint64_t header;
        memcpy(&header, payload + at, 8);
        seen->marks += TRACE_EVENT(header) == TRACE_EVENT_USER_MARK;
        at += 8 * (1 + TRACE_WORDS(header));
    }
    assert_int_equal(at, bytes);
}

static struct seen read_capture(void)
{
    struct seen seen = {0};
    size_t at = 0;
    while (at < decoded_bytes) {
        struct capture_block block;
        memcpy(&block, decoded + at, sizeof(block));
        const uint8_t *payload = decoded + at + sizeof(block);
        assert_int_equal(block.magic, CAPTURE_MAGIC);
        assert_int_equal(block.version, CAPTURE_VERSION);
        assert_int_equal(block.sequence, seen.blocks);
        assert_int_equal(block.header_crc,
                         crc32c(0, &block, offsetof(struct capture_block, header_crc)));
        assert_int_equal(block.payload_crc, crc32c(0, payload, block.bytes));
        seen.blocks++;
        seen.of_type[block.type]++;
        if (block.type == CAPTURE_SUBBUF) {
            check_subbuf(&seen, payload, block.bytes);
        } else if (block.type == CAPTURE_START) {
            assert_int_equal(seen.blocks, 1);
            assert_memory_equal(payload, region, sizeof(*region));
        } else if (block.type == CAPTURE_SCHEMA) {
            assert_int_equal(block.bytes, TRACE_SCHEMA_BYTES);
        } else if (block.type == CAPTURE_STATUS) {
            assert_memory_equal(payload, lanes, LANES * sizeof(*lanes));
        } else {
            struct capture_end end;
            assert_int_equal(block.type, CAPTURE_END);
            memcpy(&end, payload, sizeof(end));
            assert_int_equal(end.blocks, seen.blocks - 1);
        }
        at += sizeof(block) + block.bytes;
    }
    assert_int_equal(at, decoded_bytes);
    return seen;
}

static void test_dump_reads_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 12000; i++) {
        write_mark(i % 3 == 0 ? 2 : 3, CLOCK_TSC + i * 1000, i);
    }
    write_mark(1, CLOCK_TSC + 1, 99);
    decode_armour(fake_run("trace dump"));
    struct seen seen = read_capture();
    assert_int_equal(seen.of_type[CAPTURE_START], 1);
    assert_int_equal(seen.of_type[CAPTURE_SCHEMA], 1);
    assert_int_equal(seen.of_type[CAPTURE_STATUS], 2);
    assert_int_equal(seen.of_type[CAPTURE_END], 1);
    assert_int_equal(seen.of_type[CAPTURE_SUBBUF], 3 + 3 + 1); /* lane 0 is empty */
    unsigned expected = 1;
    for (unsigned i = 0; i < model_count; i++) {
        unsigned lane = model[i].lane;
        expected +=
            lane >= 2 && model[i].subbuf >= trace_oldest_intact(lanes[lane].position, RING_BYTES);
    }
    assert_int_equal(seen.marks, expected);
    decode_armour(fake_run("trace dump 2"));
    seen = read_capture();
    assert_int_equal(seen.of_type[CAPTURE_SUBBUF], 2 + 2 + 1);

    /* Some lines of it again: they are the same. */
    uint8_t *whole = decoded;
    decoded = NULL;
    decode_lines(fake_run("trace dump 2 lines 0x1f 20"), 0x1f, false);
    assert_int_equal(decoded_bytes, 20 * 57);
    assert_memory_equal(decoded, whole + 0x1f * 57, decoded_bytes);
    decode_lines(fake_run("trace dump 2 lines 0 0"), 0, false);
    assert_int_equal(decoded_bytes, 0);
    free(whole);
    free(decoded);
    decoded = NULL;
}

static void test_armour_of_every_length(void **state)
{
    /* One event after the other makes captures of all lengths modulo 3 and 57 (bytes of a line). */
    for (unsigned events = 0; events < 60; events++) {
        begin(state);
        for (unsigned i = 0; i < events; i++) {
            write_log(2, CLOCK_TSC + i, 2, "x");
        }
        decode_armour(fake_run("trace dump"));
        (void)read_capture();
    }
    free(decoded);
    decoded = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_recording_has_cost, begin),
        cmocka_unit_test_setup(test_unread_is_shown, begin),
        cmocka_unit_test_setup(test_few_events_decoded, begin),
        cmocka_unit_test_setup(test_operations_by_name, begin),
        cmocka_unit_test_setup(test_events_followed, begin),
        cmocka_unit_test_setup(test_newest_events_match_a_model, begin),
        cmocka_unit_test_setup(test_log, begin),
        cmocka_unit_test_setup(test_status, begin),
        cmocka_unit_test_setup(test_damaged_regions, begin),
        cmocka_unit_test_setup(test_dump_reads_back, begin),
        cmocka_unit_test_setup(test_armour_of_every_length, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
