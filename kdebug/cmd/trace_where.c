/* SPDX-License-Identifier: MIT */
/* Which records meet a tree of conditions: see trace_where.h. */
#include "kdebug/cmd/trace_where.h"

#include "base/string.h"
#include "gen/trace_table.h"
#include "kernel/abi/trace.h"

#define DEPTH_MAX  8u
#define EVENTS_MAX (1u << TRACE_EVENT_BITS)

enum kind { AND, OR, NOT, EVENT, THREAD, CURRENT, CPU, FIELD };

/* What prepare() has found out, by node and event. */
static uint8_t known[KD_WHERE_NODES][EVENTS_MAX];  /* enum kd_answer */
static uint8_t fields[KD_WHERE_NODES][EVENTS_MAX]; /* mask: fields of the event to compare */

static_assert(TRACE_FIELDS_MAX <= 8, "a mask of fields is a byte");

static bool is_word(const char *text, const char *word, size_t length)
{
    return strlen(text) == length && memcmp(text, word, length) == 0;
}

/* ---- what an event tells ---- */

static bool begins_with(const struct trace_event_info *info, const struct kd_where_node *node)
{
    return strncmp(info->name, node->word, node->length) == 0;
}

static uint8_t threads_of(const struct trace_event_info *info)
{
    uint8_t mask = 0;
    for (unsigned i = 0; i < info->fields; i++) {
        mask |= (uint8_t)((info->field[i].kind == TRACE_KIND_TID) << i);
    }
    return mask;
}

static uint8_t field_of(const struct trace_event_info *info, const struct kd_where_node *node)
{
    for (unsigned i = 0; i < info->fields; i++) {
        if (is_word(info->field[i].name, node->word, node->length)) {
            return (uint8_t)(1u << i);
        }
    }
    return 0;
}

/* Of node number i, about all records of an event; those before it are known. */
static enum kd_answer know(const struct kd_where *where, unsigned i, unsigned event)
{
    const struct kd_where_node *node = &where->node[i];
    const struct trace_event_info *info = trace_event_info(event);
    switch (node->kind) {
    case AND:
        return MIN(known[node->left][event], known[node->right][event]);
    case OR:
        return MAX(known[node->left][event], known[node->right][event]);
    case NOT:
        return KD_YES - known[node->left][event];
    case CPU:
    case CURRENT:
        return KD_OPEN;
    case EVENT:
        return info != NULL && begins_with(info, node) ? KD_YES : KD_NO;
    case THREAD:
        fields[i][event] = info == NULL ? 0 : threads_of(info);
        return info == NULL ? KD_NO : KD_OPEN;
    default:
        fields[i][event] = info == NULL ? 0 : field_of(info, node);
        return fields[i][event] == 0 ? KD_NO : KD_OPEN;
    }
}

void kd_where_prepare(const struct kd_where *where)
{
    for (unsigned i = 0; i < where->count; i++) {
        for (unsigned event = 0; event < EVENTS_MAX; event++) {
            known[i][event] = (uint8_t)know(where, i, event);
        }
    }
}

enum kd_answer kd_where_of_event(const struct kd_where *where, unsigned event)
{
    return where->count == 0 ? KD_YES : known[where->count - 1][event];
}

/* ---- what a record tells ---- */

static bool compare(uint64_t have, unsigned how, uint64_t want, bool is_signed)
{
    bool below = is_signed ? (int64_t)have < (int64_t)want : have < want;
    switch (how) {
    case TRACE_COMPARE_EQUAL:
        return have == want;
    case TRACE_COMPARE_NOT_EQUAL:
        return have != want;
    case TRACE_COMPARE_BELOW:
        return below;
    case TRACE_COMPARE_AT_MOST:
        return below || have == want;
    case TRACE_COMPARE_ABOVE:
        return !below && have != want;
    default:
        return !below;
    }
}

static bool names_thread(const struct kd_record *record, unsigned mask, uint64_t thread)
{
    uint64_t header = record->words[0];
    const struct trace_event_info *info = trace_event_info(TRACE_EVENT(header));
    for (; mask != 0; mask &= mask - 1) {
        const struct trace_field *field = &info->field[__builtin_ctz(mask)];
        if (field->word <= TRACE_WORDS(header) &&
            trace_field_value(field, record->words) == thread) {
            return true;
        }
    }
    return false;
}

static bool has_value(const struct kd_where_node *node, const struct kd_record *record,
                      unsigned mask)
{
    uint64_t header = record->words[0];
    const struct trace_event_info *info = trace_event_info(TRACE_EVENT(header));
    const struct trace_field *field = &info->field[__builtin_ctz(mask)];
    if (field->word > TRACE_WORDS(header)) {
        return false;
    }
    uint64_t have = trace_field_value(field, record->words);
    if (node->name != NULL) {
        const char *name = field->kind == TRACE_KIND_ENUM ? trace_enum_name(field, have) : NULL;
        bool is_it = name != NULL && is_word(name, node->name, node->name_length);
        return is_it == (node->compare == TRACE_COMPARE_EQUAL);
    }
    bool is_signed = field->kind == TRACE_KIND_STATUS || field->kind == TRACE_KIND_CODE;
    return compare(have, node->compare, node->value, is_signed);
}

static bool is_met(const struct kd_where *where, unsigned i, const struct kd_record *record)
{
    const struct kd_where_node *node = &where->node[i];
    unsigned event = TRACE_EVENT(record->words[0]);
    if (known[i][event] != KD_OPEN) {
        return known[i][event] == KD_YES;
    }
    switch (node->kind) {
    case AND:
        return is_met(where, node->left, record) && is_met(where, node->right, record);
    case OR:
        return is_met(where, node->left, record) || is_met(where, node->right, record);
    case NOT:
        return !is_met(where, node->left, record);
    case CPU:
        return compare(record->cpu, node->compare, node->value, false);
    case CURRENT:
        return compare(record->current, node->compare, node->value, false);
    case THREAD:
        return record->current == node->value ||
               names_thread(record, fields[i][event], node->value);
    default:
        return has_value(node, record, fields[i][event]);
    }
}

bool kd_where_met(const struct kd_where *where, const struct kd_record *record)
{
    return where->count == 0 || is_met(where, where->count - 1, record);
}

/* ---- taking it from the line ---- */

struct parser {
    struct kd_call *call;
    struct kd_where *where;
    unsigned depth;
};

/* Returns its number. */
static unsigned add(struct parser *parser, struct kd_where_node node)
{
    if (parser->where->count == KD_WHERE_NODES) {
        kd_fail_at(parser->call->args, "too many conditions");
    }
    parser->where->node[parser->where->count] = node;
    return parser->where->count++;
}

static unsigned join(struct parser *parser, enum kind kind, unsigned left, unsigned right)
{
    return add(parser, (struct kd_where_node){
                           .kind = (uint8_t)kind, .left = (uint8_t)left, .right = (uint8_t)right});
}

/* A word ends at a blank, ')' or ','. Returns its length, 0: there is none. */
static size_t see_word(struct kd_call *call)
{
    size_t length = 0;
    (void)kd_arg_is_end(call); /* goes past blanks */
    while (call->args + length < call->args_end && call->args[length] != ' ' &&
           call->args[length] != '\t' && call->args[length] != ')' && call->args[length] != ',') {
        length++;
    }
    return length;
}

static bool accept(struct kd_call *call, const char *word)
{
    size_t length = see_word(call);
    bool is_it = is_word(word, call->args, length);
    call->args += is_it ? length : 0;
    return is_it;
}

static bool accept_char(struct kd_call *call, char c)
{
    bool is_it = !kd_arg_is_end(call) && *call->args == c;
    call->args += is_it;
    return is_it;
}

static bool is_event_start(const struct kd_where_node *node)
{
    for (unsigned event = 0; event < TRACE_EVENT_COUNT; event++) {
        const struct trace_event_info *info = trace_event_info(event);
        if (info != NULL && begins_with(info, node)) {
            return true;
        }
    }
    return false;
}

static unsigned take_event(struct parser *parser)
{
    struct kd_call *call = parser->call;
    if (!accept(call, "is")) {
        kd_fail_at(call->args, "expected 'is'");
    }
    struct kd_where_node node = {.kind = EVENT, .length = (uint16_t)see_word(call)};
    node.word = call->args;
    if (node.length == 0 || !is_event_start(&node)) {
        kd_fail_at(call->args, "no event's name begins so; 'trace events' shows them");
    }
    call->args += node.length;
    (void)accept_char(call, ','); /* as behind a number */
    return add(parser, node);
}

static uint8_t take_operator(struct kd_call *call)
{
    static const char *const operators[] = {"==", "!=", "<", "<=", ">", ">="}; /* trace_compare */
    for (unsigned i = 0; i < ARRAY_COUNT(operators); i++) {
        if (accept(call, operators[i])) {
            return (uint8_t)i;
        }
    }
    kd_fail_at(call->args, "expected == != < <= > or >=, with a blank on both sides");
}

static uint64_t take_number(struct kd_call *call)
{
    uint64_t value;
    if (!kd_arg_number(call, &value)) {
        kd_fail_at(call->args, "a value is missing");
    }
    return value;
}

static unsigned take_thread(struct parser *parser)
{
    struct kd_call *call = parser->call;
    const char *at = call->args;
    uint8_t how = take_operator(call);
    if (how > TRACE_COMPARE_NOT_EQUAL) {
        kd_fail_at(at, "threads are == or !=");
    }
    unsigned node = add(parser, (struct kd_where_node){.kind = THREAD, .value = take_number(call)});
    return how == TRACE_COMPARE_EQUAL ? node : join(parser, NOT, node, node);
}

static unsigned take_number_of(struct parser *parser, enum kind kind)
{
    struct kd_where_node node = {.kind = (uint8_t)kind, .compare = take_operator(parser->call)};
    node.value = take_number(parser->call);
    return add(parser, node);
}

/* Is it a name of a value that this field has in some event? */
static bool is_value_name(const struct trace_field *field, const char *word, size_t length)
{
    for (uint64_t value = 0; field->kind == TRACE_KIND_ENUM && value < 1ull << field->bits;
         value++) {
        const char *name = trace_enum_name(field, value);
        if (name != NULL && is_word(name, word, length)) {
            return true;
        }
    }
    return false;
}

/* Does some event have the field, and if `value` is not NULL, with a value of this name? */
static bool is_somewhere(const struct kd_where_node *node, const char *value, size_t length)
{
    for (unsigned event = 0; event < TRACE_EVENT_COUNT; event++) {
        const struct trace_event_info *info = trace_event_info(event);
        uint8_t mask = info == NULL ? 0 : field_of(info, node);
        if (mask != 0 &&
            (value == NULL || is_value_name(&info->field[__builtin_ctz(mask)], value, length))) {
            return true;
        }
    }
    return false;
}

static void take_value(struct parser *parser, struct kd_where_node *node)
{
    struct kd_call *call = parser->call;
    size_t length = see_word(call);
    if (node->compare > TRACE_COMPARE_NOT_EQUAL || !is_somewhere(node, call->args, length)) {
        node->value = take_number(call);
        return;
    }
    node->name = call->args;
    node->name_length = (uint16_t)length;
    call->args += length;
    (void)accept_char(call, ',');
}

static struct kd_where_node take_field(struct kd_call *call)
{
    struct kd_where_node node = {.kind = FIELD, .length = (uint16_t)see_word(call)};
    node.word = call->args;
    if (node.length == 0 || !is_somewhere(&node, NULL, 0)) {
        kd_fail_at(call->args,
                   node.length == 0 ? "a condition is missing" : "no event has such a field");
    }
    call->args += node.length;
    return node;
}

static unsigned take_condition(struct parser *parser)
{
    struct kd_call *call = parser->call;
    if (accept(call, "event")) {
        return take_event(parser);
    }
    if (accept(call, "thread")) {
        return take_thread(parser);
    }
    if (accept(call, "cpu")) {
        return take_number_of(parser, CPU);
    }
    if (accept(call, "current")) {
        return take_number_of(parser, CURRENT);
    }
    struct kd_where_node node = take_field(call);
    node.compare = take_operator(call);
    take_value(parser, &node);
    return add(parser, node);
}

static unsigned take_tree(struct parser *parser);

static unsigned take_term(struct parser *parser)
{
    struct kd_call *call = parser->call;
    if (parser->depth == DEPTH_MAX) {
        kd_fail_at(call->args, "too deep");
    }
    parser->depth++;
    unsigned node;
    if (accept_char(call, '(')) {
        node = take_tree(parser);
        if (!accept_char(call, ')')) {
            kd_fail_at(call->args, "expected )");
        }
    } else if (accept(call, "not")) {
        unsigned term = take_term(parser);
        node = join(parser, NOT, term, term);
    } else {
        node = take_condition(parser);
    }
    parser->depth--;
    return node;
}

static unsigned take_all(struct parser *parser)
{
    unsigned node = take_term(parser);
    while (accept(parser->call, "and")) {
        node = join(parser, AND, node, take_term(parser));
    }
    return node;
}

static unsigned take_tree(struct parser *parser)
{
    unsigned node = take_all(parser);
    while (accept(parser->call, "or")) {
        node = join(parser, OR, node, take_all(parser));
    }
    return node;
}

/* A tree whose last node is the newest one is to be met besides the one that ended before. */
static void add_to(struct parser *parser, unsigned count_before)
{
    if (count_before != 0) {
        (void)join(parser, AND, count_before - 1, parser->where->count - 1);
    }
}

void kd_where_take(struct kd_call *call, struct kd_where *where)
{
    struct parser parser = {.call = call, .where = where};
    unsigned before = where->count;
    (void)take_tree(&parser);
    add_to(&parser, before);
}

void kd_where_add_thread(struct kd_call *call, struct kd_where *where)
{
    struct parser parser = {.call = call, .where = where};
    unsigned before = where->count;
    (void)add(&parser, (struct kd_where_node){.kind = THREAD, .value = take_number(call)});
    add_to(&parser, before);
}

void kd_where_add_field(struct kd_call *call, struct kd_where *where)
{
    struct parser parser = {.call = call, .where = where};
    unsigned before = where->count;
    struct kd_where_node node = take_field(call);
    node.value = take_number(call);
    (void)add(&parser, node);
    add_to(&parser, before);
}
