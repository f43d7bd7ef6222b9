/* SPDX-License-Identifier: MIT */
/*
 * The recorder's own code in one thread and a reader in another, who meet nowhere but in memory.
 *
 * Built twice. With ASan, over a lane that overwrites: the reader believes what layout.h says it may, each record has a
 * canary, and at the end emitted = delivered + lost exactly. With TSan, over one that keeps the oldest, round after round:
 * every byte the reader looks at must happen before it does, because the position was published; what is overwritten
 * while it is copied is thrown away by design, but no such design is known to TSan.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "kernel/abi/handoff.h"
#include "tests/host/kernel_support.h"
#include "trace/ring/ring.h"

#define REGION_BYTES 0x1000000u
#define RECORDS      10000000ull
#define META         0u
#define NORMAL       1u
#define NMI          2u
#define WORDS_MAX    5u
#define SUBBUF_WORDS (TRACE_SUBBUF_BYTES / 8)

#ifdef __SANITIZE_THREAD__
static const bool is_tsan = true;
#else
static const bool is_tsan = false;
#endif

static struct handoff handoff;
static void *memory;

static uint64_t wanted_records(void)
{
    const char *text = getenv("RING_RECORDS");
    return text == NULL ? RECORDS : strtoull(text, NULL, 10);
}

static struct trace_lane *begin(unsigned index)
{
    support_begin(0);
    memory = aligned_alloc(0x1000, REGION_BYTES);
    handoff.trace_base = virt_to_phys(memory);
    handoff.trace_bytes = REGION_BYTES;
    trace_init(&handoff);
    struct trace_region *region = trace_region_get();
    return (struct trace_lane *)((char *)region + region->lane[index].control_offset);
}

/* ---- The writer ---------------------------------------------------------------------------- */

struct writer {
    struct trace_lane *lane;
    uint64_t records, emitted;
    atomic_bool is_done;
};

static uint64_t canary(uint64_t number, unsigned word)
{
    return (number + 1) * 0x9e3779b97f4a7c15ull ^ word;
}

static bool emit(struct trace_lane *lane, uint64_t number)
{
    unsigned words = 1 + (unsigned)(number * 7 % WORDS_MAX);
    uint64_t *record = trace_reserve(lane, 8 * (1 + words));
    if (record == NULL) {
        return false;
    }
    record[1] = number;
    for (unsigned i = 2; i <= words; i++) {
        record[i] = canary(number, i);
    }
    trace_commit(lane, record, 8 * (1 + words),
                 TRACE_EVENT_USER_MARK | (uint64_t)words << TRACE_WORDS_SHIFT);
    return true;
}

static void *write_all(void *argument)
{
    struct writer *writer = argument;
    support_begin(0); /* GS is a thread's own */
    while (writer->emitted < writer->records && emit(writer->lane, writer->emitted)) {
        writer->emitted++;
    }
    atomic_store(&writer->is_done, true);
    return NULL;
}

/* ---- The reader ---------------------------------------------------------------------------- */

struct reader {
    const struct trace_lane *lane;
    uint64_t at;   /* position of the next sub-buffer */
    uint64_t next; /* number of the next record */
    uint64_t delivered, lost, overtaken;
};

static uint64_t position_of(const struct trace_lane *lane)
{
    return __atomic_load_n(&lane->position, __ATOMIC_ACQUIRE);
}

static void check_records(struct reader *reader, const uint64_t *words, uint64_t bytes)
{
    const struct trace_subbuf *head = (const struct trace_subbuf *)words;
    assert_int_equal(head->magic, TRACE_SUBBUF_MAGIC);
    assert_int_equal(head->position, reader->at);
    assert_true(head->first_event >= reader->next);
    reader->lost += head->first_event - reader->next;
    reader->next = head->first_event;
    for (uint64_t at = sizeof(*head) / 8; at < bytes / 8; at += 1 + TRACE_WORDS(words[at])) {
        if (TRACE_EVENT(words[at]) == TRACE_EVENT_TRACE_PAD) {
            continue;
        }
        assert_int_equal(TRACE_EVENT(words[at]), TRACE_EVENT_USER_MARK);
        assert_int_equal(words[at + 1], reader->next);
        for (unsigned i = 2; i <= TRACE_WORDS(words[at]); i++) {
            assert_int_equal(words[at + i], canary(reader->next, i));
        }
        reader->next++;
        reader->delivered++;
    }
}

static uint64_t oldest(const struct trace_lane *lane)
{
    return lane->kind == TRACE_LANE_META ? 0
                                         : trace_oldest_intact(position_of(lane), lane->mask + 1);
}

/* One sub-buffer, if it is finished, or whatever there is of it. False: there is nothing to read. */
static bool read_one(struct reader *reader, bool is_last)
{
    static uint64_t copy[SUBBUF_WORDS];
    uint64_t position = position_of(reader->lane);
    uint64_t end = MIN(reader->at + TRACE_SUBBUF_BYTES, position);
    if (end <= reader->at || (!is_last && end < reader->at + TRACE_SUBBUF_BYTES)) {
        return false;
    }
    if (reader->at < oldest(reader->lane)) {
        reader->at = oldest(reader->lane);
        return true;
    }
    memcpy(copy, (const char *)reader->lane->base + (reader->at & reader->lane->mask),
           end - reader->at);
    if (reader->at < oldest(reader->lane)) {
        reader->overtaken++;
        return true;
    }
    check_records(reader, copy, end - reader->at);
    reader->at += TRACE_SUBBUF_BYTES;
    return true;
}

static void run(struct writer *writer, struct reader *reader)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_all, writer), 0);
    while (!atomic_load(&writer->is_done)) {
        (void)read_one(reader, false);
    }
    pthread_join(thread, NULL);
    while (read_one(reader, true)) {
    }
}

/* ---- Tests --------------------------------------------------------------------------------- */

static void test_overwriting(unsigned index)
{
    struct writer writer = {.lane = begin(index), .records = wanted_records()};
    struct reader reader = {.lane = writer.lane};
    run(&writer, &reader);
    assert_int_equal(writer.emitted, writer.records);
    assert_int_equal(writer.lane->events, writer.records);
    assert_int_equal(reader.delivered + reader.lost, writer.records);
    assert_true(reader.delivered > 0);
    print_message("lane %u: %llu delivered, %llu lost, overtaken %llu times\n", index,
                  (unsigned long long)reader.delivered, (unsigned long long)reader.lost,
                  (unsigned long long)reader.overtaken);
    free(memory);
}

static void test_what_is_believed_is_true(void **state)
{
    (void)state;
    test_overwriting(NORMAL); /* large */
    test_overwriting(NMI);    /* four sub-buffers: the reader is overtaken all the time */
}

static void test_what_is_kept_happens_before(void **state)
{
    (void)state;
    uint64_t left = wanted_records();
    while (left > 0) {
        struct writer writer = {.lane = begin(META), .records = left};
        struct reader reader = {.lane = writer.lane};
        run(&writer, &reader);
        assert_int_equal(reader.delivered, writer.emitted);
        assert_int_equal(reader.lost, 0);
        assert_true(writer.emitted == left || writer.lane->lost[TRACE_LOST_FULL] == 1);
        left -= writer.emitted;
        free(memory);
    }
}

int main(void)
{
    const struct CMUnitTest kept[] = {cmocka_unit_test(test_what_is_kept_happens_before)};
    const struct CMUnitTest all[] = {cmocka_unit_test(test_what_is_kept_happens_before),
                                     cmocka_unit_test(test_what_is_believed_is_true)};
    return is_tsan ? cmocka_run_group_tests(kept, NULL, NULL)
                   : cmocka_run_group_tests(all, NULL, NULL);
}
