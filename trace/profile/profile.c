/* SPDX-License-Identifier: MIT */
/* The sampling profiler (profile.h). */
#include "trace/profile/profile.h"

#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/nmi_beat.h"
#include "arch/pit.h"
#include "gen/trace_emit.h"
#include "kdebug/core/kdebug.h"
#include "trace/profile/stack.h"
#include "trace/ring/ring.h"

#define KNOWN_STACKS 64u
#define LATE_BEATS   64u

/* profile.stack and profile.sample together. */
#define SAMPLE_BYTES(frames) (8ull * (2 + (frames) + 2))

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
    if (rate != 0) {
        kdebug_use_symbols();
    }
    return nmi_beat_want(NMI_BEAT_PROFILE, rate);
}

unsigned profile_rate(void)
{
    return nmi_beat_wanted(NMI_BEAT_PROFILE);
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

/*
 * Where several beats were found at once, the NMIs of all but one may still come, or may have become one: they find nothing
 * new. So for a while after that an NMI is no surprise.
 */
static bool is_explained(unsigned cpu, uint64_t beats)
{
    tsc_t now = cpu_tsc();
    if (beats > 1) {
        cores[cpu].late_until = now + LATE_BEATS * nmi_beat_ticks();
    }
    return beats != 0 || now < cores[cpu].late_until;
}

static void pass_on(void)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (cpu != NMI_BEAT_CPU && cpus[cpu].current_tid != 0) {
            atomic_fetch_add_explicit(&cores[cpu].owed, 1, memory_order_release);
            ipi_send_nmi(cpu);
        }
    }
}

bool profile_nmi(const struct trap_frame *frame)
{
    unsigned cpu = cpu_id();
    uint64_t beats;
    bool is_sampling = profile_rate() != 0;
    if (cpu == NMI_BEAT_CPU) {
        beats = nmi_beat_take();
        if (beats != 0 && is_sampling) {
            pass_on();
        }
    } else {
        beats = atomic_exchange_explicit(&cores[cpu].owed, 0, memory_order_acquire);
    }
    if (beats != 0 && is_sampling && this_cpu()->current_tid != 0) {
        take_sample(frame, cpu, beats - 1);
    }
    return is_explained(cpu, beats);
}
