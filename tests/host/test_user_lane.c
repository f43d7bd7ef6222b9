/* SPDX-License-Identifier: MIT */
/*
 * Lanes of programs (kernel/vm/user_lane.c) with what programs may put into them: records of the real writer, writers that are held
 * up, one that goes round while it is read, and nonsense. U1 to U3 are those of user_lane.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/hooks.h"
#include "gen/trace_emit.h"
#include "kernel/abi/memory.h"
#include "sched/thread.h"
#include "tests/host/kernel_support.h"
#include "trace/ring/ring.h"
#include "userspace/lib/user_trace.h"
#include "vm/area.h"
#include "vm/space.h"
#include "vm/user_lane.h"

#define PROCESS   7u
#define OTHER     8u
#define SEEN_MAX  (4 * USER_TRACE_SLOTS)
#define PATIENCE  (USER_TRACE_SLOTS / 2)
#define TORN      0x9e3779b97f4a7c15ull
#define WRITTEN   200000u
#define NONSENSES 20000u

struct user_trace_lane *user_trace_lane; /* of the writer */

static struct user_trace_lane *memory; /* of all lanes */
static bool has_region, map_fails;
static uint64_t expected_process;
static uint64_t handed_over;

/* ---- what comes out ---- */

struct record {
    uint64_t kind;
    uint32_t track, id;
    uint64_t value;
};

static struct record seen[SEEN_MAX];
static uint64_t seen_count, lost_count;
static bool keeps_seen;
static void (*after_record)(void); /* a writer goes on between two records */

/* Whoever calls holds a lock: what is wrong is told when it has let go. */
static unsigned wrong;

static void must(bool holds)
{
    wrong += !holds;
}

/* U2 */
void trace_emit_user_record(struct trace_lane *lane, uint8_t kind, uint32_t process, uint32_t track,
                            uint32_t id, uint64_t time, uint64_t value)
{
    (void)lane;
    must(process == expected_process && kind <= TRACE_USER_KIND_FLOW_IN);
    must(id >> USER_TRACE_ID_BITS == 0);
    must(time >= user_lanes[0].opened && time <= cpu_tsc());
    if (keeps_seen) {
        seen[seen_count % SEEN_MAX] = (struct record){kind, track, id, value};
    } else {
        must(value == track * TORN); /* as the thread below writes: nothing of two records */
    }
    seen_count++;
    if (after_record != NULL) {
        after_record();
    }
}

void trace_write_2(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2)
{
    (void)lane;
    must(TRACE_EVENT(header) == TRACE_EVENT_USER_LOST && word1 == expected_process && word2 != 0);
    lost_count += word2;
}

struct trace_lane trace_hook_lanes[2];

/* ---- what the lanes need of the kernel ---- */

paddr_t trace_user_physical(unsigned index)
{
    return has_region && index < USER_LANES_MAX ? virt_to_phys(&memory[index]) : 0;
}

void preempt_point(void)
{
}

status_t area_create_physical(paddr_t base, uint64_t bytes, bool writable, enum area_cache cache,
                              struct area **out)
{
    assert_true(bytes == USER_TRACE_BYTES && writable && cache == AREA_CACHE_WRITE_BACK);
    *out = phys_to_virt(base);
    return OK;
}

status_t space_map(struct space *space, const struct space_view *view, vaddr_t va, vaddr_t *out_va)
{
    (void)space;
    assert_true(va == 0 && view->bytes == USER_TRACE_BYTES && !(view->protection & PROT_EXEC));
    *out_va = map_fails ? 0 : (vaddr_t)view->area;
    return map_fails ? ERR_NO_MEMORY : OK;
}

void object_put(struct object *object)
{
    (void)object;
}

void user_trace_hand_over(void)
{
    handed_over++;
}

/* ---- setting up ---- */

static void open_lane(uint32_t process)
{
    vaddr_t address = 0;
    assert_int_equal(user_lane_open(process, NULL, &address), OK);
    user_trace_lane = (struct user_trace_lane *)address;
    expected_process = process;
}

static int begin(void **state)
{
    (void)state;
    support_begin(0);
    memory = aligned_alloc(0x1000, USER_LANES_MAX * sizeof(*memory));
    memset(memory, 0xa5, USER_LANES_MAX * sizeof(*memory)); /* what owners before have left */
    memset(user_lanes, 0, sizeof(user_lanes));
    has_region = keeps_seen = true;
    map_fails = false;
    after_record = NULL;
    seen_count = lost_count = handed_over = wrong = 0;
    open_lane(PROCESS);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < USER_LANES_MAX; i++) {
        if (user_lanes[i].process != 0) {
            expected_process = user_lanes[i].process;
            hook_process_gone(user_lanes[i].process);
        }
    }
    free(memory);
    return 0;
}

static void write_some(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        USER_INSTANT(3, 5, i);
    }
}

/* A writer takes its number and is held up there. */
static uint64_t reserve(void)
{
    return user_trace_lane->next++;
}

/* It goes on. */
static void commit(uint64_t number, uint64_t value)
{
    struct user_trace_slot *slot = &user_trace_lane->slot[number % USER_TRACE_SLOTS];
    slot->value = value;
    slot->track = 9;
    slot->kind_id = (unsigned)TRACE_USER_KIND_INSTANT << USER_TRACE_ID_BITS;
    slot->time = cpu_tsc();
    slot->mark = number + 1;
}

static void expect(uint64_t records, uint64_t lost)
{
    assert_int_equal(wrong, 0);
    assert_int_equal(seen_count, records);
    assert_int_equal(lost_count, lost);
    assert_int_equal(user_lanes[0].records, records);
    assert_int_equal(user_lanes[0].lost, lost);
}

/* ---- honest programs ---- */

static void records_come_out_as_they_were_written(void **state)
{
    (void)state;
    USER_SPAN_BEGIN(11, 1);
    USER_COUNTER(0xffffff, 77);
    USER_FLOW_OUT(11, 2, 1ull << 63);
    USER_SPAN_END(11);
    user_lane_collect(OTHER);
    expect(0, 0);
    user_lane_collect(PROCESS);
    expect(4, 0);
    const struct record wanted[] = {{TRACE_USER_KIND_BEGIN, 11, 1, 0},
                                    {TRACE_USER_KIND_COUNTER, 0, 0xffffff, 77},
                                    {TRACE_USER_KIND_FLOW_OUT, 11, 2, 1ull << 63},
                                    {TRACE_USER_KIND_END, 11, 0, 0}};
    for (unsigned i = 0; i < 4; i++) {
        assert_memory_equal(&seen[i], &wanted[i], sizeof(wanted[i]));
    }
    user_lane_collect(0);
    expect(4, 0);
}

static void who_goes_round_loses_the_oldest_and_it_is_counted(void **state)
{
    (void)state;
    write_some(100);
    user_lane_collect(PROCESS);
    write_some(USER_TRACE_SLOTS);
    user_lane_collect(PROCESS);
    expect(100 + USER_TRACE_SLOTS, 0);
    write_some(USER_TRACE_SLOTS + 300);
    user_lane_collect(PROCESS);
    expect(100 + 2 * USER_TRACE_SLOTS, 300);
    assert_int_equal(seen[100 + USER_TRACE_SLOTS].value, 300); /* the oldest that is left */
    assert_int_equal(handed_over, (100 + 2 * USER_TRACE_SLOTS + 300) / USER_TRACE_BATCH);
}

/* ---- writers that are held up ---- */

static void a_writer_is_waited_for_but_not_for_ever(void **state)
{
    (void)state;
    write_some(10);
    uint64_t held = reserve();
    write_some(20);
    user_lane_collect(PROCESS);
    expect(10, 0);
    commit(held, 42);
    user_lane_collect(PROCESS);
    expect(31, 0);
    assert_int_equal(seen[10].value, 42);

    held = reserve();
    write_some(PATIENCE - 1);
    user_lane_collect(PROCESS);
    expect(31, 0);
    write_some(1);
    user_lane_collect(PROCESS);
    expect(31 + PATIENCE, 1);
    commit(held, 43); /* too late */
    user_lane_collect(PROCESS);
    expect(31 + PATIENCE, 1);
}

/* Its mark is an old one by now, in the slot of somebody who had committed. */
static void a_writer_that_comes_a_round_late_spoils_one_record(void **state)
{
    (void)state;
    uint64_t held = reserve();
    write_some(USER_TRACE_SLOTS - 1);
    user_lane_collect(PROCESS);
    expect(USER_TRACE_SLOTS - 1, 1);
    USER_INSTANT(3, 5, 1234); /* has the slot now */
    commit(held, 43);
    user_lane_collect(PROCESS);
    expect(USER_TRACE_SLOTS - 1, 1);
    write_some(PATIENCE);
    user_lane_collect(PROCESS);
    expect(USER_TRACE_SLOTS - 1 + PATIENCE, 2);
}

static void what_is_not_committed_at_the_end_is_lost(void **state)
{
    (void)state;
    write_some(3);
    uint64_t held = reserve();
    write_some(4);
    hook_process_gone(OTHER);
    assert_int_equal(user_lanes[0].process, PROCESS);
    hook_process_gone(PROCESS);
    expect(7, 1);
    assert_int_equal(user_lanes[0].process, 0);
    commit(held, 1);
    open_lane(OTHER); /* U3: it finds nothing of that */
    seen_count = lost_count = 0;
    user_lane_collect(0);
    expect(0, 0);
}

/* ---- nonsense (U1) ---- */

static void records_that_make_no_sense_are_counted(void **state)
{
    (void)state;
    const struct user_trace_slot bad[] = {
        {.time = cpu_tsc(), .kind_id = (TRACE_USER_KIND_FLOW_IN + 1u) << USER_TRACE_ID_BITS},
        {.time = cpu_tsc(), .kind_id = UINT32_MAX},
        {.time = user_lanes[0].opened - 1},
        {.time = 0},
        {.time = cpu_tsc() + (1ull << 40)},
        {.time = UINT64_MAX},
    };
    const unsigned count = sizeof(bad) / sizeof(bad[0]);
    for (unsigned i = 0; i < count; i++) {
        uint64_t number = reserve();
        user_trace_lane->slot[number] = bad[i];
        user_trace_lane->slot[number].mark = number + 1;
    }
    USER_INSTANT(1, 1, 1);
    user_lane_collect(PROCESS);
    expect(1, count);
}

static void a_number_that_lies_is_followed_and_costs_no_more_than_a_round(void **state)
{
    (void)state;
    write_some(10);
    user_lane_collect(PROCESS);
    user_trace_lane->next = 5; /* back */
    user_lane_collect(PROCESS);
    assert_int_equal(user_lanes[0].next, 5);
    user_trace_lane->next =
        1ull << 40; /* far ahead: what it skips is lost, and the slots hold other marks */
    user_lane_collect(PROCESS);
    expect(10, (1ull << 40) - 5 - PATIENCE);
    user_trace_lane->next = 0;
    user_lane_collect(PROCESS);
    assert_int_equal(user_lanes[0].next, 0);
    seen_count = 0;
    user_trace_lane->next = 10;
    user_lane_collect(
        PROCESS); /* the same once more: whoever lies is believed in nothing but his own lane */
    assert_int_equal(seen_count, 10);
}

static uint64_t random_word(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static void any_contents_are_survived(void **state)
{
    (void)state;
    struct user_trace_lane *lane = user_trace_lane;
    uint64_t random = 88172645463325252ull;
    for (unsigned i = 0; i < NONSENSES; i++) {
        uint64_t word = random_word(&random);
        struct user_trace_slot *slot = &lane->slot[word % USER_TRACE_SLOTS];
        switch (word >> 32 & 7) {
        case 0:
            lane->next = random_word(&random);
            break;
        case 1:
            lane->next = user_lanes[0].next + word % (2 * USER_TRACE_SLOTS);
            break;
        case 2:
            lane->next = user_lanes[0].next - word % 16;
            break;
        case 3:
            slot->mark = random_word(&random);
            break;
        case 4:
            slot->kind_id = (uint32_t)random_word(&random);
            break;
        case 5:
            slot->time = random_word(&random);
            break;
        default:
            commit(lane->next++, word);
        }
        seen_count = 0;
        user_lane_collect(0);
        assert_true(wrong == 0 && seen_count <= USER_TRACE_SLOTS);
    }
}

/* ---- a writer at work ---- */

/* It goes round, and has half of the next slot when it is held up: the mark is still that of the record to be read. */
static void begin_next_slot(void)
{
    after_record = NULL;
    commit(reserve(), 1);
    user_trace_lane->slot[reserve() % USER_TRACE_SLOTS].value = UINT64_MAX;
}

static void a_slot_that_is_being_written_again_is_lost(void **state)
{
    (void)state;
    write_some(USER_TRACE_SLOTS);
    after_record = begin_next_slot;
    user_lane_collect(PROCESS);
    expect(USER_TRACE_SLOTS - 1, 1); /* all but that one, in a round and no more */
    user_lane_collect(PROCESS);
    expect(USER_TRACE_SLOTS, 1); /* what is in the first slot by now; the other is not committed */
    for (unsigned i = 0; i < seen_count; i++) {
        assert_true(seen[i].value != UINT64_MAX);
    }
}

/* As user_trace_write() does it, but slowly between the parts that must belong together. */
static void *write_slowly(void *argument)
{
    struct user_trace_lane *lane = argument;
    for (uint32_t i = 0; i < WRITTEN; i++) {
        uint64_t number = __atomic_fetch_add(&lane->next, 1, __ATOMIC_RELAXED);
        volatile struct user_trace_slot *slot = &lane->slot[number % USER_TRACE_SLOTS];
        slot->value = i * TORN;
        for (unsigned k = 0; k < 5; k++) {
            __asm__ volatile("pause");
        }
        slot->track = i;
        slot->kind_id = (unsigned)TRACE_USER_KIND_INSTANT << USER_TRACE_ID_BITS;
        slot->time = cpu_tsc();
        __atomic_store_n(&slot->mark, number + 1, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&lane->reserved[0], 1, __ATOMIC_RELEASE);
    return NULL;
}

static void what_is_written_over_while_it_is_read_does_not_come_out(void **state)
{
    (void)state;
    pthread_t writer;
    keeps_seen = false;
    assert_int_equal(pthread_create(&writer, NULL, write_slowly, user_trace_lane), 0);
    while (__atomic_load_n(&user_trace_lane->reserved[0], __ATOMIC_ACQUIRE) == 0) {
        uint64_t next = __atomic_load_n(&user_trace_lane->next, __ATOMIC_RELAXED);
        if (next - user_lanes[0].next >= USER_TRACE_SLOTS) { /* where it writes is the oldest */
            user_lane_collect(PROCESS);
        }
    }
    pthread_join(writer, NULL);
    user_lane_collect(PROCESS);
    assert_int_equal(wrong, 0);
    assert_int_equal(seen_count + lost_count, WRITTEN); /* exactly */
    assert_true(seen_count != 0);
}

/* ---- who has a lane ---- */

static void a_lane_for_each_process_as_long_as_there_are_some(void **state)
{
    (void)state;
    vaddr_t address, again;
    for (unsigned i = 1; i < USER_LANES_MAX; i++) {
        assert_int_equal(user_lane_open(100 + i, NULL, &address), OK);
        assert_int_equal(user_lane_open(100 + i, NULL, &again), OK);
        assert_int_equal(address, again);
    }
    assert_int_equal(user_lane_open(200, NULL, &address), ERR_TABLE_FULL);
    hook_process_gone(101);
    map_fails = true;
    assert_int_equal(user_lane_open(200, NULL, &address), ERR_NO_MEMORY);
    map_fails = false; /* and nobody has it */
    assert_int_equal(user_lane_open(200, NULL, &address), OK);
    has_region = false;
    assert_int_equal(user_lane_open(201, NULL, &address), ERR_NO_MEMORY);
    has_region = true;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_come_out_as_they_were_written),
        TEST(who_goes_round_loses_the_oldest_and_it_is_counted),
        TEST(a_writer_is_waited_for_but_not_for_ever),
        TEST(a_writer_that_comes_a_round_late_spoils_one_record),
        TEST(what_is_not_committed_at_the_end_is_lost),
        TEST(records_that_make_no_sense_are_counted),
        TEST(a_number_that_lies_is_followed_and_costs_no_more_than_a_round),
        TEST(any_contents_are_survived),
        TEST(a_slot_that_is_being_written_again_is_lost),
        TEST(what_is_written_over_while_it_is_read_does_not_come_out),
        TEST(a_lane_for_each_process_as_long_as_there_are_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
