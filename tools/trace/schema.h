/* SPDX-License-Identifier: MIT */
/*
 * What records mean, read from schema text: the one built in (gen/trace_schema.h) or the one a capture carries.
 *
 * There is one reader for both, so a capture of another version decodes as well as one of ours, and a new event needs no
 * line of C here. Code that cares about an event finds it and its fields by name, once, before it starts.
 */
#pragma once

#include "util.h"
#include "trace/ring/layout.h"

#define SCHEMA_EVENTS_MAX     512u
#define SCHEMA_NO_EVENT       SCHEMA_EVENTS_MAX /* an id that no record has */
#define SCHEMA_NAMES_MAX      256u
#define SCHEMA_OPERATIONS_MAX 1024u

enum schema_kind {
    SCHEMA_DEC,
    SCHEMA_HEX,
    SCHEMA_TID,
    SCHEMA_PID,
    SCHEMA_CPU,
    SCHEMA_VECTOR,
    SCHEMA_SYSCALL,
    SCHEMA_STATUS,
    SCHEMA_BYTES,
    SCHEMA_CALL,
    SCHEMA_OBJECT,
    SCHEMA_STRING,
    SCHEMA_NS,
    SCHEMA_FRAMES,
    SCHEMA_CODE,      /* the low half of a kernel address */
    SCHEMA_OPERATION, /* a label: of an interface, or of somebody's own */
    SCHEMA_ENUM,
    SCHEMA_KINDS,
};

struct schema_enum {
    const char *name;
    const char *value[SCHEMA_NAMES_MAX]; /* NULL: there is no such value */
};

struct schema_field {
    const char *name;
    uint8_t word; /* of the record; 0 is the header */
    uint8_t shift;
    uint8_t bits;                     /* 0: a string, or frames, from this word to the end */
    uint8_t kind;                     /* enum schema_kind */
    bool is_counter;                  /* a level, to be drawn as a curve */
    bool is_per_core;                 /* ... of the core that emits the event */
    const struct schema_enum *values; /* of SCHEMA_ENUM */
};

struct schema_event {
    const char *name;
    const char *category_name;
    uint16_t id;
    uint8_t words; /* payload words, without those of a string */
    uint8_t category;
    bool meta;
    bool has_string;
    bool has_counter;
    uint8_t field_count;
    struct schema_field *field;
};

/* An operation of an interface: what a label of a call means. */
struct schema_operation {
    uint32_t label;
    const char *name; /* "names.find" */
};

struct schema {
    struct arena arena;
    uint64_t hash;
    struct schema_event *event[SCHEMA_EVENTS_MAX];
    const char *category[64];
    const char *syscall[SCHEMA_NAMES_MAX];
    const char *error[SCHEMA_NAMES_MAX]; /* by the number without its sign */
    const char *object[SCHEMA_NAMES_MAX];
    unsigned operation_count;
    struct schema_operation *operation; /* ascending */
};

/*
 * schema_parse() - read schema text.
 *
 * Returns OK; ERR_CORRUPT after a complaint with the line: a field outside its record, a number out of range, a name used
 * before it is defined. Words it does not know at the start of a line are skipped, as the format says.
 */
MUST_CHECK status_t schema_parse(struct schema *schema, const char *text, size_t bytes);

/* schema_builtin() - the schema this program was built with. Cannot fail. */
void schema_builtin(struct schema *schema);

/* schema_hash() - FNV-1a 64 of the text, as in trace_region.schema_hash. */
uint64_t schema_hash(const char *text, size_t bytes);
uint64_t schema_builtin_hash(void);

void schema_free(struct schema *schema);

/* schema_find() - the event of that name; NULL if the schema has none. */
const struct schema_event *schema_find(const struct schema *schema, const char *name);

/* Where a number lies in a record. A missing field has mask 0 and reads as 0. */
struct field_ref {
    uint64_t mask;
    uint8_t word;
    uint8_t shift;
    uint8_t bits;
    bool is_signed;
};

/* schema_field_ref() - find a field by name, "event" and "field". Cannot fail: see struct field_ref. */
struct field_ref schema_field_ref(const struct schema *schema, const char *event,
                                  const char *field);

/* schema_event_id() - SCHEMA_NO_EVENT if the schema has no such event. */
unsigned schema_event_id(const struct schema *schema, const char *name);

/* schema_category_mask() - the bit of a category in masks; 0 if there is none of that name. */
uint64_t schema_category_mask(const struct schema *schema, const char *name);

/* schema_enum_value() - the number of a name in an event's enum field; SCHEMA_NAMES_MAX if there is none. */
unsigned schema_enum_value(const struct schema *schema, const char *event, const char *field,
                           const char *name);

/*
 * schema_enum_name() - the name of a value of an event's enum field; "?" if it has none.
 */
const char *schema_enum_name(const struct schema *schema, const char *event, const char *field,
                             uint64_t value);

/*
 * schema_pair() - events NAME.begin and NAME.end (or NAME.enter and NAME.exit) belong together.
 *
 * @out_is_begin    the event is the one that begins
 * @out_stem_bytes  length of NAME
 *
 * Returns the id of the event that begins; SCHEMA_NO_EVENT if the event has no partner.
 */
unsigned schema_pair(const struct schema *schema, const struct schema_event *event,
                     bool *out_is_begin, size_t *out_stem_bytes);

/* schema_record_fits() - the record is as long as its event says. */
static inline bool schema_record_fits(const struct schema_event *event, unsigned words)
{
    return event->has_string ? words >= event->words : words == event->words;
}

static inline uint64_t field_get(const struct field_ref *ref, const uint64_t *record)
{
    return record[ref->word] >> ref->shift & ref->mask;
}

/* field_get_signed() - for kind status: negative numbers are errors. */
static inline int64_t field_get_signed(const struct field_ref *ref, const uint64_t *record)
{
    unsigned unused = 64u - ref->bits;
    return ref->bits == 0 ? 0 : (int64_t)(field_get(ref, record) << unused) >> unused;
}

/* schema_value() - the same for a field in hand; SCHEMA_STATUS is sign-extended. Not for strings. */
uint64_t schema_value(const struct schema_field *field, const uint64_t *record);

/* schema_string() - where the string of a record begins, and its length without padding. */
const char *schema_string(const struct schema_event *event, const uint64_t *record,
                          size_t *out_bytes);

/* schema_frames() - likewise the code addresses of a record, innermost first. */
const uint64_t *schema_frames(const struct schema_event *event, const uint64_t *record,
                              unsigned *out_count);

/* schema_operation_name() - "names.find"; NULL for a label that no interface defines. */
const char *schema_operation_name(const struct schema *schema, uint64_t label);

/* schema_error_name() - "TIMED_OUT", "OK"; NULL for a number without a name. */
const char *schema_error_name(const struct schema *schema, int64_t status);
