# SPDX-License-Identifier: MIT
"""Trace events: ids, emitters for the kernel, decode tables, schema text."""

from __future__ import annotations

from interface_code import operations
from model import EVENTS_TOML, HEADER_SMALL_SHIFT, KINDS, Event, Field, Model
from text import c_head, c_string, defines, joined

C_BITS = (8, 16, 32, 64)
NO_CATEGORY = 0xff
INLINE = "static inline __attribute__((always_inline))"
COLD_LABEL = "    TRACE_COLD_LABEL;"
SHORT_WORDS = 3  # payload words of the longest record that trace/ring/write.h writes


def event_count(model: Model) -> int:
    return max((event.id for event in model.events), default=-1) + 1


def event_macro(event: Event) -> str:
    return f"TRACE_EVENT_{event.c_name.upper()}"


def trace_events_h(model: Model) -> str:
    lines = c_head(EVENTS_TOML, "Ids of trace events, categories and the enums their fields use.")
    lines += ["#include <stdint.h>", ""]
    lines += defines((event_macro(event), str(event.id), event.doc) for event in model.events)
    lines += ["", f"#define TRACE_EVENT_COUNT {event_count(model)} /* highest id plus 1 */", "",
              "/* Masks for trace_control and trace_region.categories. */"]
    lines += defines((f"TRACE_CATEGORY_{item.name.upper()}", f"(1ull << {item.bit})", item.doc)
                     for item in model.categories)
    mask = sum(1 << item.bit for item in model.categories)
    lines += ["", f"#define TRACE_CATEGORIES_ALL {mask:#x}ull",
              f"#define TRACE_CATEGORY_NONE {NO_CATEGORY} /* in trace_event_category: no such event */", "",
              "/* Number of the category (bit in the masks above) of each event. */",
              "extern const uint8_t trace_event_category[TRACE_EVENT_COUNT];"]
    for enum in model.enums:
        lines += ["", f"enum trace_{enum.name} {{"]
        lines += [f"    TRACE_{enum.name}_{name}".upper() + f" = {value}," for name, value in enum.values.items()]
        lines.append("};")
    return joined(lines)


# ---- emitters ----

def c_bits(bits: int) -> int:
    return next(size for size in C_BITS if size >= bits)


def parameters(event: Event) -> str:
    parts = []
    for field in event.fields:
        if field.is_string:
            parts.append(f"const char *{field.name}, size_t {field.name}_bytes")
        else:
            parts.append(f"uint{c_bits(field.bits)}_t {field.name}")
    return ", ".join(parts) or "void"


def arguments(event: Event) -> str:
    return ", ".join(f"{field.name}, {field.name}_bytes" if field.is_string else field.name for field in event.fields)


def packed(field: Field, shift: int, top: int) -> str:
    """The expression that puts a field at shift and cuts what is too big for it, where type and shift do not."""
    natural = c_bits(field.bits)
    value = f"(uint64_t){field.name}"
    cut = natural - field.bits
    if cut and shift + field.bits < top:
        if natural == 32 and shift >= cut:  # two shifts are shorter than a shift and a wide mask
            value, shift = f"(uint64_t)({field.name} << {cut})", shift - cut
        else:
            value = f"((uint64_t){field.name} & {(1 << field.bits) - 1:#x})"
    return f"{value} << {shift}" if shift else value


def word_expression(event: Event, word: int) -> str:
    return " | ".join(packed(field, field.shift, 64) for field in event.fields if field.word == word
                      and not field.is_string)


def small_expression(event: Event) -> str:
    parts = [packed(field, field.shift, 64) for field in event.fields if field.is_small]
    return "".join(f" | {part}" for part in parts)


def header_expression(event: Event, count: str = "") -> str:
    """The header but its time. count: payload words if they are only known at run time."""
    words = f"(uint64_t){count} << TRACE_WORDS_SHIFT" if count else f"{event.words}ull << TRACE_WORDS_SHIFT"
    return f"{event_macro(event)} | {words}{small_expression(event)}"


def word_names(event: Event) -> list[str]:
    return [f"word{word}" for word in range(1, event.words + 1)]


def pack_words(event: Event) -> list[str]:
    return [f"    uint64_t word{word} = {word_expression(event, word)};" for word in range(1, event.words + 1)]


def lane_of(event: Event) -> str:
    return "trace_lane_always()" if event.always else "trace_lane()"


def hook_lane_of(event: Event) -> str:
    return f"&trace_hook_lanes[{int(event.always)}]"


def is_short(event: Event) -> bool:
    return not event.meta and not event.string and event.words <= SHORT_WORDS


def emitter_parameters(event: Event) -> str:
    return ", ".join(["struct trace_lane *lane", *([] if not event.fields else [parameters(event)])])


def short_body(event: Event) -> list[str]:
    """Packed where it is called: constants fold, and one function writes all records of a length."""
    values = ", ".join(["lane", header_expression(event), *word_names(event)])
    return [*pack_words(event), f"    trace_write_{event.words}({values});"]


def decide(event: Event) -> list[str]:
    """In a long emitter: a hook sees the fields but not a string."""
    words = ", ".join([header_expression(event), *(word_expression(event, word) for word in range(1, event.words + 1))])
    return ["    if (UNLIKELY(lane->room == 0)) {", f"        const uint64_t packed[] = {{{words}}};",
            "        lane = trace_hook_decide(lane, packed);", "        if (lane == NULL) {", "            return;",
            "        }", "    }"]


def long_body(event: Event) -> list[str]:
    """More words than fit into argument registers."""
    size = 8 * (1 + event.words)
    lines = [*decide(event), f"    uint64_t *record = trace_reserve(lane, {size});",
             "    if (UNLIKELY(record == NULL)) {", "        return;", "    }"]
    lines += [f"    record[{word}] = {word_expression(event, word)};" for word in range(1, event.words + 1)]
    return lines + [f"    trace_commit(lane, record, {size}, {header_expression(event)});"]


def string_words(event: Event, string: Field) -> list[str]:
    limit = 8 * event.string_words_max
    size = f"{string.name}_bytes"
    return [f"    if (UNLIKELY({size} > {limit})) {{", f"        {size} = {limit};", "    }",
            f"    unsigned string_words = (unsigned)({size} + 7) / 8;"]


def copy_string(string: Field, array: str, first: int) -> list[str]:
    """Zero the last word, then copy over it: the padding is zeros and costs no loop."""
    last = f"{first} + string_words - 1"
    return ["    if (LIKELY(string_words != 0)) {", f"        {array}[{last}] = 0;",
            f"        memcpy(&{array}[{first}], {string.name}, {string.name}_bytes);", "    }"]


def string_body(event: Event, string: Field) -> list[str]:
    count = f"({event.words} + string_words)"
    lines = decide(event) + string_words(event, string) + pack_words(event)
    lines += [f"    unsigned bytes = 8 * (1 + {count});",
              "    uint64_t *record = trace_reserve(lane, bytes);", "    if (UNLIKELY(record == NULL)) {",
              "        return;", "    }"]
    lines += [f"    record[{index + 1}] = {name};" for index, name in enumerate(word_names(event))]
    lines += copy_string(string, "record", event.words + 1)
    return lines + [f"    trace_commit(lane, record, bytes, {header_expression(event, count)});"]


def meta_body(event: Event) -> list[str]:
    string = event.string
    if not event.words and not string:
        return [f"    trace_meta_write({header_expression(event)}, NULL, 0);"]
    lines = string_words(event, string) if string else []
    lines.append(f"    uint64_t payload[{event.words + (event.string_words_max if string else 0)}];")
    lines += [f"    payload[{word - 1}] = {word_expression(event, word)};" for word in range(1, event.words + 1)]
    if not string:
        return lines + [f"    trace_meta_write({header_expression(event)}, payload, {event.words});"]
    count = f"({event.words} + string_words)"
    lines += copy_string(string, "payload", event.words)
    return lines + [f"    trace_meta_write({header_expression(event, count)}, payload, {count});"]


def emitter_body(event: Event) -> list[str]:
    if event.meta:
        return meta_body(event)
    if event.string:
        return string_body(event, event.string)
    return long_body(event)


def event_comment(event: Event) -> list[str]:
    return [f"/* {event.name}: {event.doc} */"]


def trace_emit_h(model: Model) -> str:
    lines = c_head(EVENTS_TOML, "Tracepoints for kernel code: a patched NOP while the event is off.")
    lines += ["#include <stddef.h>", "#include <stdint.h>", "", '#include "gen/trace_events.h"',
              '#include "trace/ring/hook.h"', '#include "trace/ring/site.h"', '#include "trace/ring/write.h"', "",
              f'_Static_assert(TRACE_SMALL_SHIFT == {HEADER_SMALL_SHIFT}, "the generator places small fields there");',
              ""]
    for event in model.events:
        if not event.has_emitter:
            continue
        lines += event_comment(event)
        if event.meta:
            lines += [f"void trace_{event.c_name}({parameters(event)});", ""]
            continue
        emitter = f"void trace_emit_{event.c_name}({emitter_parameters(event)})"
        # Always inline: constants fold, and where records are written in place no register has to be saved for a call.
        lines += [f"{INLINE} {emitter}", "{", *short_body(event), "}"] if is_short(event) else [f"{emitter};"]
        values = ", ".join(["lane", *([arguments(event)] if event.fields else [])])
        lines += [f"{INLINE} void trace_{event.c_name}({parameters(event)})", "{",
                  "    struct trace_lane *lane;", f"    TRACE_SITE({event_macro(event)}, on, hooked);", "    return;",
                  "hooked:", COLD_LABEL, f"    lane = {hook_lane_of(event)};", "    goto emit;",
                  "on:", COLD_LABEL, f"    lane = {lane_of(event)};",
                  "emit:", f"    trace_emit_{event.c_name}({values});", "}", ""]
    return joined(lines[:-1])


def trace_emit_c(model: Model) -> str:
    lines = c_head(EVENTS_TOML, "Emitters of long records, strings and the meta lane; trace_emit.h has the others.",
                   header=False)
    lines += ['#include "gen/trace_emit.h"', "", '#include "base/string.h"', '#include "base/types.h"',
              '#include "trace/ring/ring.h"', ""]
    for event in model.events:
        if not event.has_emitter or is_short(event):
            continue
        head = f"trace_{event.c_name}({parameters(event)})" if event.meta \
            else f"trace_emit_{event.c_name}({emitter_parameters(event)})"
        lines += [f"NOINLINE void {head}", "{", *emitter_body(event), "}", ""]
    return joined(lines[:-1])


def any_emitter(event: Event) -> list[str]:
    numbers = [field for field in event.fields if not field.is_string]
    values = [f"(uint{c_bits(field.bits)}_t)value[{index}]" for index, field in enumerate(numbers)]
    values += ["text", "bytes"] if event.string else []
    unused = [] if numbers else ["    (void)value;"]
    unused += [] if event.string else ["    (void)text;", "    (void)bytes;"]
    return [f"static void any_{event.c_name}(struct trace_lane *lane, const uint64_t *value, const char *text,",
            "    size_t bytes)", "{", *unused,
            f"    trace_emit_{event.c_name}({', '.join(['lane', *values])});", "}", ""]


def trace_emit_any_c(model: Model) -> str:
    able = [event for event in model.events if event.has_emitter and not event.meta]
    lines = c_head(EVENTS_TOML, "Any event by its number, with values in an array: for the interruption sweep.",
                   header=False)
    lines += ['#include "trace/sweep/emit_any.h"', "", '#include "gen/trace_emit.h"', '#include "trace/ring/ring.h"',
              "", *(line for event in able for line in any_emitter(event)),
              "const trace_emit_any_fn trace_emit_any[TRACE_EVENT_COUNT] = {",
              *(f"    [{event_macro(event)}] = any_{event.c_name}," for event in able), "};"]
    return joined(lines)


# ---- decode tables ----

def trace_table_h(model: Model) -> str:
    kinds = ", ".join(f"TRACE_KIND_{kind.upper()}" for kind in (*KINDS, "enum"))
    longest = max((len(event.fields) for event in model.events), default=0)
    text = f"""\
#include <stdint.h>

#include "gen/trace_events.h"

enum trace_kind {{ {kinds} }};

#define TRACE_INFO_META   1u /* goes to the meta lane */
#define TRACE_INFO_ALWAYS 2u /* recorded for exempt threads, too */
#define TRACE_INFO_STRING 4u /* the last field is a string: the words from field.word to the end of the record */
#define TRACE_INFO_EXTRA  8u /* its category is complete without it */

#define TRACE_FIELDS_MAX {longest} /* most fields of one event */

/* A field is record[word] >> shift, bits wide; word 0 is the header. */
struct trace_field {{
    const char *name;
    uint8_t word;
    uint8_t shift;
    uint8_t bits;       /* 0: string */
    uint8_t kind;       /* enum trace_kind */
    uint8_t enum_index; /* into trace_enum_table, for TRACE_KIND_ENUM */
}};

struct trace_event_info {{
    const char *name;
    uint16_t id;
    uint8_t words;    /* payload words, without those of a string */
    uint8_t fields;
    uint8_t category; /* bit number */
    uint8_t flags;    /* TRACE_INFO_* */
    const struct trace_field *field;
}};

struct trace_enum_info {{
    const char *name;
    uint8_t count;            /* highest value plus 1 */
    const char *const *value; /* NULL where there is no such value */
}};

extern const struct trace_event_info *const trace_event_table[TRACE_EVENT_COUNT]; /* by id; NULL: no such event */

#define TRACE_ENUM_COUNT {len(model.enums)}
extern const struct trace_enum_info trace_enum_table[{max(len(model.enums), 1)}];

#define TRACE_CATEGORY_COUNT {max((item.bit for item in model.categories), default=-1) + 1}
extern const char *const trace_category_name[TRACE_CATEGORY_COUNT]; /* by bit number; NULL: no such category */

/* trace_event_info() - NULL for an id that means nothing. Any id. */
static inline const struct trace_event_info *trace_event_info(unsigned id)
{{
    return id < TRACE_EVENT_COUNT ? trace_event_table[id] : (const struct trace_event_info *)0;
}}

/* trace_field_value() - a number field of a whole record (header first). STATUS and CODE are sign-extended. */
static inline uint64_t trace_field_value(const struct trace_field *field, const uint64_t *record)
{{
    uint64_t value = record[field->word] >> field->shift;
    unsigned unused = 64u - field->bits;
    if (unused >= 64u) {{
        return 0;
    }}
    value <<= unused;
    int is_signed = field->kind == TRACE_KIND_STATUS || field->kind == TRACE_KIND_CODE;
    return is_signed ? (uint64_t)((int64_t)value >> unused) : value >> unused;
}}

/* trace_operation_name() - "names.find": the operation that a label of a message means; NULL: of no interface. */
const char *trace_operation_name(uint32_t label);

/* trace_enum_name() - the name of a value of an enum field; NULL if it has none. */
static inline const char *trace_enum_name(const struct trace_field *field, uint64_t value)
{{
    const struct trace_enum_info *info = &trace_enum_table[field->enum_index];
    return value < info->count ? info->value[value] : (const char *)0;
}}
"""
    return joined(c_head(EVENTS_TOML, "How to read records: for kdebug and the host tools.")) + text


def field_row(model: Model, field: Field) -> str:
    index = next((i for i, enum in enumerate(model.enums) if enum.name == field.enum), 0)
    return (f"    {{{c_string(field.name)}, {field.word}, {field.shift}, {field.bits}, "
            f"TRACE_KIND_{field.kind.upper()}, {index}}},")


def info_flags(event: Event) -> str:
    flags = []
    if event.meta:
        flags.append("TRACE_INFO_META")
    if event.always:
        flags.append("TRACE_INFO_ALWAYS")
    if event.extra:
        flags.append("TRACE_INFO_EXTRA")
    if event.string:
        flags.append("TRACE_INFO_STRING")
    return " | ".join(flags) or "0"


def trace_table_c(model: Model) -> str:
    lines = c_head(EVENTS_TOML, "How to read records.", header=False)
    lines += ['#include "gen/trace_table.h"', ""]
    bits = {item.name: item.bit for item in model.categories}
    for event in model.events:
        if event.fields:
            lines += [f"static const struct trace_field fields_{event.c_name}[] = {{"]
            lines += [field_row(model, field) for field in event.fields] + ["};"]
        pointer = f"fields_{event.c_name}" if event.fields else "(const struct trace_field *)0"
        lines += [f"static const struct trace_event_info info_{event.c_name} = {{",
                  f"    {c_string(event.name)}, {event.id}, {event.words}, {len(event.fields)}, "
                  f"{bits[event.category]}, {info_flags(event)}, {pointer}}};", ""]
    lines.append("const struct trace_event_info *const trace_event_table[TRACE_EVENT_COUNT] = {")
    lines += [f"    [{event.id}] = &info_{event.c_name}," for event in model.events] + ["};", ""]
    by_id = {event.id: bits[event.category] for event in model.events}
    lines.append("const uint8_t trace_event_category[TRACE_EVENT_COUNT] = {")
    lines += [f"    [{number}] = {by_id.get(number, NO_CATEGORY)}," for number in range(event_count(model))]
    lines += ["};", "", "const char *const trace_category_name[TRACE_CATEGORY_COUNT] = {"]
    lines += [f"    [{item.bit}] = {c_string(item.name)}," for item in model.categories] + ["};", ""]
    for enum in model.enums:
        lines.append(f"static const char *const values_{enum.name}[] = {{")
        lines += [f"    [{value}] = {c_string(name)}," for name, value in enum.values.items()] + ["};"]
    lines += ["", f"const struct trace_enum_info trace_enum_table[{max(len(model.enums), 1)}] = {{"]
    lines += [f"    {{{c_string(enum.name)}, {max(enum.values.values()) + 1}, values_{enum.name}}},"
              for enum in model.enums]
    if not model.enums:
        lines.append('    {"", 0, (const char *const *)0},')
    lines += ["};", "", "const char *trace_operation_name(uint32_t label)", "{", "    switch (label) {"]
    for label, name in operations(model):
        lines += [f"    case {label:#x}:", f"        return {c_string(name)};"]
    lines += ["    default:", "        return (const char *)0;", "    }", "}"]
    return joined(lines)


# ---- schema ----

def schema_text(model: Model) -> str:
    """What a capture carries so that it can be read without this source tree. Docs are left out."""
    lines = ["spoor-schema 1"]
    lines += [f"category {item.bit} {item.name}" for item in model.categories]
    for enum in model.enums:
        lines.append(f"enum {enum.name} " + " ".join(f"{value}={name}" for name, value in enum.values.items()))
    for event in model.events:
        flags = (" meta" if event.meta else "") + (" always" if event.always else "")
        lines.append(f"event {event.id} {event.name} {event.category} {event.words}{flags}")
        for field in event.fields:
            kind = f"enum:{field.enum}" if field.enum else field.kind
            lines.append(f"field {field.name} {field.word} {field.shift} {field.bits} {kind}"
                         + (" counter" if field.counter else "") + (" core" if field.per_core else ""))
    lines += [f"syscall {call.number} {call.name}" for call in model.syscalls]
    lines += [f"error {error.value} {error.name}" for error in model.errors]
    lines += [f"object {item.number} {item.name}" for item in model.objects]
    lines += [f"operation {label} {name}" for label, name in operations(model)]
    return joined(lines)


def fnv1a64(data: bytes) -> int:
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return value


def trace_schema_h(model: Model) -> str:
    text = schema_text(model)
    comment = """\
/*
 * One line each, in this order; one space between words, decimal numbers. Skip lines of an unknown first word.
 *   category BIT NAME
 *   enum NAME VALUE=NAME ...
 *   event ID NAME CATEGORY PAYLOAD-WORDS [meta] [always]     payload words without those of a string
 *   field NAME WORD SHIFT BITS KIND [counter [core]]         of that event; word 0: the header; KIND may be enum:NAME
 *   syscall NUMBER NAME / error VALUE NAME / object TYPE NAME
 *   operation LABEL INTERFACE.NAME                           ascending
 */"""
    lines = c_head(EVENTS_TOML, "The schema that every capture carries, and its FNV-1a 64 hash.")
    lines += [comment, f"#define TRACE_SCHEMA_HASH  {fnv1a64(text.encode()):#018x}ull",
              f"#define TRACE_SCHEMA_BYTES {len(text.encode())}u /* without the NUL */", "",
              "#define TRACE_SCHEMA_TEXT \\"]
    rows = [f"    {c_string(line + chr(10))}" for line in text.splitlines()]
    lines += [f"{row} \\" for row in rows[:-1]] + rows[-1:]
    return joined(lines)
