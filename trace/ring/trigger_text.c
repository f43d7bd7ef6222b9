/* SPDX-License-Identifier: MIT */
/* Triggers as people write them: see trigger_text.h. Pure code, also built on the host. */
#include "trace/ring/trigger_text.h"

#include "base/string.h"
#include "gen/errors.h"
#include "gen/trace_table.h"

#define ERR_PREFIX 4u /* characters of "ERR_" */

/* A part of the text. */
struct span {
    const char *at, *end;
};

static bool is_text(struct span span, const char *text)
{
    size_t length = (size_t)(span.end - span.at);
    return strlen(text) == length && memcmp(span.at, text, length) == 0;
}

/* What comes before a character, which goes too; all if it is not there. */
static struct span take_until(struct span *rest, char until)
{
    struct span taken = *rest;
    while (rest->at < rest->end && *rest->at != until) {
        rest->at++;
    }
    taken.end = rest->at;
    rest->at += rest->at < rest->end;
    return taken;
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : 16;
}

static bool read_number(struct span span, uint64_t *out)
{
    bool is_hex = span.end - span.at > 2 && span.at[0] == '0' && span.at[1] == 'x';
    int base = is_hex ? 16 : 10;
    const char *at = span.at + (is_hex ? 2 : 0);
    *out = 0;
    for (const char *c = at; c < span.end; c++) {
        if (digit(*c) >= base) {
            return false;
        }
        *out = *out * (unsigned)base + (unsigned)digit(*c);
    }
    return at < span.end;
}

/* ---- names ---- */

static bool find_event(struct span name, unsigned *out)
{
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        const struct trace_event_info *info = trace_event_info(id);
        if (info != NULL && is_text(name, info->name)) {
            *out = id;
            return true;
        }
    }
    return false;
}

static bool find_field(const struct trace_event_info *info, struct span name, unsigned *out)
{
    for (unsigned i = 0; i < info->fields; i++) {
        if (is_text(name, info->field[i].name)) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* A name that the field's kind gives to a value. */
static bool find_value(const struct trace_field *field, struct span name, uint64_t *out)
{
    uint64_t count = field->kind == TRACE_KIND_ENUM     ? trace_enum_table[field->enum_index].count
                     : field->kind == TRACE_KIND_STATUS ? 128
                                                        : 0;
    for (uint64_t i = 0; i < count; i++) {
        bool is_status = field->kind == TRACE_KIND_STATUS;
        const char *known =
            is_status ? status_name((status_t) - (int64_t)i) : trace_enum_name(field, i);
        if (known != NULL &&
            (is_text(name, known) || (is_status && i != 0 && is_text(name, known + ERR_PREFIX)))) {
            *out = is_status ? (uint64_t) - (int64_t)i : i;
            return true;
        }
    }
    return false;
}

/* ---- conditions ---- */

static const struct {
    const char *text;
    unsigned char compare;
} operators[] = {
    /* the longer first */
    {"==", TRACE_COMPARE_EQUAL},    {"!=", TRACE_COMPARE_NOT_EQUAL}, {"<=", TRACE_COMPARE_AT_MOST},
    {">=", TRACE_COMPARE_AT_LEAST}, {"=", TRACE_COMPARE_EQUAL},      {"<", TRACE_COMPARE_BELOW},
    {">", TRACE_COMPARE_ABOVE},
};

/* Cut FIELD OP VALUE: text becomes the field. False: there is no operator in it. */
static bool cut_condition(struct span *text, unsigned char *out_compare, struct span *out_value)
{
    for (const char *at = text->at; at < text->end; at++) {
        for (unsigned i = 0; i < ARRAY_COUNT(operators); i++) {
            size_t length = strlen(operators[i].text);
            if ((size_t)(text->end - at) >= length && memcmp(at, operators[i].text, length) == 0) {
                *out_compare = operators[i].compare;
                *out_value = (struct span){at + length, text->end};
                text->end = at;
                return true;
            }
        }
    }
    return false;
}

static const char *read_condition(struct span text, struct trace_trigger_wish *wish)
{
    const struct trace_event_info *info = trace_event_info(wish->event);
    if (wish->conditions == TRACE_CONDITIONS_MAX) {
        return "too many conditions";
    }
    struct trace_condition *condition = &wish->condition[wish->conditions++];
    struct span value;
    unsigned field;
    if (!cut_condition(&text, &condition->compare, &value)) {
        return "a condition without = != < <= > or >=";
    }
    if (!find_field(info, text, &field)) {
        return "the event has no such field";
    }
    condition->field = (unsigned short)field;
    return read_number(value, &condition->value) ||
                   find_value(&info->field[field], value, &condition->value)
               ? NULL
               : "a value that is neither a number nor a name of that field";
}

/* ---- more=N,within=NS ---- */

static const char *read_more(struct span text, struct trace_trigger_wish *wish)
{
    uint64_t number;
    if (!read_number(text, &number) || number > TRACE_BURST_MAX) {
        return "more=NUMBER, at most 255";
    }
    wish->relation = TRACE_RELATION_BURST;
    wish->count = (unsigned short)number;
    return NULL;
}

static const char *read_within(struct span text, struct trace_trigger_wish *wish)
{
    uint64_t ns;
    if (!read_number(text, &ns) || ns == 0) {
        return "within=NS, at least 1";
    }
    wish->ns = ns;
    return NULL;
}

/* No field of an event has one of these names. */
static const char *read_part(struct span text, struct trace_trigger_wish *wish)
{
    struct span value = text, name = take_until(&value, '=');
    return is_text(name, "more")     ? read_more(value, wish)
           : is_text(name, "within") ? read_within(value, wish)
                                     : read_condition(text, wish);
}

/* ---- the whole ---- */

static const char *read_action(struct span text, struct trace_trigger_wish *wish)
{
    struct span name = take_until(&text, '=');
    if (is_text(name, "stop")) {
        wish->action = TRACE_ACTION_STOP;
        return text.at == text.end || read_number(text, &wish->more) ? NULL : "stop=NUMBER";
    }
    static const char *const names[] = {
        [TRACE_ACTION_MARK] = "mark",
        [TRACE_ACTION_SNAPSHOT] = "snapshot",
        [TRACE_ACTION_KDEBUG] = "kdebug",
    };
    for (unsigned i = 0; i < ARRAY_COUNT(names); i++) {
        if (names[i] != NULL && is_text(name, names[i])) {
            wish->action = (unsigned char)i;
            return NULL;
        }
    }
    return "actions are mark, stop=N, snapshot and kdebug";
}

const char *trace_trigger_parse(const char *text, size_t length, struct trace_trigger_wish *out)
{
    struct span rest = {text, text + length};
    unsigned event;
    *out = (struct trace_trigger_wish){0};
    const char *trouble = read_action(take_until(&rest, ':'), out);
    if (trouble != NULL) {
        return trouble;
    }
    if (!find_event(take_until(&rest, ','), &event)) {
        return "no such event";
    }
    out->event = (unsigned short)event;
    while (trouble == NULL && rest.at < rest.end) {
        trouble = read_part(take_until(&rest, ','), out);
    }
    bool is_half = (out->relation == TRACE_RELATION_BURST) != (out->ns != 0);
    return trouble == NULL && is_half ? "more=N and within=NS only together" : trouble;
}
