/* SPDX-License-Identifier: MIT */
/* Whether a trigger makes sense: see trigger.h. Pure code, also built on the host. */
#include "gen/trace_table.h"
#include "trace/ring/trigger.h"

static bool is_key(unsigned event, unsigned key)
{
    const struct trace_event_info *info = trace_event_info(event);
    return key == TRACE_KEY_THREAD || (key < info->fields && info->field[key].bits != 0);
}

static status_t make_first(const struct trace_trigger_wish *wish, struct trace_filter *out)
{
    status_t status =
        trace_filter_make(wish->first, wish->first_condition, wish->first_conditions, out);
    bool fits = status == OK && wish->first != wish->event && is_key(wish->event, wish->key) &&
                is_key(wish->first, wish->first_key);
    return fits ? OK : ERR_BAD_ARGUMENT;
}

status_t trace_trigger_make(const struct trace_trigger_wish *wish, struct trace_filter *out,
                            struct trace_filter *out_first)
{
    status_t status = trace_filter_make(wish->event, wish->condition, wish->conditions, out);
    *out_first = (struct trace_filter){.first = TRACE_FILTER_PASS};
    bool is_burst = wish->relation == TRACE_RELATION_BURST;
    if (wish->action > TRACE_ACTION_KDEBUG || wish->relation > TRACE_RELATION_BURST ||
        (is_burst && (wish->count > TRACE_BURST_MAX || wish->ns == 0)) ||
        (wish->process != 0 && trace_trigger_has_first(wish))) {
        return ERR_BAD_ARGUMENT;
    }
    return status == OK && trace_trigger_has_first(wish) ? make_first(wish, out_first) : status;
}
