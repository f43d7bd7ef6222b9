/* SPDX-License-Identifier: MIT */
/* Which events somebody at the prompt wants to see: see trace_select.h. */
#include "kdebug/cmd/trace_select.h"

#include "base/string.h"
#include "gen/trace_table.h"
#include "kdebug/cmd/trace_mark.h"
#include "kdebug/cmd/trace_print.h"

#define NS_PER_US 1000ull
#define US_DIGITS 6u

/* ---- arguments ---- */

/* [-]SECONDS[.FRACTION], in microseconds. */
static bool read_time(const char *at, int64_t *out_us)
{
    bool is_negative = *at == '-';
    at += is_negative;
    uint64_t us = 0;
    unsigned digits = 0, fraction = 0;
    bool is_fraction = false;
    for (; *at != '\0'; at++) {
        if (*at == '.' && !is_fraction) {
            is_fraction = true;
        } else if (*at < '0' || *at > '9') {
            return false;
        } else if (!is_fraction || fraction < US_DIGITS) {
            us = us * 10 + (uint64_t)(*at - '0');
            fraction += is_fraction;
            digits++;
        }
    }
    for (; fraction < US_DIGITS; fraction++) {
        us *= 10;
    }
    *out_us = is_negative ? -(int64_t)us : (int64_t)us;
    return digits > 0;
}

static tsc_t take_time(struct kd_call *call, bool previous)
{
    char word[24];
    int64_t us;
    const char *at = call->args;
    struct trace_region region;
    tsc_t marked;
    if (kd_trace_mark_take(call, previous, &marked)) {
        return marked;
    }
    if (!kd_arg_word(call, word, sizeof(word)) || !read_time(word, &us)) {
        kd_fail_at(at, "expected a time in seconds, as 'trace last' prints it, or a mark");
    }
    kd_region_of(previous, &region);
    if (region.tsc_khz < NS_PER_US) {
        kd_fail("the clock of this trace is not known");
    }
    return region.clock_tsc + (tsc_t)us * (region.tsc_khz / 1000);
}

static uint64_t take_number(struct kd_call *call, uint64_t limit)
{
    uint64_t number;
    if (!kd_arg_number(call, &number) || number >= limit) {
        kd_fail_usage(call);
    }
    return number;
}

static bool take_option(struct kd_call *call, struct kd_event_filter *filter)
{
    if (kd_arg_accept(call, "cpu")) {
        filter->cpu = (int)take_number(call, CPU_MAX);
    } else if (kd_arg_accept(call, "thread")) {
        kd_where_add_thread(call, &filter->where);
    } else if (kd_arg_accept(call, "with")) {
        kd_where_add_field(call, &filter->where);
    } else if (kd_arg_accept(call, "where")) {
        kd_where_take(call, &filter->where);
    } else if (kd_arg_accept(call, "after")) {
        filter->from = take_time(call, filter->previous);
        filter->is_forward = true;
    } else if (kd_arg_accept(call, "before")) {
        filter->to = take_time(call, filter->previous);
    } else if (kd_arg_accept(call, "since")) {
        filter->reference = take_time(call, filter->previous);
        filter->with_reference = true;
    } else if (kd_arg_accept(call, "delta")) {
        filter->with_delta = true;
    } else {
        return false;
    }
    return true;
}

unsigned kd_events_select(struct kd_call *call, unsigned fallback, struct kd_event_filter *filter)
{
    uint64_t limit = fallback;
    filter->cpu = -1;
    while (!kd_arg_is_end(call)) {
        if (take_option(call, filter)) {
            continue;
        }
        if (*call->args >= '0' && *call->args <= '9') {
            kd_arg_number(call, &limit);
        } else {
            kd_arg_word(call, filter->prefix, sizeof(filter->prefix));
        }
    }
    if (limit > KD_EVENTS_MAX) {
        kd_fail("at most %u events", KD_EVENTS_MAX);
    }
    return (unsigned)limit;
}

/* ---- choosing ---- */

/* What each event's name and fields tell about all its records, so that most are not looked at. */
static uint8_t answers[1u << TRACE_EVENT_BITS]; /* enum kd_answer */

void kd_event_prepare(const struct kd_event_filter *filter)
{
    size_t length = strlen(filter->prefix);
    kd_where_prepare(&filter->where);
    for (unsigned event = 0; event < ARRAY_COUNT(answers); event++) {
        const struct trace_event_info *info = trace_event_info(event);
        bool is_named =
            length == 0 || (info != NULL && strncmp(info->name, filter->prefix, length) == 0);
        answers[event] =
            is_named ? (uint8_t)kd_where_of_event(&filter->where, event) : (uint8_t)KD_NO;
    }
}

bool kd_event_passes(const struct kd_event_filter *filter, const struct kd_record *record)
{
    unsigned answer = answers[TRACE_EVENT(record->words[0])];
    return answer != KD_NO && record->tsc >= filter->from &&
           (filter->to == 0 || record->tsc < filter->to) &&
           (answer == KD_YES || kd_where_met(&filter->where, record));
}
