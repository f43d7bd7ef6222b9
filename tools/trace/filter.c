/* SPDX-License-Identifier: MIT */
/* Words against records (filter.h). */
#include "filter.h"

#include <stdlib.h>

#include "command.h"

static bool is_full(unsigned count)
{
    if (count == FILTER_WORDS_MAX) {
        complain("--filter: more than %d of a kind", FILTER_WORDS_MAX);
    }
    return count == FILTER_WORDS_MAX;
}

static bool add_cpu(struct filter *filter, const char *text)
{
    unsigned long cpu;
    if (!option_number("--filter cpu", text, &cpu)) {
        return false;
    }
    if (cpu >= CPU_MAX) {
        complain("--filter: there is no core %lu", cpu);
        return false;
    }
    filter->cpus |= 1ull << cpu;
    return true;
}

/* FIELD OP VALUE; false: there is no operator in it. */
static bool take_condition(const char *word, struct filter_condition *out)
{
    static const struct {
        const char *text;
        enum filter_relation relation;
    } relations[] = {{"!=", FILTER_NE}, {"<=", FILTER_LE}, {">=", FILTER_GE},
                     {"=", FILTER_EQ},  {"<", FILTER_LT},  {">", FILTER_GT}};
    const char *at = strpbrk(word, "!<>=");
    for (unsigned i = 0; at != NULL && at != word && i < ARRAY_COUNT(relations); i++) {
        size_t bytes = strlen(relations[i].text);
        if (strncmp(at, relations[i].text, bytes) == 0) {
            *out = (struct filter_condition){word, (size_t)(at - word), at + bytes,
                                             relations[i].relation};
            return true;
        }
    }
    return false;
}

static bool add_word(struct filter *filter, const char *word)
{
    struct filter_condition condition;
    if (strncmp(word, "cpu=", 4) == 0) {
        return add_cpu(filter, word + 4);
    }
    if (strncmp(word, "thread=", 7) == 0) {
        if (is_full(filter->thread_count)) {
            return false;
        }
        filter->threads[filter->thread_count++] = word + 7;
    } else if (take_condition(word, &condition)) {
        if (is_full(filter->condition_count)) {
            return false;
        }
        filter->conditions[filter->condition_count++] = condition;
    } else {
        if (is_full(filter->event_count)) {
            return false;
        }
        filter->events[filter->event_count++] = word;
    }
    return true;
}

bool filter_add(struct filter *filter, char *list)
{
    char *place = NULL;
    for (char *word = strtok_r(list, ",", &place); word != NULL;
         word = strtok_r(NULL, ",", &place)) {
        if (!add_word(filter, word)) {
            return false;
        }
    }
    return true;
}

/* ---- against the schema ---- */

static bool name_matches(const struct schema_event *event, const char *word)
{
    size_t bytes = strlen(word);
    bool is_prefix = bytes != 0 && word[bytes - 1] == '.';
    return strcmp(event->category_name, word) == 0 || strcmp(event->name, word) == 0 ||
           (is_prefix && strncmp(event->name, word, bytes) == 0);
}

static const struct schema_field *find_field(const struct schema_event *event,
                                             const struct filter_condition *condition)
{
    for (unsigned i = 0; i < event->field_count; i++) {
        const char *name = event->field[i].name;
        if (strlen(name) == condition->field_bytes &&
            memcmp(name, condition->field, condition->field_bytes) == 0) {
            return event->field[i].bits == 0 ? NULL : &event->field[i];
        }
    }
    return NULL;
}

static bool find_name(const char *const *names, const char *text, uint64_t *out)
{
    for (unsigned i = 0; i < SCHEMA_NAMES_MAX; i++) {
        if (names[i] != NULL && strcmp(names[i], text) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* A value as the field counts it; false: it is neither a number nor a name of the field's kind. */
static bool take_value(const struct schema *schema, const struct schema_field *field,
                       const char *text, uint64_t *out)
{
    char *end;
    *out = *text == '-' ? (uint64_t)strtoll(text, &end, 0) : strtoull(text, &end, 0);
    if (end != text && *end == '\0') {
        return true;
    }
    switch (field->kind) {
    case SCHEMA_ENUM:
        return find_name(field->values->value, text, out);
    case SCHEMA_SYSCALL:
        return find_name(schema->syscall, text, out);
    case SCHEMA_STATUS:
        if (strcmp(text, "OK") == 0) {
            *out = 0;
            return true;
        }
        if (find_name(schema->error, text, out)) {
            *out = 0 - *out;
            return true;
        }
        return false;
    default:
        return false;
    }
}

/* The wanted events that can match all conditions stay wanted. */
static bool settle_condition(struct filter *filter, const struct schema *schema,
                             const struct filter_condition *condition)
{
    bool any_field = false;
    bool any_value = false;
    for (unsigned id = 0; id < SCHEMA_EVENTS_MAX; id++) {
        if (!filter->event_passes[id]) {
            continue;
        }
        uint64_t unused;
        const struct schema_field *field = find_field(schema->event[id], condition);
        any_field |= field != NULL;
        filter->event_passes[id] =
            field != NULL && take_value(schema, field, condition->value, &unused);
        any_value |= filter->event_passes[id];
    }
    if (!any_field) {
        complain("--filter: no such event has a field \"%.*s\"", (int)condition->field_bytes,
                 condition->field);
    } else if (!any_value) {
        complain("--filter: \"%s\" is no value of \"%.*s\"", condition->value,
                 (int)condition->field_bytes, condition->field);
    }
    return any_value;
}

static bool settle_event(struct filter *filter, const struct schema *schema, const char *word)
{
    bool any = false;
    for (unsigned id = 0; id < SCHEMA_EVENTS_MAX; id++) {
        if (schema->event[id] != NULL && name_matches(schema->event[id], word)) {
            filter->event_passes[id] = true;
            any = true;
        }
    }
    if (!any) {
        complain("--filter: no category or event is named \"%s\"", word);
    }
    return any;
}

bool filter_settle(struct filter *filter, const struct schema *schema)
{
    filter->event_passes = xcalloc(SCHEMA_EVENTS_MAX, sizeof(bool));
    for (unsigned id = 0; id < SCHEMA_EVENTS_MAX; id++) {
        filter->event_passes[id] = filter->event_count == 0 && schema->event[id] != NULL;
    }
    for (unsigned i = 0; i < filter->event_count; i++) {
        if (!settle_event(filter, schema, filter->events[i])) {
            return false;
        }
    }
    for (unsigned i = 0; i < filter->condition_count; i++) {
        if (!settle_condition(filter, schema, &filter->conditions[i])) {
            return false;
        }
    }
    return true;
}

void filter_free(struct filter *filter)
{
    free(filter->event_passes);
    filter->event_passes = NULL;
}

/* ---- against a record ---- */

static bool thread_matches(struct registry *registry, uint64_t tid, const char *word)
{
    char *end;
    unsigned long number = strtoul(word, &end, 10);
    if (end != word && *end == '\0') {
        return number == tid;
    }
    const struct thread *thread = id_map_find(&registry->threads, tid);
    return thread != NULL && strcmp(thread->name, word) == 0;
}

static bool any_thread_matches(const struct filter *filter, const struct schema_event *event,
                               struct registry *registry, const struct step *step, uint32_t current)
{
    bool is_core_lane = step->lane_kind != TRACE_LANE_META;
    for (unsigned i = 0; i < filter->thread_count; i++) {
        const char *word = filter->threads[i];
        if (is_core_lane && thread_matches(registry, current, word)) {
            return true;
        }
        for (unsigned k = 0; k < event->field_count; k++) {
            const struct schema_field *field = &event->field[k];
            if (field->kind == SCHEMA_TID &&
                thread_matches(registry, schema_value(field, step->record), word)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_in_relation(enum filter_relation relation, int order)
{
    switch (relation) {
    case FILTER_EQ:
        return order == 0;
    case FILTER_NE:
        return order != 0;
    case FILTER_LT:
        return order < 0;
    case FILTER_LE:
        return order <= 0;
    case FILTER_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static bool condition_holds(const struct filter_condition *condition, const struct schema *schema,
                            const struct schema_event *event, const uint64_t *record)
{
    uint64_t wanted;
    const struct schema_field *field = find_field(event, condition);
    if (field == NULL || !take_value(schema, field, condition->value, &wanted)) {
        return false;
    }
    uint64_t value = schema_value(field, record);
    int order = field->kind == SCHEMA_STATUS
                    ? ((int64_t)value > (int64_t)wanted) - ((int64_t)value < (int64_t)wanted)
                    : (value > wanted) - (value < wanted);
    return is_in_relation(condition->relation, order);
}

bool filter_passes(const struct filter *filter, const struct schema *schema,
                   struct registry *registry, const struct step *step, uint32_t current)
{
    if (!filter->event_passes[step->id]) {
        return false;
    }
    if (filter->cpus != 0 &&
        (step->lane_kind == TRACE_LANE_META || (filter->cpus >> step->cpu & 1) == 0)) {
        return false;
    }
    const struct schema_event *event = schema->event[step->id];
    for (unsigned i = 0; i < filter->condition_count; i++) {
        if (!condition_holds(&filter->conditions[i], schema, event, step->record)) {
            return false;
        }
    }
    return filter->thread_count == 0 || any_thread_matches(filter, event, registry, step, current);
}
