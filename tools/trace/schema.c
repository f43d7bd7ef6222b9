/* SPDX-License-Identifier: MIT */
/*
 * Reading schema text (the grammar stands in gen/trace_schema.h).
 *
 * The text may come out of a damaged or hostile file, so nothing that decoding relies on is taken on trust:
 *   S1  a number field lies inside the words its event promises, or in the header
 *   S2  a string begins right behind them
 *   S3  shift + bits <= 64 and bits >= 1
 * With these, whoever has checked schema_record_fits() may read every field without another check.
 */
#include "schema.h"

#include <stdio.h>
#include <stdlib.h>

#include "gen/trace_schema.h"

#define LINE_TOKENS_MAX (SCHEMA_NAMES_MAX + 2)
#define FIELDS_MAX      32u
#define ENUMS_MAX       64u
#define PAIR_NAME_BYTES 128u

static const char *const kind_names[] = {
    "dec",   "hex",  "tid",    "pid",    "cpu", "vector", "syscall", "status",
    "bytes", "call", "object", "string", "ns",  "frames", "code",    "operation"};

struct parser {
    struct schema *schema;
    struct schema_enum *enums[ENUMS_MAX];
    unsigned enum_count;
    struct schema_event *event; /* the one whose fields come now */
    char *token[LINE_TOKENS_MAX];
    unsigned tokens;
    unsigned line;
};

static bool parse_number(const char *text, long low, long high, long *out)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < low || value > high) {
        return false;
    }
    *out = value;
    return true;
}

static bool parse_named(const char **names, unsigned limit, const char *number, const char *name)
{
    long index;
    if (!parse_number(number, -(long)limit + 1, (long)limit - 1, &index)) {
        return false;
    }
    names[labs(index)] = name;
    return true;
}

static bool parse_enum(struct parser *parser)
{
    if (parser->tokens < 2 || parser->enum_count == ENUMS_MAX) {
        return false;
    }
    struct schema_enum *values = arena_alloc(&parser->schema->arena, sizeof(*values));
    values->name = parser->token[1];
    for (unsigned i = 2; i < parser->tokens; i++) {
        char *equals = strchr(parser->token[i], '=');
        long number;
        if (equals == NULL) {
            return false;
        }
        *equals = '\0';
        if (!parse_number(parser->token[i], 0, SCHEMA_NAMES_MAX - 1, &number)) {
            return false;
        }
        values->value[number] = equals + 1;
    }
    parser->enums[parser->enum_count++] = values;
    return true;
}

static bool find_category(const struct schema *schema, const char *name, uint8_t *out)
{
    for (unsigned i = 0; i < ARRAY_COUNT(schema->category); i++) {
        if (schema->category[i] != NULL && strcmp(schema->category[i], name) == 0) {
            *out = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static bool parse_event(struct parser *parser)
{
    struct schema *schema = parser->schema;
    char **token = parser->token;
    long id;
    long words;
    uint8_t category;
    if (parser->tokens < 5 || !parse_number(token[1], 0, SCHEMA_EVENTS_MAX - 1, &id) ||
        !find_category(schema, token[3], &category) ||
        !parse_number(token[4], 0, TRACE_WORDS_MAX, &words) || schema->event[id] != NULL) {
        return false;
    }
    struct schema_event *event = arena_alloc(&schema->arena, sizeof(*event));
    event->name = token[2];
    event->category_name = schema->category[category];
    event->id = (uint16_t)id;
    event->words = (uint8_t)words;
    event->category = category;
    event->field = arena_alloc(&schema->arena, FIELDS_MAX * sizeof(*event->field));
    for (unsigned i = 5; i < parser->tokens; i++) {
        event->meta = event->meta || strcmp(token[i], "meta") == 0;
    }
    schema->event[id] = event;
    parser->event = event;
    return true;
}

static bool parse_kind(struct parser *parser, const char *text, struct schema_field *field)
{
    if (strncmp(text, "enum:", 5) == 0) {
        field->kind = SCHEMA_ENUM;
        for (unsigned i = 0; i < parser->enum_count; i++) {
            if (strcmp(parser->enums[i]->name, text + 5) == 0) {
                field->values = parser->enums[i];
            }
        }
        return field->values != NULL;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(kind_names); i++) {
        if (strcmp(kind_names[i], text) == 0) {
            field->kind = (uint8_t)i;
            return true;
        }
    }
    field->kind = SCHEMA_DEC; /* a kind of a later version: the number can be shown all the same */
    return true;
}

static bool parse_field(struct parser *parser)
{
    struct schema_event *event = parser->event;
    char **token = parser->token;
    long word;
    long shift;
    long bits;
    if (parser->tokens < 6 || event == NULL || event->field_count == FIELDS_MAX ||
        event->has_string || !parse_number(token[2], 0, TRACE_WORDS_MAX, &word) ||
        !parse_number(token[3], 0, 63, &shift) || !parse_number(token[4], 0, 64, &bits)) {
        return false;
    }
    struct schema_field *field = &event->field[event->field_count++];
    *field = (struct schema_field){
        .name = token[1], .word = (uint8_t)word, .shift = (uint8_t)shift, .bits = (uint8_t)bits};
    if (!parse_kind(parser, token[5], field)) {
        return false;
    }
    field->is_counter = parser->tokens > 6 && strcmp(token[6], "counter") == 0;
    field->is_per_core = parser->tokens > 7 && strcmp(token[7], "core") == 0;
    if (field->kind == SCHEMA_STRING || field->kind == SCHEMA_FRAMES) {
        event->has_string = true;
        return word == event->words + 1; /* S2 */
    }
    event->has_counter = event->has_counter || field->is_counter;
    return bits >= 1 && shift + bits <= 64 && word <= event->words; /* S1, S3 */
}

static bool parse_operation(struct parser *parser)
{
    struct schema *schema = parser->schema;
    long label;
    if (parser->tokens < 3 || schema->operation_count == SCHEMA_OPERATIONS_MAX ||
        !parse_number(parser->token[1], 1, UINT32_MAX, &label)) {
        return false;
    }
    if (schema->operation == NULL) {
        schema->operation =
            arena_alloc(&schema->arena, SCHEMA_OPERATIONS_MAX * sizeof(*schema->operation));
    }
    unsigned at = schema->operation_count++;
    schema->operation[at] = (struct schema_operation){(uint32_t)label, parser->token[2]};
    return at == 0 || schema->operation[at - 1].label < label;
}

static bool parse_line(struct parser *parser)
{
    struct schema *schema = parser->schema;
    char **token = parser->token;
    if (strcmp(token[0], "enum") == 0) {
        return parse_enum(parser);
    }
    if (strcmp(token[0], "event") == 0) {
        return parse_event(parser);
    }
    if (strcmp(token[0], "field") == 0) {
        return parse_field(parser);
    }
    if (strcmp(token[0], "category") == 0) {
        return parser->tokens >= 3 && parse_named(schema->category, 64, token[1], token[2]);
    }
    if (strcmp(token[0], "syscall") == 0) {
        return parser->tokens >= 3 &&
               parse_named(schema->syscall, SCHEMA_NAMES_MAX, token[1], token[2]);
    }
    if (strcmp(token[0], "error") == 0) {
        return parser->tokens >= 3 &&
               parse_named(schema->error, SCHEMA_NAMES_MAX, token[1], token[2]);
    }
    if (strcmp(token[0], "object") == 0) {
        return parser->tokens >= 3 &&
               parse_named(schema->object, SCHEMA_NAMES_MAX, token[1], token[2]);
    }
    if (strcmp(token[0], "operation") == 0) {
        return parse_operation(parser);
    }
    return true;
}

static void split_line(struct parser *parser, char *line)
{
    parser->tokens = 0;
    char *place = NULL;
    for (char *token = strtok_r(line, " ", &place);
         token != NULL && parser->tokens < LINE_TOKENS_MAX; token = strtok_r(NULL, " ", &place)) {
        parser->token[parser->tokens++] = token;
    }
}

status_t schema_parse(struct schema *schema, const char *text, size_t bytes)
{
    memset(schema, 0, sizeof(*schema));
    schema->hash = schema_hash(text, bytes);
    char *copy = arena_alloc(&schema->arena, bytes + 1);
    memcpy(copy, text, bytes);
    struct parser *parser = xcalloc(1, sizeof(*parser));
    parser->schema = schema;
    char *place = NULL;
    bool good = true;
    for (char *line = strtok_r(copy, "\n", &place); line != NULL && good;
         line = strtok_r(NULL, "\n", &place)) {
        parser->line++;
        split_line(parser, line);
        good = parser->tokens == 0 || parse_line(parser);
    }
    if (!good) {
        complain("schema, line %u: cannot be understood", parser->line);
        schema_free(schema);
    }
    free(parser);
    return good ? OK : ERR_CORRUPT;
}

static const char builtin_text[] = TRACE_SCHEMA_TEXT;

void schema_builtin(struct schema *schema)
{
    if (schema_parse(schema, builtin_text, sizeof(builtin_text) - 1) != OK) {
        complain("the schema built in is broken");
        abort();
    }
}

uint64_t schema_hash(const char *text, size_t bytes)
{
    uint64_t hash = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3ull;
    }
    return hash;
}

uint64_t schema_builtin_hash(void)
{
    return TRACE_SCHEMA_HASH;
}

void schema_free(struct schema *schema)
{
    arena_free(&schema->arena);
    memset(schema, 0, sizeof(*schema));
}

const struct schema_event *schema_find(const struct schema *schema, const char *name)
{
    for (unsigned id = 0; id < SCHEMA_EVENTS_MAX; id++) {
        if (schema->event[id] != NULL && strcmp(schema->event[id]->name, name) == 0) {
            return schema->event[id];
        }
    }
    return NULL;
}

unsigned schema_event_id(const struct schema *schema, const char *name)
{
    const struct schema_event *event = schema_find(schema, name);
    return event != NULL ? event->id : SCHEMA_NO_EVENT;
}

static const struct schema_field *find_field(const struct schema *schema, const char *event_name,
                                             const char *name)
{
    const struct schema_event *event = schema_find(schema, event_name);
    for (unsigned i = 0; event != NULL && i < event->field_count; i++) {
        if (strcmp(event->field[i].name, name) == 0) {
            return &event->field[i];
        }
    }
    return NULL;
}

struct field_ref schema_field_ref(const struct schema *schema, const char *event, const char *field)
{
    const struct schema_field *found = find_field(schema, event, field);
    if (found == NULL || found->bits == 0) {
        return (struct field_ref){0};
    }
    return (struct field_ref){.mask = ~0ull >> (64 - found->bits),
                              .word = found->word,
                              .shift = found->shift,
                              .bits = found->bits,
                              .is_signed = found->kind == SCHEMA_STATUS};
}

uint64_t schema_category_mask(const struct schema *schema, const char *name)
{
    uint8_t bit;
    return find_category(schema, name, &bit) ? 1ull << bit : 0;
}

unsigned schema_enum_value(const struct schema *schema, const char *event, const char *field,
                           const char *name)
{
    const struct schema_field *found = find_field(schema, event, field);
    for (unsigned i = 0; found != NULL && found->values != NULL && i < SCHEMA_NAMES_MAX; i++) {
        if (found->values->value[i] != NULL && strcmp(found->values->value[i], name) == 0) {
            return i;
        }
    }
    return SCHEMA_NAMES_MAX;
}

const char *schema_enum_name(const struct schema *schema, const char *event, const char *field,
                             uint64_t value)
{
    const struct schema_field *found = find_field(schema, event, field);
    bool is_named = found != NULL && found->values != NULL && value < SCHEMA_NAMES_MAX &&
                    found->values->value[value] != NULL;
    return is_named ? found->values->value[value] : "?";
}

static const struct {
    const char *tail;
    const char *partner;
    bool is_begin;
} pair_tails[] = {
    {".begin", ".end", true},
    {".end", ".begin", false},
    {".enter", ".exit", true},
    {".exit", ".enter", false},
};

unsigned schema_pair(const struct schema *schema, const struct schema_event *event,
                     bool *out_is_begin, size_t *out_stem_bytes)
{
    size_t length = strlen(event->name);
    for (unsigned i = 0; i < ARRAY_COUNT(pair_tails); i++) {
        size_t cut = strlen(pair_tails[i].tail);
        char partner[PAIR_NAME_BYTES];
        if (length <= cut || strcmp(event->name + length - cut, pair_tails[i].tail) != 0) {
            continue;
        }
        snprintf(partner, sizeof(partner), "%.*s%s", (int)(length - cut), event->name,
                 pair_tails[i].partner);
        unsigned id = schema_event_id(schema, partner);
        if (id != SCHEMA_NO_EVENT) {
            *out_is_begin = pair_tails[i].is_begin;
            *out_stem_bytes = length - cut;
            return *out_is_begin ? event->id : id;
        }
    }
    return SCHEMA_NO_EVENT;
}

uint64_t schema_value(const struct schema_field *field, const uint64_t *record)
{
    unsigned unused = 64u - field->bits;
    uint64_t value = record[field->word] >> field->shift << unused;
    bool is_signed = field->kind == SCHEMA_STATUS || field->kind == SCHEMA_CODE;
    return is_signed ? (uint64_t)((int64_t)value >> unused) : value >> unused;
}

const char *schema_string(const struct schema_event *event, const uint64_t *record,
                          size_t *out_bytes)
{
    unsigned words = TRACE_WORDS(record[0]);
    const char *text = (const char *)&record[event->words + 1];
    *out_bytes = event->has_string ? strnlen(text, 8u * (words - event->words)) : 0;
    return text;
}

const uint64_t *schema_frames(const struct schema_event *event, const uint64_t *record,
                              unsigned *out_count)
{
    *out_count = event->has_string ? TRACE_WORDS(record[0]) - event->words : 0;
    return &record[event->words + 1];
}

const char *schema_operation_name(const struct schema *schema, uint64_t label)
{
    unsigned low = 0;
    unsigned high = schema->operation_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (schema->operation[middle].label < label) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_found = low < schema->operation_count && schema->operation[low].label == label;
    return is_found ? schema->operation[low].name : NULL;
}

const char *schema_error_name(const struct schema *schema, int64_t status)
{
    if (status == 0) {
        return "OK";
    }
    return status < 0 && status > -(int64_t)SCHEMA_NAMES_MAX ? schema->error[-status] : NULL;
}
