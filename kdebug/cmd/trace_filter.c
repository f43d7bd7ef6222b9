/* SPDX-License-Identifier: MIT */
/* trace filter (trace_filter.h). */
#include "kdebug/cmd/trace_filter.h"

#include "base/string.h"
#include "gen/trace_table.h"
#include "kdebug/core/deferred.h"
#include "kdebug/core/output.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/target.h"
#include "trace/ring/hook.h"

#define WORD_BYTES 48u

/* By enum trace_compare. */
static const char *const operators[] = {"==", "!=", "<", "<=", ">", ">="};

/* ---- listing ---- */

void kd_trace_show_value(const struct trace_field *field, uint64_t value)
{
    const char *name = field->kind == TRACE_KIND_ENUM ? trace_enum_name(field, value) : NULL;
    if (name != NULL) {
        kd_print("%s", name);
    } else if (field->kind == TRACE_KIND_CODE) {
        kd_print_address(value);
    } else if (field->kind == TRACE_KIND_STATUS) {
        kd_print("%lld", (long long)value);
    } else {
        kd_print(field->kind == TRACE_KIND_HEX || field->kind == TRACE_KIND_OPERATION ? "0x%llx"
                                                                                      : "%llu",
                 (unsigned long long)value);
    }
}

void kd_trace_show_conditions(unsigned event, const struct trace_condition *conditions,
                              unsigned count)
{
    const struct trace_event_info *info = trace_event_info(event);
    for (unsigned i = 0; i < MIN(count, TRACE_CONDITIONS_MAX); i++) {
        const struct trace_condition *condition = &conditions[i];
        if (condition->field >= info->fields || condition->compare >= ARRAY_COUNT(operators)) {
            kd_print(" ?");
            continue;
        }
        const struct trace_field *field = &info->field[condition->field];
        kd_print("%s %s %s ",
                 i == 0                             ? ""
                 : condition->join == TRACE_JOIN_OR ? " or"
                                                    : " and",
                 field->name, operators[condition->compare]);
        kd_trace_show_value(field, condition->value);
    }
}

static void show_hook(const struct trace_hook *hook)
{
    const struct trace_event_info *info = trace_event_info(hook->event);
    if (hook->event == TRACE_EVENT_TRACE_PAD || info == NULL) {
        return;
    }
    uint64_t passed = 0, refused = 0;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        passed += hook->count[cpu].passed;
        refused += hook->count[cpu].refused;
    }
    kd_print("%s:", info->name);
    kd_trace_show_conditions(hook->event, hook->condition, hook->conditions);
    kd_print("    passed %llu, refused %llu%s\n", (unsigned long long)passed,
             (unsigned long long)refused, hook->aggregation == NULL ? "" : ", counted");
}

static void list(void)
{
    struct trace_hook hook;
    uint64_t address = KD_GLOBAL(trace_hooks);
    for (unsigned i = 0; i < TRACE_HOOKS_MAX; i++) {
        kd_fetch(address + i * sizeof(hook), &hook, sizeof(hook), "filter");
        show_hook(&hook);
    }
}

/* ---- setting ---- */

unsigned kd_trace_take_event(struct kd_call *call)
{
    char name[WORD_BYTES];
    const char *at = call->args;
    kd_arg_word(call, name, sizeof(name));
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        const struct trace_event_info *info = trace_event_info(id);
        if (info != NULL && strcmp(info->name, name) == 0) {
            if (info->flags & TRACE_INFO_META) {
                kd_fail_at(at, "events of the meta lane cannot be filtered");
            }
            return id;
        }
    }
    kd_fail_at(at, "no such event; 'trace last' shows names");
}

unsigned kd_trace_take_field(struct kd_call *call, const struct trace_event_info *info)
{
    char name[WORD_BYTES];
    const char *at = call->args;
    if (!kd_arg_word(call, name, sizeof(name))) {
        kd_fail_at(at, "a field is missing");
    }
    for (unsigned field = 0; field < info->fields; field++) {
        if (strcmp(info->field[field].name, name) == 0) {
            return field;
        }
    }
    kd_print("fields of %s:", info->name);
    for (unsigned field = 0; field < info->fields; field++) {
        kd_print(" %s", info->field[field].name);
    }
    kd_print("\n");
    kd_fail_at(at, "no such field");
}

static unsigned take_operator(struct kd_call *call)
{
    for (unsigned i = 0; i < ARRAY_COUNT(operators); i++) {
        if (kd_arg_accept(call, operators[i])) {
            return i;
        }
    }
    kd_fail_at(call->args, "expected == != < <= > or >=, with a blank on both sides");
}

static uint64_t take_value(struct kd_call *call, const struct trace_field *field)
{
    uint64_t value;
    for (value = 0; field->kind == TRACE_KIND_ENUM && value < 1ull << field->bits; value++) {
        const char *name = trace_enum_name(field, value);
        if (name != NULL && kd_arg_accept(call, name)) {
            return value;
        }
    }
    if (!kd_arg_number(call, &value)) {
        kd_fail_at(call->args, "a value is missing");
    }
    return value;
}

static struct trace_condition take_condition(struct kd_call *call,
                                             const struct trace_event_info *info, unsigned join)
{
    struct trace_condition condition = {.join = (unsigned char)join};
    condition.field = (unsigned short)kd_trace_take_field(call, info);
    condition.compare = (unsigned char)take_operator(call);
    condition.value = take_value(call, &info->field[condition.field]);
    return condition;
}

unsigned kd_trace_take_conditions(struct kd_call *call, const struct trace_event_info *info,
                                  struct trace_condition *to)
{
    unsigned count = 0, join = TRACE_JOIN_AND;
    for (;;) {
        if (count == TRACE_CONDITIONS_MAX) {
            kd_fail_at(call->args, "too many conditions: at most four");
        }
        to[count++] = take_condition(call, info, join);
        if (kd_arg_is_end(call)) {
            return count;
        }
        if (kd_arg_accept(call, "or")) {
            join = TRACE_JOIN_OR;
        } else if (kd_arg_accept(call, "and")) {
            join = TRACE_JOIN_AND;
        } else {
            kd_fail_at(call->args, "expected 'and' or 'or'");
        }
    }
}

void kd_trace_filter(struct kd_call *call)
{
    if (kd_arg_is_end(call)) {
        list();
        return;
    }
    kd_require_live(KD_WRITES);
    struct trace_condition condition[TRACE_CONDITIONS_MAX];
    struct trace_filter filter;
    unsigned event = kd_trace_take_event(call), count = 0;
    if (!kd_arg_accept(call, "off")) {
        count = kd_trace_take_conditions(call, trace_event_info(event), condition);
    }
    kd_arg_done(call);
    if (trace_filter_make(event, condition, count, &filter) != OK) {
        kd_fail("a value does not fit into its field");
    }
    if (!kd_deferred_hook(event, condition, count, NULL)) {
        kd_fail("too many requests are waiting: continue first");
    }
    kd_print("from the end of the stop on\n");
}
