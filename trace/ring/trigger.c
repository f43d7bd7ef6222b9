/* SPDX-License-Identifier: MIT */
/* Triggers: see trigger.h. */
#include "trace/ring/trigger.h"

#include "arch/cpu.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "gen/trace_table.h"
#include "sync/spinlock.h"
#include "trace/ring/hook.h"
#include "trace/ring/ring.h"
#include "trace/ring/switch.h"

struct trace_trigger trace_triggers[TRACE_TRIGGERS_MAX];
struct trace_hit trace_hits[CPU_MAX];
uint8_t trace_trigger_of[TRACE_EVENT_COUNT];
atomic_uint trace_triggers_waiting; /* a bit for each trigger */

/* ---- time ---- */

#define NS_PER_MS 1000000ull

static uint64_t khz(void)
{
    uint64_t known = trace_region_get() == NULL ? 0 : trace_region_get()->tsc_khz;
    return known == 0 ? 1000000 : known;
}

/* At most half of what a TSC can say: longer than any of them has run, and added to one it is later. */
static tsc_t ticks_of(ns_t ns)
{
    if (ns / NS_PER_MS >= UINT64_MAX / 2 / khz()) {
        return UINT64_MAX / 2;
    }
    return ns / NS_PER_MS * khz() + ns % NS_PER_MS * khz() / NS_PER_MS;
}

static ns_t ns_of(tsc_t ticks)
{
    return ticks / khz() * NS_PER_MS + ticks % khz() * NS_PER_MS / khz();
}

/* ---- setting ---- */

static struct trace_trigger *find_free(void)
{
    for (unsigned i = 0; i < TRACE_TRIGGERS_MAX; i++) {
        if (!trace_triggers[i].is_used) {
            return &trace_triggers[i];
        }
    }
    return NULL;
}

/* The trigger that fires for this event; NULL: none. */
static struct trace_trigger *find(unsigned event)
{
    unsigned of = trace_trigger_of[event];
    return of == 0 || of & TRACE_TRIGGER_FIRST ? NULL : &trace_triggers[of - 1];
}

static unsigned number_of(const struct trace_trigger *trigger)
{
    return (unsigned)(trigger - trace_triggers);
}

/* Sites of both its events ask, or do not. */
static status_t hook_events(const struct trace_trigger *trigger, bool on)
{
    status_t status = trace_switch_hooked(trigger->wish.event, on);
    if (status == OK && trace_trigger_has_first(&trigger->wish)) {
        status = trace_switch_hooked(trigger->wish.first, on);
    }
    return status;
}

/* They go on asking for a filter that they have. */
static status_t hook_filtered(const struct trace_trigger *trigger)
{
    const struct trace_trigger_wish *wish = &trigger->wish;
    status_t status = trace_switch_hooked(wish->event, trace_hook_has(wish->event));
    if (status == OK && trace_trigger_has_first(wish)) {
        status = trace_switch_hooked(wish->first, trace_hook_has(wish->first));
    }
    return status;
}

static void set_watcher(unsigned event, uint8_t watcher)
{
    __atomic_store_n(&trace_trigger_of[event], watcher, __ATOMIC_RELEASE);
}

static status_t clear_locked(struct trace_trigger *trigger)
{
    unsigned number = number_of(trigger);
    status_t status = hook_events(trigger, false); /* nobody is inside it now (G2) */
    if (status != OK) {
        return status;
    }
    set_watcher(trigger->wish.event, 0);
    if (trace_trigger_has_first(&trigger->wish)) {
        set_watcher(trigger->wish.first, 0);
    }
    atomic_fetch_and_explicit(&trace_triggers_waiting, ~(1u << number), memory_order_relaxed);
    trigger->is_used = false;
    return hook_filtered(trigger);
}

static status_t set_locked(const struct trace_trigger_wish *wish)
{
    struct trace_trigger *old = find(wish->event);
    unsigned other = trace_trigger_has_first(wish) ? trace_trigger_of[wish->first] : 0;
    bool is_own = old != NULL && other == ((number_of(old) + 1) | TRACE_TRIGGER_FIRST);
    if ((other != 0 && !is_own) || trace_trigger_of[wish->event] & TRACE_TRIGGER_FIRST) {
        return ERR_BUSY;
    }
    struct trace_trigger *trigger = old != NULL ? old : find_free();
    if (trigger == NULL) {
        return ERR_NO_MEMORY;
    }
    status_t status = old == NULL ? OK : clear_locked(old);
    if (status != OK) {
        return status;
    }
    memset(trigger, 0, sizeof(*trigger));
    trigger->is_used = true;
    trigger->wish = *wish;
    VERIFY(trace_trigger_make(wish, &trigger->filter, &trigger->first_filter) == OK);
    uint8_t number = (uint8_t)(number_of(trigger) + 1);
    set_watcher(wish->event, number);
    if (trace_trigger_has_first(wish)) {
        set_watcher(wish->first, (uint8_t)(number | TRACE_TRIGGER_FIRST));
    }
    if (wish->relation == TRACE_RELATION_MISSING) {
        atomic_fetch_or_explicit(&trace_triggers_waiting, 1u << (number - 1), memory_order_relaxed);
    }
    return hook_events(trigger, true);
}

status_t trace_trigger_set(const struct trace_trigger_wish *wish)
{
    struct trace_filter unused[2];
    status_t status = trace_trigger_make(wish, &unused[0], &unused[1]);
    if (status != OK) {
        return status;
    }
    spinlock_acquire(&trace_switch_lock);
    status = set_locked(wish);
    spinlock_release(&trace_switch_lock);
    return status;
}

status_t trace_trigger_clear(unsigned event)
{
    if (trace_event_info(event) == NULL) {
        return ERR_BAD_ARGUMENT;
    }
    spinlock_acquire(&trace_switch_lock);
    struct trace_trigger *trigger = find(event);
    status_t status = trigger == NULL ? OK : clear_locked(trigger);
    spinlock_release(&trace_switch_lock);
    return status;
}

/* ---- firing ---- */

static void post(void)
{
    this_cpu()->work |= CPU_WORK_TRIGGER;
}

static void note(struct trace_lane *lane, const struct trace_trigger *trigger, unsigned hits,
                 tsc_t elapsed)
{
    uint64_t header = TRACE_EVENT_TRACE_TRIGGER | 2ull << TRACE_WORDS_SHIFT |
                      (uint64_t)trigger->wish.action << TRACE_SMALL_SHIFT;
    trace_write_2(lane, header,
                  trigger->wish.event | (uint64_t)number_of(trigger) << 16 | (uint64_t)hits << 24,
                  ns_of(elapsed));
}

/* Recording is to be held, `more` events from here. The first to say so counts. */
static void arm_hold(struct trace_trigger *trigger)
{
    uint64_t now = trace_events_total(), none = 0;
    if (atomic_compare_exchange_strong(&trigger->set_off_at, &none, now)) {
        uint64_t more = trigger->wish.action == TRACE_ACTION_STOP ? trigger->wish.more : 0;
        atomic_store_explicit(&trigger->hold_at, now + more, memory_order_release);
        atomic_fetch_or_explicit(&trace_triggers_waiting, 1u << number_of(trigger),
                                 memory_order_relaxed);
    }
    post();
}

static void enter_kdebug(const struct trace_lane *lane, const struct trace_trigger *trigger)
{
    if (lane->kind == TRACE_LANE_NORMAL) {
        kdebug_trigger(trace_event_info(trigger->wish.event)->name);
    } else {
        trace_hits[cpu_id()].waits = true;
        post();
    }
}

static void fire(struct trace_trigger *trigger, struct trace_lane *lane,
                 const struct trace_hit *hit)
{
    struct trace_hit *newest = &trace_hits[cpu_id()];
    unsigned hits = atomic_fetch_add_explicit(&trigger->hits, 1, memory_order_relaxed) + 1;
    bool is_free = !newest->waits;
    if (is_free) {
        *newest = *hit;
    }
    note(lane, trigger, hits, hit->elapsed);
    switch (trigger->wish.action) {
    case TRACE_ACTION_STOP:
    case TRACE_ACTION_SNAPSHOT:
        arm_hold(trigger);
        break;
    case TRACE_ACTION_KDEBUG:
        if (is_free) { /* else one waits already (G3) */
            enter_kdebug(lane, trigger);
        }
        break;
    default:
        break;
    }
}

static struct trace_moment make_moment(const uint64_t *record)
{
    struct trace_moment moment = {
        .tsc = cpu_tsc(), .thread = this_cpu()->current_tid, .words = TRACE_WORDS(record[0])};
    moment.words = MIN(moment.words, TRACE_MOMENT_WORDS - 1);
    for (unsigned i = 0; i <= moment.words; i++) {
        moment.record[i] = record[i];
    }
    return moment;
}

static uint64_t key_of(unsigned key, const struct trace_moment *moment)
{
    const struct trace_event_info *info = trace_event_info(TRACE_EVENT(moment->record[0]));
    return key == TRACE_KEY_THREAD ? moment->thread
                                   : trace_field_value(&info->field[key], moment->record);
}

static void remember(struct trace_trigger *trigger, const uint64_t *record)
{
    struct trace_moment moment = make_moment(record);
    trace_history_put(&trigger->history, key_of(trigger->wish.first_key, &moment), &moment);
    if (trigger->wish.relation == TRACE_RELATION_MISSING) {
        post(); /* so that this core's timer is set */
    }
}

static bool is_later(struct trace_trigger *trigger, struct trace_hit *hit)
{
    const struct trace_moment *moment = &hit->moment;
    struct trace_moment first;
    if (!trace_history_take(&trigger->history, key_of(trigger->wish.key, moment), &first)) {
        return false;
    }
    hit->elapsed = moment->tsc - first.tsc;
    return hit->elapsed > ticks_of(trigger->wish.ns);
}

static bool is_too_many(struct trace_trigger *trigger, struct trace_hit *hit)
{
    const struct trace_burst_limit limit = {.more = trigger->wish.count,
                                            .within = ticks_of(trigger->wish.ns)};
    struct trace_burst_event event;
    while (!trace_burst_try(&trigger->burst, &limit, cpu_tsc(), &event)) {
    }
    hit->moment.tsc = event.time;
    hit->elapsed = event.elapsed;
    hit->number = event.number;
    return event.fires;
}

/* Does what came before make it one that fires? */
static bool has_history(struct trace_trigger *trigger, struct trace_hit *hit)
{
    switch (trigger->wish.relation) {
    case TRACE_RELATION_NONE:
        return true;
    case TRACE_RELATION_LATER:
        return is_later(trigger, hit);
    case TRACE_RELATION_BURST:
        return is_too_many(trigger, hit);
    default: /* what is missing has come: it is missing no longer */
        (void)is_later(trigger, hit);
        return false;
    }
}

/* The record itself, so that what fires can come behind it (G1). False: it has a string, which is not here. */
static bool write_record(struct trace_lane *lane, const uint64_t *record)
{
    const struct trace_event_info *info = trace_event_info(TRACE_EVENT(record[0]));
    unsigned words = TRACE_WORDS(record[0]);
    if (info->flags & TRACE_INFO_STRING) {
        return false;
    }
    uint64_t *to = trace_reserve(lane, 8 * (1 + words));
    if (to != NULL) {
        memcpy(to + 1, record + 1, 8 * words);
        trace_commit(lane, to, 8 * (1 + words), record[0]);
    }
    return true;
}

static bool is_of_process(const struct trace_trigger *trigger)
{
    return trigger->wish.process == 0 || trigger->wish.process == hook_current_process();
}

struct trace_lane *trace_trigger_look(struct trace_lane *lane, struct trace_lane *to,
                                      const uint64_t *record)
{
    unsigned watcher = trace_trigger_of[TRACE_EVENT(record[0])];
    struct trace_trigger *trigger = &trace_triggers[(watcher & ~TRACE_TRIGGER_FIRST) - 1];
    if (watcher & TRACE_TRIGGER_FIRST) {
        if (trace_filter_matches(&trigger->first_filter, record)) {
            remember(trigger, record);
        }
        return to;
    }
    if (!trace_filter_matches(&trigger->filter, record) || !is_of_process(trigger)) {
        return to;
    }
    struct trace_hit hit = {.trigger = number_of(trigger), .moment = make_moment(record)};
    if (!has_history(trigger, &hit)) {
        return to;
    }
    if (to != NULL && write_record(to, record)) {
        to = NULL;
    }
    fire(trigger, lane, &hit);
    return to;
}

/* ---- safe points ---- */

/* When the oldest that still waits will be overdue; 0: none waits. */
static tsc_t find_missing(struct trace_trigger *trigger)
{
    tsc_t now = cpu_tsc(), limit = ticks_of(trigger->wish.ns), oldest = 0;
    struct trace_hit hit = {.trigger = number_of(trigger)};
    while (now > limit &&
           trace_history_take_old(&trigger->history, now - limit, &hit.moment, &oldest)) {
        hit.elapsed = now - hit.moment.tsc;
        fire(trigger, trace_lane_always(), &hit);
    }
    return oldest != 0 ? oldest + limit + 1 : 0;
}

static void hold_if_due(struct trace_trigger *trigger)
{
    uint64_t at = atomic_load_explicit(&trigger->hold_at, memory_order_acquire);
    uint64_t total = trace_events_total();
    if (at != 0 && total >= at && atomic_exchange(&trigger->hold_at, 0) != 0) {
        atomic_fetch_and_explicit(&trace_triggers_waiting, ~(1u << number_of(trigger)),
                                  memory_order_relaxed);
        uint64_t since = atomic_load(&trigger->set_off_at);
        trace_events_hold();
        trace_trace_held((uint8_t)number_of(trigger), trace_events_total() - since);
    }
}

static tsc_t serve_waiting(void)
{
    unsigned waiting = atomic_load_explicit(&trace_triggers_waiting, memory_order_relaxed);
    tsc_t next = 0;
    for (unsigned i = 0; waiting >> i != 0; i++) {
        struct trace_trigger *trigger = &trace_triggers[i];
        if (!(waiting >> i & 1) || !trigger->is_used) {
            continue;
        }
        hold_if_due(trigger);
        if (trigger->wish.relation == TRACE_RELATION_MISSING) {
            tsc_t due = find_missing(trigger);
            next = next == 0 || (due != 0 && due < next) ? due : next;
        }
    }
    return next;
}

tsc_t trace_trigger_serve(void)
{
    struct trace_hit *hit = &trace_hits[cpu_id()];
    if (hit->waits) {
        kdebug_trigger(trace_event_info(trace_triggers[hit->trigger].wish.event)->name);
        hit->waits = false;
    }
    return trace_trigger_waits() ? serve_waiting() : 0;
}
