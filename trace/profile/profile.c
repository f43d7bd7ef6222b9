/* SPDX-License-Identifier: MIT */
/* The sampling profiler (profile.h). */
#include "trace/profile/profile.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/pit.h"
#include "gen/trace_emit.h"
#include "kdebug/core/kdebug.h"
#include "trace/profile/stack.h"
#include "trace/ring/ring.h"

#define BEAT_CPU      0u
#define BEAT_ISA_LINE 0u
#define KNOWN_STACKS  64u
#define CLOCK_TRIES   8u
#define LATE_BEATS    64u

/* profile.stack and profile.sample together. */
#define SAMPLE_BYTES(frames) (8ull * (2 + (frames) + 2))

/*
 * Beats are told from other NMIs by the timer itself: its counter says how long ago the latest beat was, so when. If
 * that is not the beat that was served last, this NMI is a new one's.
 */
static struct {
    volatile unsigned rate; /* 0: off */
    unsigned period;        /* in counts of PIT_HZ */
    tsc_t latest;           /* the beat that was served last */
} beat;

/* Stacks that the current sub-buffer of the core's NMI lane defines. */
struct known {
    uint64_t hash;
    uint64_t limit; /* where the sub-buffer ends; 0: free */
    uint16_t id;
};

/* (o) own core, NMI class  (a) atomic */
static struct {
    atomic_uint owed;                 /* (a) beats that core 0 has passed on */
    tsc_t late_until;                 /* (o) see is_explained() */
    uint16_t next_id;                 /* (o) */
    struct known known[KNOWN_STACKS]; /* (o) */
} cores[CPU_MAX];

status_t profile_set_rate(unsigned rate)
{
    if (rate != 0 && (rate < PIT_RATE_MIN || rate > PROFILE_RATE_MAX)) {
        return ERR_RANGE;
    }
    ioapic_mask(BEAT_ISA_LINE, true);
    beat.rate = 0;
    pit_stop();
    if (rate != 0) {
        kdebug_use_symbols();
        beat.period = pit_start(rate);
        if (!pit_is_counting(beat.period)) {
            return ERR_NOT_SUPPORTED;
        }
        beat.latest = cpu_tsc();
        beat.rate = rate;
        ioapic_route_nmi(BEAT_ISA_LINE, BEAT_CPU);
    }
    return OK;
}

unsigned profile_rate(void)
{
    return beat.rate;
}

/* ---- recording ---- */

static uint64_t hash_of(const struct profile_stack *stack)
{
    uint64_t hash = stack->kernel;
    for (unsigned i = 0; i < stack->count; i++) {
        hash = (hash ^ stack->frame[i]) * 0x9e3779b97f4a7c15ull;
        hash ^= hash >> 32;
    }
    return hash;
}

/* The number under which this sub-buffer knows the stack; it is told if it does not yet (F2). */
static uint16_t stack_id(unsigned cpu, const struct profile_stack *stack)
{
    struct trace_lane *lane = trace_lane();
    uint64_t hash = hash_of(stack);
    struct known *known = &cores[cpu].known[hash % KNOWN_STACKS];
    if (lane->position + SAMPLE_BYTES(stack->count) > lane->limit) {
        trace_advance(lane, 0); /* both records go into one sub-buffer */
    }
    if (known->limit != lane->limit || known->hash != hash) {
        known->id = cores[cpu].next_id++;
        known->hash = hash;
        trace_emit_profile_stack(lane, (uint8_t)stack->kernel, known->id,
                                 (const char *)stack->frame, stack->count * sizeof(uint64_t));
        known->limit = lane->limit;
    }
    return known->id;
}

static void take_sample(const struct trap_frame *frame, unsigned cpu, uint64_t missed)
{
    struct profile_stack stack;
    if (!trace_event_set_has(&trace_events_on, TRACE_EVENT_PROFILE_SAMPLE)) {
        return;
    }
    profile_stack_walk(frame, &stack);
    uint16_t id = stack_id(cpu, &stack);
    struct trace_lane *lane = trace_lane();
    trace_emit_profile_sample(lane, !frame_is_user(frame), id, this_cpu()->current_tid,
                              (uint16_t)MIN(missed, (uint64_t)UINT16_MAX));
}

/* ---- beats ---- */

static tsc_t ticks_of(unsigned counts)
{
    return clock_tsc_khz() * counts / (PIT_HZ / 1000);
}

/* When the latest beat was. Under an emulator that is held up between the two readings they do not belong together. */
static tsc_t latest_beat(tsc_t period)
{
    tsc_t before, after;
    unsigned elapsed, tries = CLOCK_TRIES;
    do {
        before = cpu_tsc();
        elapsed = pit_elapsed(beat.period);
        after = cpu_tsc();
    } while (after - before > period / 4 && --tries > 0);
    return after - ticks_of(elapsed);
}

/* Beats since the one that was served last; 0: none. */
static uint64_t new_beats(void)
{
    tsc_t period = ticks_of(beat.period);
    tsc_t latest = latest_beat(period);
    uint64_t beats = latest < beat.latest ? 0 : (latest - beat.latest + period / 2) / period;
    beat.latest = beats == 0 ? beat.latest : latest;
    return beats;
}

/*
 * Where several beats were found at once, the NMIs of all but one may still come, or may have become one: they find nothing
 * new. So for a while after that an NMI is no surprise.
 */
static bool is_explained(unsigned cpu, uint64_t beats)
{
    tsc_t now = cpu_tsc();
    if (beats > 1) {
        cores[cpu].late_until = now + LATE_BEATS * ticks_of(beat.period);
    }
    return beats != 0 || now < cores[cpu].late_until;
}

static void pass_on(void)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (cpu != BEAT_CPU && cpus[cpu].current_tid != 0) {
            atomic_fetch_add_explicit(&cores[cpu].owed, 1, memory_order_release);
            ipi_send_nmi(cpu);
        }
    }
}

bool profile_nmi(const struct trap_frame *frame)
{
    unsigned cpu = cpu_id();
    uint64_t beats;
    if (cpu == BEAT_CPU) {
        beats = beat.rate == 0 ? 0 : new_beats();
        if (beats != 0) {
            pass_on();
        }
    } else {
        beats = atomic_exchange_explicit(&cores[cpu].owed, 0, memory_order_acquire);
    }
    if (beats != 0 && this_cpu()->current_tid != 0) {
        take_sample(frame, cpu, beats - 1);
    }
    return is_explained(cpu, beats);
}
