/* SPDX-License-Identifier: MIT */
/* trace trigger, trace break (trace_trigger.h). */
#include "kdebug/cmd/trace_trigger.h"

#include "gen/trace_table.h"
#include "kdebug/cmd/trace_filter.h"
#include "kdebug/core/deferred.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/target.h"
#include "trace/ring/trigger.h"

/* By enum trace_action. */
static const char *const actions[] = {"mark", "stop", "snapshot", "kdebug"};

/* ---- listing ---- */

static void show_key(unsigned event, unsigned key)
{
    const struct trace_event_info *info = trace_event_info(event);
    kd_print("%s %s", info->name,
             key == TRACE_KEY_THREAD ? "self"
             : key < info->fields    ? info->field[key].name
                                     : "?");
}

static void show_conditions(unsigned event, const struct trace_condition *conditions,
                            unsigned count)
{
    if (count > 0) {
        kd_print(" if");
        kd_trace_show_conditions(event, conditions, count);
    }
}

static void show_relation(const struct trace_trigger_wish *wish)
{
    if (wish->relation == TRACE_RELATION_LATER) {
        show_key(wish->event, wish->key);
        kd_print(" later %llu after ", (unsigned long long)wish->ns);
        show_key(wish->first, wish->first_key);
    } else if (wish->relation == TRACE_RELATION_MISSING) {
        show_key(wish->first, wish->first_key);
        kd_print(" without ");
        show_key(wish->event, wish->key);
        kd_print(" within %llu", (unsigned long long)wish->ns);
        show_conditions(wish->first, wish->first_condition, wish->first_conditions);
    } else {
        kd_print("%s", trace_event_info(wish->event)->name);
    }
    if (wish->process != 0) {
        kd_print(" of %u", wish->process);
    }
    if (wish->relation == TRACE_RELATION_BURST) {
        kd_print(" more %u within %llu", wish->count, (unsigned long long)wish->ns);
    }
    if (wish->relation != TRACE_RELATION_MISSING) {
        show_conditions(wish->event, wish->condition, wish->conditions);
    }
}

static void show(unsigned number, const struct trace_trigger *trigger)
{
    const struct trace_trigger_wish *wish = &trigger->wish;
    if (!trigger->is_used || wish->action >= ARRAY_COUNT(actions) ||
        trace_event_info(wish->event) == NULL || trace_event_info(wish->first) == NULL) {
        return;
    }
    kd_print("%u: %s ", number, actions[wish->action]);
    if (wish->action == TRACE_ACTION_STOP) {
        kd_print("%llu ", (unsigned long long)wish->more);
    }
    show_relation(wish);
    kd_print("    hits %u", atomic_load(&trigger->hits));
    if (wish->relation == TRACE_RELATION_BURST) {
        kd_print(", counted %llu", (unsigned long long)trace_burst_counted(&trigger->burst));
    } else if (wish->relation != TRACE_RELATION_NONE) {
        kd_print(", left out %u", atomic_load(&trigger->history.left_out));
    }
    kd_print("\n");
}

static void list(void)
{
    static struct trace_trigger trigger;
    for (unsigned i = 0; i < TRACE_TRIGGERS_MAX; i++) {
        kd_fetch(KD_GLOBAL(trace_triggers) + i * sizeof(trigger), &trigger, sizeof(trigger),
                 "trigger");
        show(i, &trigger);
    }
}

/* ---- setting ---- */

static uint64_t take_ns(struct kd_call *call)
{
    uint64_t ns;
    if (!kd_arg_number(call, &ns)) {
        kd_fail_at(call->args, "expected a number of ns");
    }
    return ns;
}

static void require_word(struct kd_call *call, const char *word)
{
    if (!kd_arg_accept(call, word)) {
        kd_fail_at(call->args, "expected '%s'", word);
    }
}

static unsigned char take_key(struct kd_call *call, unsigned event)
{
    return kd_arg_accept(call, "self")
               ? TRACE_KEY_THREAD
               : (unsigned char)kd_trace_take_field(call, trace_event_info(event));
}

/* if CONDITIONS, or the end. */
static unsigned char take_conditions(struct kd_call *call, unsigned event,
                                     struct trace_condition *to)
{
    if (kd_arg_is_end(call)) {
        return 0;
    }
    require_word(call, "if");
    return (unsigned char)kd_trace_take_conditions(call, trace_event_info(event), to);
}

/* [of PROCESS] */
static void take_process(struct kd_call *call, struct trace_trigger_wish *wish)
{
    if (!kd_arg_accept(call, "of")) {
        return;
    }
    const char *at = call->args;
    uint64_t process;
    if (!kd_arg_number(call, &process) || process == 0 || process > UINT32_MAX) {
        kd_fail_at(at, "expected the number of a process");
    }
    (void)kd_process_named(process);
    wish->process = (unsigned)process;
}

/* [more N within NS] */
static void take_burst(struct kd_call *call, struct trace_trigger_wish *wish)
{
    if (!kd_arg_accept(call, "more")) {
        return;
    }
    const char *at = call->args;
    uint64_t count;
    if (!kd_arg_number(call, &count) || count > TRACE_BURST_MAX) {
        kd_fail_at(at, "expected a number of events, at most %u", TRACE_BURST_MAX);
    }
    require_word(call, "within");
    at = call->args;
    wish->relation = TRACE_RELATION_BURST;
    wish->count = (unsigned short)count;
    wish->ns = take_ns(call);
    if (wish->ns == 0) {
        kd_fail_at(at, "no two events are within 0 ns");
    }
}

static void request(unsigned event, const struct trace_trigger_wish *wish)
{
    struct trace_filter unused[2];
    if (wish != NULL && trace_trigger_make(wish, &unused[0], &unused[1]) != OK) {
        kd_fail("a value does not fit into its field, or the two events are the same");
    }
    if (!kd_deferred_trigger(event, wish)) {
        kd_fail("too many requests are waiting: continue first");
    }
    kd_print("from the end of the stop on\n");
}

static bool take_action(struct kd_call *call, struct trace_trigger_wish *wish)
{
    for (unsigned i = 0; i < ARRAY_COUNT(actions); i++) {
        if (kd_arg_accept(call, actions[i])) {
            wish->action = (unsigned char)i;
            if (i == TRACE_ACTION_STOP && *call->args >= '0' && *call->args <= '9') {
                uint64_t more;
                kd_arg_number(call, &more);
                wish->more = more;
            }
            return true;
        }
    }
    return false;
}

void kd_trace_trigger(struct kd_call *call)
{
    if (kd_arg_is_end(call)) {
        list();
        return;
    }
    kd_require_live(KD_WRITES);
    struct trace_trigger_wish wish = {0};
    bool is_set = take_action(call, &wish);
    unsigned event = kd_trace_take_event(call);
    wish.event = (unsigned short)event;
    if (is_set) {
        take_process(call, &wish);
        take_burst(call, &wish);
        wish.conditions = take_conditions(call, event, wish.condition);
    } else {
        require_word(call, "off");
    }
    kd_arg_done(call);
    request(event, is_set ? &wish : NULL);
}

/* later NS after FIRST KEY [if ...] */
static void take_later(struct kd_call *call, struct trace_trigger_wish *wish)
{
    wish->relation = TRACE_RELATION_LATER;
    wish->ns = take_ns(call);
    require_word(call, "after");
    wish->first = (unsigned short)kd_trace_take_event(call);
    wish->first_key = take_key(call, wish->first);
    wish->conditions = take_conditions(call, wish->event, wish->condition);
}

/* without EVENT KEY within NS [if ...]: what has been read so far is the first event. */
static void take_missing(struct kd_call *call, struct trace_trigger_wish *wish)
{
    wish->relation = TRACE_RELATION_MISSING;
    wish->first = wish->event;
    wish->first_key = wish->key;
    wish->event = (unsigned short)kd_trace_take_event(call);
    wish->key = take_key(call, wish->event);
    require_word(call, "within");
    wish->ns = take_ns(call);
    wish->first_conditions = take_conditions(call, wish->first, wish->first_condition);
}

void kd_trace_break(struct kd_call *call)
{
    kd_require_live(KD_WRITES);
    struct trace_trigger_wish wish = {.action = TRACE_ACTION_KDEBUG};
    wish.event = (unsigned short)kd_trace_take_event(call);
    take_process(call, &wish);
    take_burst(call, &wish);
    if (wish.process != 0 || wish.relation == TRACE_RELATION_BURST || kd_arg_is_end(call)) {
        wish.conditions = take_conditions(call, wish.event, wish.condition);
    } else if (kd_arg_accept(call, "if")) {
        wish.conditions = (unsigned char)kd_trace_take_conditions(
            call, trace_event_info(wish.event), wish.condition);
    } else {
        wish.key = take_key(call, wish.event);
        if (kd_arg_accept(call, "later")) {
            take_later(call, &wish);
        } else {
            require_word(call, "without");
            take_missing(call, &wish);
        }
    }
    kd_arg_done(call);
    request(wish.event, &wish);
}
