/* SPDX-License-Identifier: MIT */
/* trace mark (trace_mark.h). */
#include "kdebug/cmd/trace_mark.h"

#include "kdebug/core/output.h"

#define MARKS ('z' - 'a' + 1)

static struct {
    bool is_set;
    uint64_t boot_id;
    struct kd_event_place place;
} marks[MARKS];

/* Take a letter, its number in marks[]; MARKS: the next word is none. */
static unsigned take_letter(struct kd_call *call)
{
    for (unsigned i = 0; i < MARKS; i++) {
        const char word[] = {(char)('a' + i), '\0'};
        if (kd_arg_accept(call, word)) {
            return i;
        }
    }
    return MARKS;
}

static void list(bool previous, uint64_t boot_id)
{
    kd_events_begin(previous);
    for (unsigned i = 0; i < MARKS; i++) {
        if (marks[i].is_set && marks[i].boot_id == boot_id) {
            kd_event_show_place(&marks[i].place);
        }
    }
}

static void set(struct kd_call *call, unsigned letter, bool previous, uint64_t boot_id)
{
    struct kd_event_filter filter = {.previous = previous};
    unsigned limit = kd_events_select(call, 1, &filter);
    if (limit == 0 || kd_events_collect(&filter, limit) < limit) {
        kd_fail("there is no such event");
    }
    /* Rows are oldest first. */
    marks[letter].place = *kd_event_place(filter.is_forward ? limit - 1 : 0);
    marks[letter].boot_id = boot_id;
    marks[letter].is_set = true;
    kd_event_show_place(&marks[letter].place);
}

void kd_trace_mark(struct kd_call *call, bool previous)
{
    struct trace_region region;
    kd_region_of(previous, &region);
    if (kd_arg_is_end(call)) {
        list(previous, region.boot_id);
        return;
    }
    unsigned letter = take_letter(call);
    if (letter == MARKS) {
        kd_fail_at(call->args, "marks are letters from a to z");
    }
    if (kd_arg_accept(call, "off")) {
        kd_arg_done(call);
        marks[letter].is_set = false;
    } else {
        set(call, letter, previous, region.boot_id);
    }
}

bool kd_trace_mark_take(struct kd_call *call, bool previous, tsc_t *out)
{
    struct trace_region region;
    const char *at = call->args;
    unsigned letter = take_letter(call);
    if (letter == MARKS) {
        return false;
    }
    kd_region_of(previous, &region);
    if (!marks[letter].is_set || marks[letter].boot_id != region.boot_id) {
        kd_fail_at(at, "there is no such mark of this boot; see 'trace mark'");
    }
    *out = marks[letter].place.tsc;
    return true;
}

char kd_trace_mark_of(uint64_t boot_id, const struct kd_event_place *place)
{
    for (unsigned i = 0; i < MARKS; i++) {
        if (marks[i].is_set && marks[i].boot_id == boot_id && marks[i].place.tsc == place->tsc &&
            marks[i].place.record == place->record) {
            return (char)('a' + i);
        }
    }
    return '\0';
}
