/* SPDX-License-Identifier: MIT */
/* trace on, off, events (trace_switch.h). */
#include "kdebug/cmd/trace_switch.h"

#include "base/string.h"
#include "gen/trace_table.h"
#include "kdebug/core/deferred.h"
#include "kdebug/core/output.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/target.h"
#include "trace/ring/choice.h"
#include "trace/ring/hook.h"
#include "trace/ring/switch.h"

#define WORD_BYTES 48u

static struct trace_event_set read_on(void)
{
    struct trace_event_set set;
    kd_fetch(KD_GLOBAL(trace_events_on), &set, sizeof(set), "map of events");
    return set;
}

/* ---- showing ---- */

static bool has_all(const struct trace_event_set *set, unsigned category)
{
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        const struct trace_event_info *info = trace_event_info(id);
        if (info != NULL && info->category == category && !trace_event_set_has(set, id)) {
            return false;
        }
    }
    return true;
}

static void show_single_events(const struct trace_event_set *set, unsigned category)
{
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        const struct trace_event_info *info = trace_event_info(id);
        if (info != NULL && info->category == category && trace_event_set_has(set, id)) {
            kd_print(" %s", info->name);
        }
    }
}

static void show_set(const char *what, const struct trace_event_set *set)
{
    kd_print("%s", what);
    for (unsigned bit = 0; bit < TRACE_CATEGORY_COUNT; bit++) {
        if (trace_category_name[bit] != NULL && has_all(set, bit)) {
            kd_print(" %s", trace_category_name[bit]);
        } else {
            show_single_events(set, bit);
        }
    }
    kd_print("\n");
}

void kd_trace_show_on(void)
{
    struct trace_event_set now = read_on(), pending;
    bool is_held;
    kd_fetch(KD_GLOBAL(trace_is_held), &is_held, sizeof(is_held), "state of recording");
    show_set(is_held ? "held; on when it goes on:" : "on:", &now);
    if (kd_target->live && kd_deferred_wanted(&pending)) {
        show_set("on after the stop:", &pending);
    }
}

static bool is_filtered(unsigned event)
{
    struct trace_hook hook;
    uint64_t address = KD_GLOBAL(trace_hooks);
    for (unsigned i = 0; i < TRACE_HOOKS_MAX; i++) {
        kd_fetch(address + i * sizeof(hook), &hook, sizeof(hook), "filter");
        if (hook.event == event) {
            return true;
        }
    }
    return false;
}

void kd_trace_list_events(struct kd_call *call)
{
    char name[WORD_BYTES] = "";
    kd_arg_word(call, name, sizeof(name));
    kd_arg_done(call);
    struct trace_event_set on = read_on();
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        const struct trace_event_info *info = trace_event_info(id);
        if (info != NULL && id != TRACE_EVENT_TRACE_PAD &&
            strncmp(info->name, name, strlen(name)) == 0) {
            kd_print("%-3s %-24s %s%s\n", trace_event_set_has(&on, id) ? "on" : "off", info->name,
                     trace_category_name[info->category], is_filtered(id) ? ", filtered" : "");
        }
    }
}

/* ---- switching ---- */

static void take_choice(struct kd_call *call, struct trace_event_set *set, bool on)
{
    char word[WORD_BYTES] = "-";
    const char *at = call->args;
    kd_arg_word(call, word + 1, sizeof(word) - 1);
    const char *choice = on ? word + 1 : word;
    if (strcmp(word + 1, "none") == 0 || !trace_choice_add(set, choice, strlen(choice))) {
        kd_fail_at(at, "no such event or category; 'trace events' lists them");
    }
}

void kd_trace_switch(struct kd_call *call, bool on)
{
    struct trace_event_set wanted;
    kd_require_live(KD_WRITES);
    if (kd_arg_is_end(call) && !on) {
        kd_fail_usage(call);
    }
    if (!kd_deferred_wanted(&wanted)) {
        wanted = read_on();
    }
    while (!kd_arg_is_end(call)) {
        take_choice(call, &wanted, on);
    }
    kd_deferred_events(&wanted);
    show_set("on after the stop:", &wanted);
}
