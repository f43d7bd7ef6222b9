/* SPDX-License-Identifier: MIT */
/* The runs of the sweep (sweep.h): who is interrupted, when, by what. What must hold then is in lanes.c. */
#include "trace/sweep/sweep.h"

#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/interruption.h"
#include "arch/mmu.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "mm/frame.h"
#include "trace/ring/ring.h"
#include "trace/sweep/emit_any.h"
#include "trace/sweep/lanes.h"
#include "trace/sweep/thunks.h"

#define RINGS_ORDER     5u /* 2 * SWEEP_RING_BYTES in frames */
#define BOUNDARIES_MAX  SWEEP_CAUGHT_MAX
#define TRIES_MAX       100u
#define ROOM_ENOUGH     0x1000u
#define PROBE_FIRST     16u
#define PROBE_COUNT     24u
#define TICKS_SHIFT_MAX 8u

_Static_assert(2 * SWEEP_RING_BYTES == 0x1000u << RINGS_ORDER, "two rings");

enum interruption {
    INTERRUPT_NEVER,
    INTERRUPT_EACH,  /* after every instruction, by #DB */
    INTERRUPT_DEBUG, /* after instruction `at`, by #DB */
    INTERRUPT_TIMER, /* `at` instructions after it was armed, by NMI */
    INTERRUPT_HELD,  /* the same, by one that may be masked: it has to wait (W5) */
};

typedef void (*thunk_fn)(struct sweep_run *run);

/* Of the one sweep there is at a time. */
static struct {
    atomic_uint cpu; /* that sweeps, plus 1 */
    struct sweep_run run;
    struct trace_sweep_result *result;
    void *rings;
    struct trace_lane *source; /* what the emitter is given; NULL: the normal lane */
    thunk_fn thunk;            /* in place of the emitter; NULL: none */
    enum interruption kind;
    unsigned at, steps;
    unsigned ticks_shift; /* an instruction lasts 2^this ticks of the timer */
    volatile bool is_probing;
    uint64_t probed; /* rip */
    bool is_armed, is_nesting, is_disturbed;
    bool is_reached; /* INTERRUPT_HELD: the time was up before the emitter was at its end */
    struct trace_lane *real_nmi;
    const char *wrong; /* seen at an interruption, the how-many-th */
    unsigned wrong_at;
    uint64_t random;
} sweep;

/* ---- Interruptions ------------------------------------------------------------------------- */

/* Where an NMI hits so many ticks after it was asked for; 0: not in the instructions below. */
static NOINLINE uint64_t probe(unsigned ticks)
{
    sweep.kind = INTERRUPT_TIMER;
    sweep.is_probing = true;
    timer_nmi_after(ticks);
    __asm__ volatile(".rept 64; nop; .endr" ::: "memory");
    while (sweep.is_probing) {
        cpu_relax();
    }
    return sweep.probed;
}

/* Does one instruction last 2^shift ticks, again and again? */
static bool lasts(unsigned shift)
{
    uint64_t first = probe(PROBE_FIRST << shift);
    for (unsigned i = 1; i < PROBE_COUNT; i++) {
        if (probe((PROBE_FIRST + i) << shift) != first + i) {
            return false;
        }
    }
    return true;
}

static bool timer_counts_instructions(void)
{
    for (unsigned shift = 0; shift < TICKS_SHIFT_MAX; shift++) {
        if (lasts(shift)) {
            sweep.ticks_shift = shift;
            return true;
        }
    }
    return false;
}

static bool is_ours(const struct trap_frame *frame)
{
    switch (frame->vector) {
    case VECTOR_BREAKPOINT:
        return sweep.is_nesting;
    case VECTOR_DEBUG:
        return sweep.kind == INTERRUPT_EACH || sweep.kind == INTERRUPT_DEBUG;
    case VECTOR_NMI:
        return (sweep.is_armed || sweep.is_probing) && sweep.kind == INTERRUPT_TIMER &&
               timer_nmi_is_over();
    default:
        return false;
    }
}

/* What somebody else records in NMI class belongs into the trace (W1). */
static void give_back_lanes(void)
{
    struct cpu *cpu = this_cpu();
    cpu->lane_nmi = sweep.real_nmi;
    cpu->lane = cpu->lane == &sweep.run.nmi ? sweep.real_nmi : cpu->lane;
}

static void emit(const struct sweep_event *event, struct trace_lane *lane)
{
    trace_emit_any[event->id](lane, event->value, event->text, SWEEP_TEXT_BYTES);
}

static void interrupt(void)
{
    struct sweep_run *run = &sweep.run;
    unsigned seen = 0;
    const char *wrong = sweep_check_seen(run, &seen);
    if (wrong != NULL && sweep.wrong == NULL) {
        sweep.wrong = wrong;
        sweep.wrong_at = run->caught + 1;
    }
    run->at[run->caught % SWEEP_CAUGHT_MAX] = (struct sweep_catch){cpu_tsc(), seen};
    run->caught++;
    emit(&run->inner, trace_lane());
    sweep.is_nesting = true;
    __asm__ volatile("int3" ::: "memory");
    sweep.is_nesting = false;
    run->nmi.untold = 0; /* the count is looked at, no record */
}

bool trace_sweep_caught(const struct trap_frame *frame)
{
    if (LIKELY(atomic_load_explicit(&sweep.cpu, memory_order_relaxed) != cpu_id() + 1)) {
        return false;
    }
    if (!is_ours(frame)) {
        sweep.is_disturbed = true;
        give_back_lanes();
        return false;
    }
    if (frame->vector == VECTOR_BREAKPOINT) {
        sweep.run.nested++;
        emit(&sweep.run.inner, trace_lane());
        return true;
    }
    if (sweep.is_probing) {
        sweep.probed = frame->rip;
        sweep.is_probing = false;
        return true;
    }
    if (frame->vector == VECTOR_DEBUG) {
        debug_status_clear();
        sweep.steps++;
    }
    bool is_its_turn = sweep.kind != INTERRUPT_DEBUG || sweep.steps == sweep.at;
    if (is_its_turn && sweep.is_armed && !sweep.is_disturbed) {
        interrupt();
    }
    if (frame->vector == VECTOR_NMI) {
        give_back_lanes(); /* the only one of this run; it may be a person's, too */
    }
    return true;
}

/* ---- One run ------------------------------------------------------------------------------- */

static NOINLINE void emit_outer(struct trace_lane *lane)
{
    if (sweep.thunk == NULL) {
        emit(&sweep.run.outer[0], lane);
    } else {
        sweep.thunk(&sweep.run);
    }
}

/* Interrupted as wanted, from the first to the last instruction of the emitter, and some around it. */
static NOINLINE void emit_interrupted(struct trace_lane *lane)
{
    sweep.is_armed = true;
    if (sweep.kind == INTERRUPT_TIMER || sweep.kind == INTERRUPT_HELD) {
        timer_nmi_after(sweep.at << sweep.ticks_shift);
        emit_outer(lane);
        sweep.is_reached = timer_nmi_is_over();
        timer_nmi_after(0);
    } else if (sweep.kind != INTERRUPT_NEVER) {
        cpu_step_on();
        emit_outer(lane);
        cpu_step_off();
    } else {
        emit_outer(lane);
    }
    sweep.is_armed = false;
}

/* W5, with the real lanes: what lets it in now must find them. */
static void take_held(void)
{
    bool waited = interrupt_waits();
    bool has_come = interrupt_let_in();
    if (sweep.is_reached && !(waited && has_come) && sweep.wrong == NULL) {
        sweep.wrong = "W5: an interrupt was taken in the middle, or never";
        sweep.wrong_at = sweep.at;
    }
}

static void run_once(unsigned room)
{
    struct cpu *cpu = this_cpu();
    struct trace_lane *lane = cpu->lane, *normal = cpu->lane_normal;
    uint64_t finished = cpu->trace_finished;
    sweep.is_disturbed = false;
    sweep.steps = 0;
    sweep.wrong = NULL;
    sweep_lanes_prepare(&sweep.run, sweep.rings, cpu->id, room);
    cpu->lane_nmi = &sweep.run.nmi;
    cpu->lane = cpu->lane_normal = &sweep.run.normal;
    sweep.run.before = cpu_tsc();
    emit_interrupted(sweep.source == NULL ? cpu->lane : sweep.source);
    sweep.run.after = cpu_tsc();
    cpu->lane = lane;
    cpu->lane_normal = normal;
    cpu->lane_nmi = sweep.real_nmi;
    cpu->trace_finished = finished;
    if (sweep.kind == INTERRUPT_HELD) {
        take_held();
    }
}

/* False: something does not hold. sweep.run is that of the run that counts. */
static bool run(enum interruption kind, unsigned at, unsigned room)
{
    sweep.kind = kind;
    sweep.at = at;
    unsigned tries = 0;
    do {
        core_poll();
        run_once(room);
        sweep.result->repeated += sweep.is_disturbed;
    } while (sweep.is_disturbed && ++tries < TRIES_MAX);
    const char *wrong =
        sweep.is_disturbed ? "something else disturbed each of the runs" : sweep.wrong;
    wrong = wrong == NULL ? sweep_check(&sweep.run) : wrong;
    if (wrong != NULL) {
        sweep.result->wrong = wrong;
        sweep.result->event = sweep.run.outer[0].id;
        sweep.result->boundary =
            kind == INTERRUPT_EACH && sweep.wrong != NULL ? sweep.wrong_at : at;
    }
    return wrong == NULL;
}

/* ---- All runs ------------------------------------------------------------------------------ */

static uint64_t random_word(void)
{
    sweep.random ^= sweep.random << 13;
    sweep.random ^= sweep.random >> 7;
    sweep.random ^= sweep.random << 17;
    return sweep.random;
}

static void fill(struct sweep_event *event, unsigned id)
{
    memset(event, 0, sizeof(*event));
    event->id = id;
    for (unsigned i = 0; i < SWEEP_FIELDS_MAX; i++) {
        event->value[i] = random_word();
    }
    for (unsigned i = 0; i < SWEEP_TEXT_BYTES; i++) {
        event->text[i] = (char)(random_word() | 1);
    }
}

static bool sweep_held(unsigned room)
{
    bool ok = true;
    timer_nmi_mask(true);
    sweep.is_reached = true;
    for (unsigned at = 1; ok && sweep.is_reached && at <= BOUNDARIES_MAX; at++) {
        ok = run(INTERRUPT_HELD, at, room);
        sweep.result->held += sweep.is_reached;
    }
    timer_nmi_mask(false);
    return ok;
}

static bool sweep_room(unsigned room)
{
    if (!run(INTERRUPT_NEVER, 0, room) || !run(INTERRUPT_EACH, 0, room)) {
        return false;
    }
    unsigned boundaries = sweep.run.caught;
    if (boundaries == 0 || boundaries > BOUNDARIES_MAX) {
        sweep.result->wrong = "single steps do not work here";
        return false;
    }
    sweep.result->boundaries += boundaries;
    for (unsigned at = 1; at <= BOUNDARIES_MAX; at++) {
        if (!run(sweep.result->by_nmi ? INTERRUPT_TIMER : INTERRUPT_DEBUG, at, room)) {
            return false;
        }
        if (sweep.run.caught == 0) {
            break; /* it was over before */
        }
        sweep.result->interrupted++;
    }
    return !sweep.result->by_nmi || sweep_held(room);
}

static bool sweep_event(unsigned id)
{
    static const unsigned missing = 8;
    unsigned bytes = 8 * sweep_record_words(id);
    fill(&sweep.run.outer[0], id);
    fill(&sweep.run.inner, id);
    sweep.result->events++;
    return sweep_room(ROOM_ENOUGH) && sweep_room(bytes) && sweep_room(bytes - missing);
}

static bool sweep_events(void)
{
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        if (trace_emit_any[id] != NULL && !sweep_event(id)) {
            return false;
        }
    }
    return true;
}

/* Through the hook of an event that nobody else has: what is right passes. */
static bool sweep_hook(uint64_t value, bool is_written)
{
    fill(&sweep.run.outer[0], TRACE_EVENT_KDEBUG_SELFTEST);
    fill(&sweep.run.inner, TRACE_EVENT_KDEBUG_SELFTEST);
    sweep.run.outer[0].value[0] = value;
    sweep.run.records = is_written;
    sweep.source = &trace_hook_lanes[0];
    bool ok = sweep_room(ROOM_ENOUGH) && (!is_written || sweep_room(0));
    sweep.run.records = 1;
    sweep.source = NULL;
    return ok;
}

static bool sweep_hooks(void)
{
    const struct trace_condition is_right = {.compare = TRACE_COMPARE_EQUAL, .value = 0};
    const struct trace_grouping all = {.key = {TRACE_NO_FIELD, TRACE_NO_FIELD},
                                       .value = TRACE_NO_FIELD};
    status_t status = trace_hook_set(TRACE_EVENT_KDEBUG_SELFTEST, &is_right, 1);
    bool ok = status == OK && sweep_hook(0, true) && sweep_hook(1, false);
    if (status == OK) {
        status = trace_hook_aggregate(TRACE_EVENT_KDEBUG_SELFTEST, NULL, 0, &all);
        ok = ok && status == OK && sweep_hook(0, false);
    }
    if (status != OK) {
        sweep.result->wrong = "all hooks are taken: take a filter away";
    }
    return trace_hook_set(TRACE_EVENT_KDEBUG_SELFTEST, NULL, 0) == OK && ok;
}

/* With room for the last words of the records, or all but some of them. */
static bool sweep_thunk(thunk_fn thunk, const unsigned *events, unsigned count)
{
    unsigned bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        fill(&sweep.run.outer[i], events[i]);
        bytes += 8 * sweep_record_words(events[i]);
    }
    fill(&sweep.run.inner, events[0]);
    sweep.run.records = count;
    sweep.thunk = thunk;
    sweep.result->thunks++;
    bool ok = sweep_room(ROOM_ENOUGH);
    for (unsigned missing = 0; ok && missing < bytes; missing += 8) {
        ok = sweep_room(bytes - missing);
    }
    sweep.thunk = NULL;
    sweep.run.records = 1;
    return ok;
}

static bool sweep_thunks(void)
{
    static const unsigned call[] = {TRACE_EVENT_FUNCTION_ENTER, TRACE_EVENT_FUNCTION_EXIT};
    static const unsigned hit[] = {TRACE_EVENT_PROBE_HIT};
    struct sweep_thunks thunks;
    const char *wrong = sweep_thunks_begin(&thunks);
    bool ok = wrong == NULL && sweep_thunk(sweep_thunk_function, call, ARRAY_COUNT(call)) &&
              sweep_thunk(sweep_thunk_probe, hit, ARRAY_COUNT(hit));
    const char *left_on = sweep_thunks_end(&thunks);
    wrong = wrong == NULL ? left_on : wrong;
    if (wrong != NULL) {
        sweep.result->wrong = wrong;
    }
    return ok && wrong == NULL;
}

bool trace_sweep_run(struct trace_sweep_result *result)
{
    unsigned nobody = 0;
    *result = (struct trace_sweep_result){.wrong = NULL};
    paddr_t rings = frame_alloc(RINGS_ORDER, FRAME_TRACE);
    if (rings == 0) {
        result->wrong = "there is no memory for its rings";
        return false;
    }
    sweep.result = result;
    sweep.rings = phys_to_virt(rings);
    sweep.real_nmi = this_cpu()->lane_nmi;
    sweep.random = cpu_tsc() | 1;
    memset(&sweep.run, 0, sizeof(sweep.run));
    sweep.run.records = 1;
    bool ok = false;
    if (atomic_compare_exchange_strong(&sweep.cpu, &nobody, cpu_id() + 1)) {
        bool has_nmi = timer_nmi_begin();
        result->by_nmi = has_nmi && timer_counts_instructions();
        ok = sweep_events() && sweep_hooks() && sweep_thunks();
        if (has_nmi) {
            timer_nmi_end();
        }
        atomic_store(&sweep.cpu, 0);
        trace_kdebug_selftest(!ok, result->events, result->boundaries, result->interrupted);
    } else {
        result->wrong = "another core is sweeping";
    }
    frame_free(rings, RINGS_ORDER);
    return ok;
}
