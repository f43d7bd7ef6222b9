/* SPDX-License-Identifier: MIT */
/*
 * Switching events: see switch.h.
 *
 * The lock is outermost but for the rendezvous, which is run under it: who waits for the lock polls, and so takes part.
 */
#include "trace/ring/switch.h"

#include "arch/text_patch.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "gen/trace_table.h"
#include "sync/spinlock.h"
#include "trace/ring/choice.h"
#include "trace/ring/hook.h"
#include "trace/ring/ring.h"

#define ALWAYS (TRACE_CATEGORY_TRACE | TRACE_CATEGORY_LIFE)

_Static_assert(sizeof(struct trace_event_set) == sizeof((struct text_patch_wanted){0}.on),
               "one map");

struct spinlock trace_switch_lock = SPINLOCK_INIT("trace switch", LOCK_RANK_TRACE);

static struct text_patch_wanted wanted; /* as people asked for */
static struct text_patch_wanted
    patched; /* what sites are: the same, but nothing while recording is held */
struct trace_event_set trace_events_on; /* of wanted.on the events, for readers without the lock */
bool trace_is_held;
static uint64_t categories_on;
static uint64_t categories_told; /* in the newest trace.switched */

static void set_bit(uint64_t *map, unsigned event, bool is_in)
{
    uint64_t bit = 1ull << event % 64;
    map[event / 64] = is_in ? map[event / 64] | bit : map[event / 64] & ~bit;
}

static bool is_wanted(const uint64_t *map, unsigned event)
{
    return map[event / 64] >> event % 64 & 1;
}

/* What is left while recording is held: the recorder's own events. */
static void leave_own(struct text_patch_wanted *form)
{
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        const struct trace_event_info *info = trace_event_info(id);
        if (info == NULL || !(ALWAYS >> info->category & 1)) {
            set_bit(form->on, id, false);
        }
    }
}

static status_t apply(const struct text_patch_wanted *next, bool is_held)
{
    struct text_patch_wanted form = *next;
    status_t status = OK;
    if (is_held) {
        leave_own(&form);
    }
    if (memcmp(&form, &patched, sizeof(form)) != 0) { /* nobody is stopped for nothing */
        status = text_patch_sites(&form);
    }
    if (status == OK) {
        patched = form;
        wanted = *next;
        trace_is_held = is_held;
    }
    return status;
}

static bool is_on(unsigned event)
{
    return is_wanted(patched.on, event);
}

/* Not all that it records is written. A trigger, which has a hook, too, keeps nothing back. */
static bool is_partial(unsigned event)
{
    return !is_on(event) || (event != TRACE_EVENT_TRACE_PAD && trace_hook_has(event));
}

/* The categories that have an event that is partial, or one that is on. */
static uint64_t categories_with(bool partial, unsigned but_flags)
{
    uint64_t found = 0;
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        const struct trace_event_info *info = trace_event_info(id);
        if (info != NULL && !(info->flags & but_flags) && (partial ? is_partial(id) : is_on(id))) {
            found |= 1ull << info->category;
        }
    }
    return found;
}

/* What a reader may reason from: of these categories every event is on, and none is filtered. */
static uint64_t complete_categories(void)
{
    return TRACE_CATEGORIES_ALL & ~categories_with(true, TRACE_INFO_EXTRA);
}

static bool exist(const struct trace_event_set *set)
{
    for (unsigned id = 0; id < TRACE_EVENTS_MAX; id++) {
        if (trace_event_set_has(set, id) && trace_event_info(id) == NULL) {
            return false;
        }
    }
    return true;
}

static void publish(void)
{
    categories_on = categories_with(false, 0);
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        trace_event_set_put(&trace_events_on, id, is_wanted(wanted.on, id));
    }
    if (trace_region_get() != NULL) {
        trace_region_get()->categories = categories_on;
    }
    uint64_t complete = complete_categories();
    if (complete != categories_told) {
        trace_trace_switched(complete);
        categories_told = complete;
    }
}

status_t trace_events_change(const struct trace_event_change *change)
{
    if (!exist(&change->on)) {
        return ERR_BAD_ARGUMENT;
    }
    struct trace_event_set on = change->on;
    trace_choice_categories(&on, ALWAYS);
    spinlock_acquire(&trace_switch_lock);
    struct text_patch_wanted next = wanted;
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        bool stays = is_wanted(next.on, id) && !trace_event_set_has(&change->off, id);
        set_bit(next.on, id, stays || trace_event_set_has(&on, id));
    }
    status_t status = apply(&next, false);
    if (status == OK) {
        publish();
    }
    spinlock_release(&trace_switch_lock);
    return status;
}

void trace_events_hold(void)
{
    spinlock_acquire(&trace_switch_lock);
    if (apply(&wanted, true) == OK) {
        publish();
    }
    spinlock_release(&trace_switch_lock);
}

status_t trace_categories_set(uint64_t mask)
{
    struct trace_event_change change;
    memset(&change.off, 0xff, sizeof(change.off));
    memset(&change.on, 0, sizeof(change.on));
    trace_choice_categories(&change.on, mask);
    return trace_events_change(&change);
}

bool trace_event_is_on(unsigned event)
{
    return is_on(event);
}

bool trace_event_is_hooked(unsigned event)
{
    return is_wanted(patched.hooked, event);
}

uint64_t trace_categories(void)
{
    return categories_on;
}

status_t trace_switch_hooked(unsigned event, bool is_hooked)
{
    struct text_patch_wanted next = wanted;
    set_bit(next.hooked, event, is_hooked);
    status_t status = apply(&next, trace_is_held);
    if (status == OK) {
        publish();
    }
    return status;
}

status_t trace_switch_times(bool on)
{
    spinlock_acquire(&trace_switch_lock);
    struct text_patch_wanted next = wanted;
    set_bit(next.on, SITE_TIMES, on);
    status_t status = apply(&next, trace_is_held);
    spinlock_release(&trace_switch_lock);
    return status;
}
