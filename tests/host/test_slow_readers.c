/* SPDX-License-Identifier: MIT */
/*
 * Conservation: what was emitted is delivered or lost, exactly and by cause, whoever reads.
 *
 * The recorder's own code writes in two threads, a core each, into all lanes. Meanwhile the rings are made anew twice, so that
 * they keep the newest, the oldest and the newest again. Two consumers read, with the tracer's own code: one as fast as it can,
 * and one that is slow on purpose, which ends its session and begins another again and again. Slow is not a matter of time:
 * its transport keeps some blocks until the writers have come round the ring. So the writers are known not to wait for it.
 *
 * Every record carries its number in its lane. The ledger of a session (struct account) believes nothing else. What threads find
 * is VERIFY's: cmocka knows its own thread only.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "base/assert.h"
#include "base/crc32c.h"
#include "kernel/abi/handoff.h"
#include "tests/host/kernel_support.h"
#include "trace/ring/ring.h"
#include "userspace/services/tracer/consumer.h"

#define REGION_BYTES 0x1000000u
#define SUBBUF       ((uint64_t)TRACE_SUBBUF_BYTES)
#define CORES        2u
#define LANES        (1 + 2 * CORES)
#define META         0u
#define NORMAL(cpu)  (1 + 2 * (cpu))
#define NMI(cpu)     (2 + 2 * (cpu))
#define RING_BYTES   (4 * SUBBUF)
#define PHASES       3u
#define TRIES        400000u /* of a core and phase: some 10 MiB */
#define ROUND_TRIES  10000u /* of both: a ring that overwrites is written more than once meanwhile */
#define DAWDLES      8u     /* blocks from one to the next */
#define SHIPS        4u     /* of a session of the slow one */
#define SESSIONS     4u     /* of the slow one, at least */

static struct handoff handoff;
static struct trace_region *region;
static void *memory;

static struct trace_lane *lane_of(unsigned index)
{
    return (struct trace_lane *)((char *)region + region->lane[index].control_offset);
}

/* ---- The writers --------------------------------------------------------------------------- */

/* What a core wanted to record in each kind of lane, and how many of these found no room. */
struct core {
    unsigned cpu;
    uint64_t normal, refused, nmi, nested, told, meta;
    atomic_uint_fast64_t tries;
};

static struct core core[CORES];
static pthread_barrier_t phase_ends, phase_begins;
static atomic_bool is_recording;
static atomic_uint slow_sessions;

/* Nobody waits for a reader, but at last they go on until there is something to see of the slow one. */
static bool is_over(unsigned phase, uint64_t tries)
{
    return tries >= TRIES && (phase < PHASES || atomic_load(&slow_sessions) >= SESSIONS);
}

static bool emit(struct trace_lane *lane, uint64_t number)
{
    unsigned words = 1 + (unsigned)(number % 3);
    uint64_t *record = trace_reserve(lane, 8 * (1 + words));
    if (record == NULL) {
        return false;
    }
    for (unsigned i = 1; i <= words; i++) {
        record[i] = lane->events;
    }
    trace_commit(lane, record, 8 * (1 + words),
                 TRACE_EVENT_USER_MARK | (uint64_t)words << TRACE_WORDS_SHIFT);
    return true;
}

/* What an NMI handler does that interrupts another: its record is counted, and told when nobody is inside any more. */
static void emit_nested(struct core *self)
{
    VERIFY(!(emit(trace_lane_nested(self->cpu), 0)));
    self->nested++;
    trace_tell_losses(lane_of(NMI(self->cpu)));
    self->told++;
}

static void emit_some(struct core *self, uint64_t number)
{
    uint64_t word = number;
    self->normal++;
    self->refused += !emit(lane_of(NORMAL(self->cpu)), number);
    if (number % 16 == 0) {
        self->nmi++;
        VERIFY(emit(lane_of(NMI(self->cpu)), number));
    }
    if (number % 64 == 0) {
        emit_nested(self);
    }
    if (number % 4 == 0) {
        self->meta++;
        trace_meta_write(TRACE_EVENT_USER_MARK | 1ull << TRACE_WORDS_SHIFT, &word, 1);
    }
}

static void *record(void *argument)
{
    struct core *self = argument;
    support_begin(self->cpu); /* GS is a thread's own */
    for (unsigned phase = 1; phase <= PHASES; phase++) {
        for (uint64_t number = 0; !is_over(phase, number); number++) {
            emit_some(self, number);
            atomic_fetch_add(&self->tries, 1);
        }
        if (phase < PHASES) {
            pthread_barrier_wait(&phase_ends); /* stopped, as by a rendezvous */
            pthread_barrier_wait(&phase_begins);
        }
    }
    return NULL;
}

/* ---- A host that takes its time ------------------------------------------------------------ */

struct host {
    struct transport transport;
    bool is_slow;
    unsigned blocks;
    char *bytes;
    size_t count, room;
};

static uint64_t tries_of_both(void)
{
    return atomic_load(&core[0].tries) + atomic_load(&core[1].tries);
}

/* Until the writers have come round, or have ended: they do not wait for us. */
static void dawdle(void)
{
    uint64_t until = tries_of_both() + ROUND_TRIES;
    while (atomic_load(&is_recording) && tries_of_both() < until) {
        sched_yield();
    }
}

static status_t host_send(struct transport *transport, const struct transport_piece *pieces,
                          unsigned count)
{
    struct host *host = (struct host *)transport;
    if (host->is_slow && host->blocks++ % DAWDLES == 0) {
        dawdle();
    }
    for (unsigned i = 0; i < count; i++) {
        if (host->count + pieces[i].length > host->room) {
            host->room = 2 * (host->count + pieces[i].length);
            host->bytes = realloc(host->bytes, host->room);
        }
        memcpy(host->bytes + host->count, pieces[i].bytes, pieces[i].length);
        host->count += pieces[i].length;
    }
    return OK;
}

static unsigned host_receive(struct transport *transport, char *buffer, unsigned bytes)
{
    (void)transport;
    (void)buffer;
    (void)bytes;
    return 0;
}

/* ---- A session's account ------------------------------------------------------------------- */

struct account {
    uint64_t at[LANES];   /* position behind the newest sub-buffer that was delivered */
    uint64_t sent[LANES]; /* the same of those that were taken back, too */
    uint64_t next[LANES]; /* number of the record that comes next */
    uint64_t delivered[LANES], missing[LANES];
    uint64_t skipped; /* sub-buffers */
};

/* Records of a sub-buffer, each with its number; those of the meta lane have two writers, and are counted only. */
static uint64_t count_records(unsigned lane, const uint64_t *words, uint64_t bytes, uint64_t number)
{
    uint64_t count = 0;
    for (uint64_t at = sizeof(struct trace_subbuf) / 8; at < bytes / 8;
         at += 1 + TRACE_WORDS(words[at])) {
        if (TRACE_EVENT(words[at]) == TRACE_EVENT_TRACE_PAD) {
            continue;
        }
        if (TRACE_EVENT(words[at]) == TRACE_EVENT_USER_MARK && lane != META) {
            VERIFY(words[at + 1] == number + count);
            VERIFY(words[at + TRACE_WORDS(words[at])] == number + count);
        }
        count++;
    }
    return count;
}

static void note_sent(struct account *account, const char *payload)
{
    struct capture_subbuf place;
    memcpy(&place, payload, sizeof(place));
    VERIFY(place.lane < LANES && place.position + SUBBUF > account->sent[place.lane]);
    account->sent[place.lane] = place.position + SUBBUF;
}

static void add_subbuf(struct account *account, const struct capture_block *block,
                       const char *payload)
{
    static _Alignas(8) uint64_t words[SUBBUF / 8];
    struct capture_subbuf place;
    memcpy(&place, payload, sizeof(place));
    uint64_t bytes = block->bytes - sizeof(place);
    memcpy(words, payload + sizeof(place), bytes);
    const struct trace_subbuf *head = (const struct trace_subbuf *)words;
    unsigned lane = place.lane;
    VERIFY(block->payload_crc == crc32c(0, payload, block->bytes));
    VERIFY(head->magic == TRACE_SUBBUF_MAGIC);
    VERIFY(head->position == place.position);
    VERIFY(place.position >= account->at[lane]);
    VERIFY(head->first_event >= account->next[lane]);
    account->skipped += (place.position - account->at[lane]) / SUBBUF;
    account->missing[lane] += head->first_event - account->next[lane];
    uint64_t count = count_records(lane, words, bytes, head->first_event);
    account->delivered[lane] += count;
    account->next[lane] = head->first_event + count;
    account->at[lane] = place.position + SUBBUF;
}

/* The consumer's next block and what follows it, or NULL. */
static const char *next_block(const struct host *host, size_t *at, struct capture_block *block)
{
    if (*at == host->count) {
        return NULL;
    }
    memcpy(block, host->bytes + *at, sizeof(*block));
    VERIFY(block->magic == CAPTURE_MAGIC);
    VERIFY(block->header_crc == crc32c(0, block, offsetof(struct capture_block, header_crc)));
    const char *payload = host->bytes + *at + sizeof(*block);
    *at += sizeof(*block) + block->bytes;
    return payload;
}

/* A verdict follows what it is about (C2). */
static bool is_taken_back(const struct host *host, size_t at, uint64_t sequence)
{
    struct capture_block block;
    struct capture_verdict verdict;
    const char *payload = next_block(host, &at, &block);
    if (payload == NULL || block.type != CAPTURE_VERDICT) {
        return false;
    }
    memcpy(&verdict, payload, sizeof(verdict));
    VERIFY(verdict.sequence == sequence);
    return true;
}

/* Of one whole session. */
static void read_session(const struct host *host, struct account *account)
{
    struct capture_block block = {0};
    size_t at = 0;
    const char *payload;
    while ((payload = next_block(host, &at, &block)) != NULL) {
        if (block.type == CAPTURE_SUBBUF) {
            note_sent(account, payload);
        }
        if (block.type == CAPTURE_SUBBUF && !is_taken_back(host, at, block.sequence)) {
            add_subbuf(account, &block, payload);
        }
    }
    VERIFY(block.type == CAPTURE_END);
}

/* ---- Consumers ----------------------------------------------------------------------------- */

struct reader {
    struct consumer consumer;
    struct host host;
    struct account account;     /* of the session */
    uint64_t begun[LANES];      /* where it began */
    uint64_t sessions, skipped; /* of all */
};

static void begin_session(struct reader *reader)
{
    reader->host.count = 0;
    VERIFY(consumer_begin(&reader->consumer, true) == OK);
    memset(&reader->account, 0, sizeof(reader->account));
    for (unsigned lane = 0; lane < LANES; lane++) {
        reader->begun[lane] = reader->account.at[lane] = reader->consumer.next[lane];
    }
    reader->sessions++;
}

/* What the consumer says that it came too late for is what is not there. */
static void end_session(struct reader *reader)
{
    struct account *account = &reader->account;
    uint64_t behind = 0;
    VERIFY(consumer_end(&reader->consumer) == OK);
    read_session(&reader->host, account);
    for (unsigned lane = 0; lane < LANES; lane++) {
        uint64_t end = MAX(reader->consumer.next[lane], account->sent[lane]);
        behind += end <= account->at[lane] ? 0 : (end - account->at[lane]) / SUBBUF;
    }
    VERIFY(reader->consumer.overwritten == account->skipped + behind);
    reader->skipped += reader->consumer.overwritten;
}

static void *read_fast(void *argument)
{
    struct reader *reader = argument;
    while (atomic_load(&is_recording)) {
        VERIFY(consumer_ship(&reader->consumer) == OK);
        sched_yield();
    }
    return NULL;
}

static void *read_slowly(void *argument)
{
    struct reader *reader = argument;
    for (unsigned ships = 1; atomic_load(&is_recording); ships++) {
        VERIFY(consumer_ship(&reader->consumer) == OK);
        if (ships % SHIPS == 0) {
            end_session(reader);
            begin_session(reader);
            atomic_fetch_add(&slow_sessions, 1);
        }
        dawdle();
    }
    return NULL;
}

static void tell_progress(unsigned lane, uint64_t position)
{
    VERIFY(trace_consumed(lane, position & TRACE_CONSUMED_POSITION) == OK);
}

static void open_reader(struct reader *reader, bool is_slow)
{
    *reader =
        (struct reader){.host = {{"test", 0, host_send, host_receive}, is_slow, 0, NULL, 0, 0}};
    VERIFY(consumer_open(&reader->consumer, region, REGION_BYTES, 0, &reader->host.transport) ==
           OK);
    reader->consumer.progress = is_slow ? NULL : tell_progress;
    begin_session(reader);
}

/* ---- The test ------------------------------------------------------------------------------ */

static void begin(void)
{
    support_begin(0);
    memory = aligned_alloc(0x1000, REGION_BYTES);
    handoff.trace_base = virt_to_phys(memory);
    handoff.trace_bytes = REGION_BYTES;
    trace_init(&handoff);
    trace_set_cpus(CORES);
    region = trace_region_get();
    assert_int_equal(region->lane_count, LANES);
    assert_int_equal(trace_rings_lay(RING_BYTES, false), OK);
}

/* The cores record; between phases they stand, and the rings are made anew. */
static void play_phases(void)
{
    pthread_t thread[CORES];
    pthread_barrier_init(&phase_ends, NULL, CORES + 1);
    pthread_barrier_init(&phase_begins, NULL, CORES + 1);
    for (unsigned cpu = 0; cpu < CORES; cpu++) {
        core[cpu] = (struct core){.cpu = cpu};
        assert_int_equal(pthread_create(&thread[cpu], NULL, record, &core[cpu]), 0);
    }
    for (unsigned phase = 1; phase < PHASES; phase++) {
        pthread_barrier_wait(&phase_ends);
        bool wants_oldest = phase == 1;
        assert_int_equal(trace_rings_lay(wants_oldest ? 2 * RING_BYTES : RING_BYTES, wants_oldest),
                         OK);
        pthread_barrier_wait(&phase_begins);
    }
    for (unsigned cpu = 0; cpu < CORES; cpu++) {
        pthread_join(thread[cpu], NULL);
    }
}

/* What was tried is in the counts of the lane, by cause. */
static void check_counts(void)
{
    uint64_t meta = 0;
    for (unsigned cpu = 0; cpu < CORES; cpu++) {
        const struct trace_lane *normal = lane_of(NORMAL(cpu)), *nmi = lane_of(NMI(cpu));
        assert_int_equal(normal->lost[TRACE_LOST_FULL], core[cpu].refused);
        assert_int_equal(normal->events + core[cpu].refused, core[cpu].normal);
        assert_true(core[cpu].refused > TRIES / 2);
        assert_int_equal(nmi->lost[TRACE_LOST_NESTED], core[cpu].nested);
        assert_int_equal(nmi->events, core[cpu].nmi + core[cpu].told);
        meta += core[cpu].meta;
    }
    assert_int_equal(lane_of(META)->events + lane_of(META)->lost[TRACE_LOST_FULL], meta);
    assert_true(lane_of(META)->lost[TRACE_LOST_FULL] > 0);
}

/* What the lanes took was delivered or is missing. */
static void check_account(const struct reader *reader)
{
    const struct account *account = &reader->account;
    for (unsigned lane = 0; lane < LANES; lane++) {
        assert_int_equal(account->delivered[lane] + account->missing[lane], lane_of(lane)->events);
        assert_true(account->delivered[lane] > 0);
    }
}

static void nobody_hurts_another_and_all_is_accounted_for(void **state)
{
    (void)state;
    static struct reader fast, slow;
    pthread_t fast_thread, slow_thread;
    begin();
    open_reader(&fast, false);
    open_reader(&slow, true);
    atomic_store(&is_recording, true);
    assert_int_equal(pthread_create(&fast_thread, NULL, read_fast, &fast), 0);
    assert_int_equal(pthread_create(&slow_thread, NULL, read_slowly, &slow), 0);
    play_phases();
    atomic_store(&is_recording, false);
    pthread_join(fast_thread, NULL);
    pthread_join(slow_thread, NULL);
    end_session(&fast);
    end_session(&slow);
    check_counts();
    check_account(&fast);
    check_account(&slow);
    assert_int_equal(fast.sessions, 1);
    print_message("fast: %llu sub-buffers overwritten; slow: %llu, %llu sessions\n",
                  (unsigned long long)fast.skipped, (unsigned long long)slow.skipped,
                  (unsigned long long)slow.sessions);
    assert_true(slow.sessions > SESSIONS && slow.skipped > 0);
    free(fast.host.bytes);
    free(slow.host.bytes);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_hurts_another_and_all_is_accounted_for)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
