/* SPDX-License-Identifier: MIT */
/*
 * Whether the trace can be read as fast as it is written: one core emits an event every 300 instructions, another ships
 * what is finished into memory, with the tracer's own code. Several times what the ring holds goes through it.
 */
#include <stdatomic.h>
#include <string.h>

#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "kernel/abi/message.h"
#include "kernel/abi/trace.h"
#include "trace/ring/layout.h"
#include "userspace/lib/check.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/bench/bench.h"
#include "userspace/services/tracer/consumer.h"

#define INSTRUCTIONS 300u
#define LOOP_TURNS   1000u /* of two instructions */
#define EVENT_BYTES  24u
#define RINGS        3u
#define MARKS_FIRST  256u

static atomic_bool stop;
static struct consumer consumer;
static uint64_t trace;

/* ---- the consumer ---- */

static uint8_t memory[2 * TRACE_SUBBUF_BYTES];

static status_t keep(struct transport *transport, const struct transport_piece *pieces,
                     unsigned count)
{
    uint64_t at = 0;

    (void)transport;
    for (unsigned i = 0; i < count && at + pieces[i].length <= sizeof(memory); i++) {
        memcpy(memory + at, pieces[i].bytes, pieces[i].length);
        at += pieces[i].length;
    }
    return OK;
}

static void consume(void *unused)
{
    uint64_t first, second, seen = 0;

    (void)unused;
    must(sys_trace_control(trace, TRACE_CONTROL_EXEMPT, 1, &first, &second));
    while (!atomic_load_explicit(&stop, memory_order_acquire)) {
        must(sys_trace_wait(trace, seen, DEADLINE_FOREVER, &seen));
        must(consumer_ship(&consumer));
    }
}

/* ---- the emitter ---- */

static void turn(uint64_t turns)
{
    __asm__ volatile("1: decq %0; jnz 1b" : "+r"(turns)::"cc");
}

/* Turns of the loop that fill a mark up to so many instructions. */
static uint64_t turns_beside_a_mark(void)
{
    struct samples *samples = samples_reset();

    for (unsigned i = 0; i < MARKS_FIRST; i++) {
        MEASURE(samples, turn(LOOP_TURNS));
    }
    uint64_t loop = samples_figure(samples).min;
    uint64_t mark_turns = bench_mark().min * LOOP_TURNS / loop;
    VERIFY(mark_turns + 1 < INSTRUCTIONS / 2);
    return INSTRUCTIONS / 2 - mark_turns;
}

static const struct trace_region *map_region(uint64_t *out_bytes)
{
    uint64_t physical, area, address;

    must(sys_trace_control(trace, TRACE_CONTROL_INFO, 0, &physical, out_bytes));
    must(sys_trace_map(trace, &area));
    must(sys_area_map(program.self, area, 0, *out_bytes, 0, PROT_READ, &address));
    must(sys_handle_close(area));
    return (const struct trace_region *)address;
}

static const struct trace_lane_place *own_lane(const struct trace_region *region)
{
    const struct trace_lane_place *place = region->lane;

    while (place->kind != TRACE_LANE_NORMAL || place->cpu != bench.core) {
        place++;
    }
    return place;
}

static uint64_t count_lost(const struct trace_region *region)
{
    const struct trace_lane *lane =
        (const void *)((const char *)region + own_lane(region)->control_offset);
    uint64_t lost = consumer.overwritten * (TRACE_SUBBUF_BYTES / EVENT_BYTES);

    for (unsigned cause = 0; cause < TRACE_LOST_CAUSES; cause++) {
        lost += lane->lost[cause];
    }
    return lost;
}

uint64_t bench_loss(void)
{
    static struct transport transport = {.name = "memory", .send = keep};
    struct thread thread;
    uint64_t bytes;

    trace = program_handle("trace");
    const struct trace_region *region = map_region(&bytes);
    uint64_t turns = turns_beside_a_mark();
    uint64_t count = RINGS * own_lane(region)->ring_bytes / EVENT_BYTES;
    must(consumer_open(&consumer, region, bytes, 0, &transport));
    must(consumer_begin(&consumer, false));
    must(thread_start(&thread, consume, NULL,
                      THREAD_CORE((bench.core + 1) % bench.cores) | THREAD_PRIORITY(BENCH_PRIORITY),
                      "consumer"));
    for (uint64_t i = 0; i < count; i++) {
        mark(MARK_ROUND, i);
        turn(turns);
    }
    /* The wait of the consumer ends when the next sub-buffer does. */
    atomic_store_explicit(&stop, true, memory_order_release);
    for (uint64_t i = 0; i < 2 * TRACE_SUBBUF_BYTES / EVENT_BYTES; i++) {
        mark(MARK_ROUND, i);
    }
    thread_join(&thread);
    must(consumer_ship(&consumer));
    return count_lost(region);
}
