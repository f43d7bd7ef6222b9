/* SPDX-License-Identifier: MIT */
/*
 * C types of the target (types.h): a reader of BTF.
 *
 * One pass over the table checks every record and notes where it starts; after that a record is
 * found by its number, and whatever a record refers to by number is compared with the count
 * before use. Names lie in a block that ends with a NUL, so none can run out of it.
 */
#include "kdebug/core/types.h"

#include "base/format.h"
#include "base/string.h"
#include "gen/layout.h"

#define BTF_MAGIC     0xeb9fu
#define HEADER_BYTES  24u
#define RECORD_WORDS  3u
#define TYPES_MAX     8192u
#define CHAIN_MAX     16u /* typedefs of typedefs, arrays of arrays */
#define NESTED_MAX    4u  /* nameless members in others */
#define POINTER_STEP  (1u << 24)
#define POINTER_BYTES 8u

enum btf_kind {
    BTF_INT = 1,
    BTF_PTR,
    BTF_ARRAY,
    BTF_STRUCT,
    BTF_UNION,
    BTF_ENUM,
    BTF_FWD,
    BTF_TYPEDEF,
    BTF_FUNC_PROTO = 13,
    BTF_VAR,
    BTF_DATASEC,
    BTF_FLOAT,
    BTF_ENUM64 = 19,
};

struct header {
    uint16_t magic;
    uint8_t version, flags;
    uint32_t header_bytes, type_offset, type_bytes, string_offset, string_bytes;
};

static uint32_t starts[TYPES_MAX]; /* in words of `words`; [0] is not used */
static const uint32_t *words;
static const char *strings;
static uint32_t count, string_bytes;
static const uint32_t *variables; /* of the DATASEC: type, offset, bytes */
static uint32_t variable_count;

/* ---- the table ---- */

static enum btf_kind kind_at(const uint32_t *record)
{
    return record[1] >> 24 & 0x1f;
}

static uint32_t count_at(const uint32_t *record)
{
    return record[1] & 0xffff;
}

/* Words behind the common three; UINT32_MAX: no such kind. */
static uint32_t words_behind(const uint32_t *record)
{
    switch (kind_at(record)) {
    case BTF_PTR:
    case BTF_FWD:
    case BTF_TYPEDEF:
    case BTF_FLOAT:
        return 0;
    case BTF_INT:
    case BTF_VAR:
        return 1;
    case BTF_ENUM:
    case BTF_FUNC_PROTO:
        return 2 * count_at(record);
    case BTF_ARRAY:
        return 3;
    case BTF_STRUCT:
    case BTF_UNION:
    case BTF_DATASEC:
    case BTF_ENUM64:
        return 3 * count_at(record);
    }
    return UINT32_MAX;
}

static bool index_records(uint32_t limit)
{
    uint32_t at = 0;
    uint32_t found = 1;
    while (at < limit) {
        if (limit - at < RECORD_WORDS || found == TYPES_MAX) {
            return false;
        }
        uint32_t behind = words_behind(words + at);
        if (behind > limit - at - RECORD_WORDS) {
            return false;
        }
        if (kind_at(words + at) == BTF_DATASEC) {
            variables = words + at + RECORD_WORDS;
            variable_count = count_at(words + at);
        }
        starts[found++] = at;
        at += RECORD_WORDS + behind;
    }
    count = found;
    return true;
}

bool kd_types_use(const void *table, size_t bytes)
{
    const struct header *header = table;
    count = variable_count = 0;
    if (bytes < HEADER_BYTES || (uintptr_t)table % 4 != 0 || header->magic != BTF_MAGIC ||
        header->header_bytes != HEADER_BYTES || header->type_offset != 0 ||
        header->type_bytes % 4 != 0 || header->string_offset != header->type_bytes ||
        header->string_bytes == 0 ||
        (uint64_t)HEADER_BYTES + header->type_bytes + header->string_bytes > bytes) {
        return false;
    }
    words = (const uint32_t *)((const char *)table + HEADER_BYTES);
    strings = (const char *)words + header->type_bytes;
    string_bytes = header->string_bytes;
    if (strings[0] != '\0' || strings[string_bytes - 1] != '\0') {
        return false;
    }
    return index_records(header->type_bytes / 4);
}

unsigned kd_types_count(void)
{
    return count;
}

static const char *string_at(uint32_t offset)
{
    return offset < string_bytes ? strings + offset : "";
}

/* The record of a type that is no pointer made by kd_ctype_pointer(); NULL: there is none. */
static const uint32_t *record_of(kd_ctype_t type)
{
    return type > 0 && type < count ? words + starts[type] : NULL;
}

/* ---- describing ---- */

static kd_ctype_t look_through(kd_ctype_t type)
{
    for (unsigned i = 0; i < CHAIN_MAX; i++) {
        const uint32_t *record = record_of(type);
        if (record == NULL || kind_at(record) != BTF_TYPEDEF) {
            return type;
        }
        type = record[2];
    }
    return 0;
}

static struct kd_ctype describe_int(const uint32_t *record)
{
    uint32_t encoding = record[RECORD_WORDS] >> 24;
    uint32_t bytes = record[2];
    return (struct kd_ctype){
        .kind = bytes <= 8 ? KD_KIND_INT : KD_KIND_OTHER,
        .bytes = bytes,
        .is_signed = encoding & 1,
        .is_char = (encoding & 2) && bytes == 1,
        .is_bool = encoding & 4,
    };
}

static uint64_t array_bytes(const uint32_t *record)
{
    uint64_t bytes = 1;
    for (unsigned i = 0; i < CHAIN_MAX; i++) {
        bytes *= record[RECORD_WORDS + 2];
        kd_ctype_t element = look_through(record[RECORD_WORDS]);
        record = record_of(element);
        if (record == NULL) {
            return element >= POINTER_STEP ? bytes * POINTER_BYTES : 0;
        }
        if (kind_at(record) != BTF_ARRAY) {
            return bytes * kd_ctype_get(element).bytes;
        }
    }
    return 0;
}

static struct kd_ctype describe(const uint32_t *record)
{
    struct kd_ctype out = {.bytes = record[2], .count = count_at(record)};
    switch (kind_at(record)) {
    case BTF_INT:
        return describe_int(record);
    case BTF_PTR:
        return (struct kd_ctype){
            .kind = KD_KIND_POINTER, .bytes = POINTER_BYTES, .target = record[2]};
    case BTF_ARRAY:
        return (struct kd_ctype){.kind = KD_KIND_ARRAY,
                                 .bytes = array_bytes(record),
                                 .target = record[RECORD_WORDS],
                                 .count = record[RECORD_WORDS + 2]};
    case BTF_STRUCT:
    case BTF_UNION:
        out.kind = kind_at(record) == BTF_STRUCT ? KD_KIND_STRUCT : KD_KIND_UNION;
        out.has_bit_fields = record[1] >> 31;
        return out;
    case BTF_ENUM:
    case BTF_ENUM64:
        out.kind = out.bytes <= 8 ? KD_KIND_ENUM : KD_KIND_OTHER;
        out.is_signed = record[1] >> 31;
        out.has_wide_values = kind_at(record) == BTF_ENUM64;
        return out;
    case BTF_FUNC_PROTO:
        return (struct kd_ctype){.kind = KD_KIND_FUNCTION};
    case BTF_FLOAT:
        return (struct kd_ctype){.kind = KD_KIND_OTHER, .bytes = record[2]};
    default:
        return (struct kd_ctype){.kind = KD_KIND_OTHER};
    }
}

struct kd_ctype kd_ctype_get(kd_ctype_t type)
{
    if (type >= POINTER_STEP) {
        return (struct kd_ctype){.kind = KD_KIND_POINTER,
                                 .name = "",
                                 .bytes = POINTER_BYTES,
                                 .target = type - POINTER_STEP};
    }
    const uint32_t *record = record_of(look_through(type));
    struct kd_ctype out = {0};
    if (record == NULL) {
        out.name = "";
        return out;
    }
    out = describe(record);
    out.name = string_at(record[0]);
    out.rest = record + RECORD_WORDS;
    return out;
}

kd_ctype_t kd_ctype_pointer(kd_ctype_t type)
{
    return type < UINT32_MAX - POINTER_STEP ? type + POINTER_STEP : type;
}

/* ---- names ---- */

static bool is_named(const char *name, const char *text, size_t length)
{
    return strncmp(name, text, length) == 0 && name[length] == '\0';
}

static const char *keyword_of(enum btf_kind kind)
{
    switch (kind) {
    case BTF_STRUCT:
        return "struct";
    case BTF_UNION:
        return "union";
    case BTF_ENUM:
    case BTF_ENUM64:
        return "enum";
    case BTF_INT:
    case BTF_TYPEDEF:
    case BTF_FLOAT:
        return "";
    default:
        return NULL;
    }
}

bool kd_ctype_number(unsigned i, const char **out_keyword, const char **out_name)
{
    const uint32_t *record = record_of(i + 1);
    if (record == NULL) {
        return false;
    }
    const char *keyword = keyword_of(kind_at(record));
    *out_keyword = keyword == NULL ? "" : keyword;
    *out_name = keyword == NULL ? "" : string_at(record[0]);
    return true;
}

kd_ctype_t kd_ctype_named(const char *keyword, const char *name, size_t length)
{
    for (kd_ctype_t type = 1; length > 0 && type < count; type++) {
        const uint32_t *record = record_of(type);
        const char *its = keyword_of(kind_at(record));
        if (its != NULL && strcmp(its, keyword) == 0 &&
            is_named(string_at(record[0]), name, length)) {
            return type;
        }
    }
    return 0;
}

kd_ctype_t kd_ctype_structure(const char *name)
{
    return kd_ctype_named("struct", name, strlen(name));
}

/* The part of a type's name in front of its stars and brackets. */
static void base_text(kd_ctype_t type, char *to, size_t bytes)
{
    const uint32_t *record = record_of(type);
    if (record == NULL) {
        string_copy(to, "void", bytes);
        return;
    }
    const char *keyword = keyword_of(kind_at(record));
    const char *name = string_at(record[0]);
    if (kind_at(record) == BTF_FWD) {
        keyword = record[1] >> 31 ? "union" : "struct";
    }
    if (kind_at(record) == BTF_FUNC_PROTO) {
        keyword = "";
        name = "function";
    }
    format_text(to, bytes, "%s%s%s", keyword == NULL ? "" : keyword,
                keyword == NULL || *keyword == '\0' ? "" : " ", *name == '\0' ? "{...}" : name);
}

const char *kd_ctype_text(kd_ctype_t type, char *to, size_t bytes)
{
    char stars[CHAIN_MAX + 1] = "";
    char brackets[64] = "";
    size_t star = 0;
    size_t bracket = 0;
    for (unsigned i = 0; i < CHAIN_MAX; i++) {
        const uint32_t *record = record_of(type);
        if (type >= POINTER_STEP || (record != NULL && kind_at(record) == BTF_PTR)) {
            type = type >= POINTER_STEP ? type - POINTER_STEP : record[2];
            stars[star++] = '*';
        } else if (record != NULL && kind_at(record) == BTF_ARRAY) {
            bracket += format_text(brackets + bracket, sizeof(brackets) - bracket, "[%u]",
                                   record[RECORD_WORDS + 2]);
            bracket = MIN(bracket, sizeof(brackets) - 1);
            type = record[RECORD_WORDS];
        } else {
            break;
        }
    }
    stars[star] = '\0';
    base_text(type, to, bytes);
    size_t length = strlen(to);
    format_text(to + length, bytes - length, "%s%s%s", star + bracket > 0 ? " " : "", stars,
                brackets);
    return to;
}

/* ---- members ---- */

bool kd_ctype_member(kd_ctype_t type, unsigned i, struct kd_member *out)
{
    struct kd_ctype structure = kd_ctype_get(type);
    if ((structure.kind != KD_KIND_STRUCT && structure.kind != KD_KIND_UNION) ||
        i >= structure.count) {
        return false;
    }
    const uint32_t *member = structure.rest + (size_t)3 * i;
    uint32_t offset = member[2];
    *out = (struct kd_member){
        .name = string_at(member[0]),
        .type = member[1],
        .bit_offset = structure.has_bit_fields ? offset & 0xffffff : offset,
        .bits = structure.has_bit_fields ? offset >> 24 : 0,
    };
    return true;
}

static bool find_member(kd_ctype_t type, const char *name, size_t length, struct kd_member *out,
                        unsigned depth)
{
    struct kd_member member;
    for (unsigned i = 0; kd_ctype_member(type, i, &member); i++) {
        if (is_named(member.name, name, length)) {
            *out = member;
            return true;
        }
        if (*member.name == '\0' && depth < NESTED_MAX &&
            find_member(member.type, name, length, out, depth + 1)) {
            out->bit_offset += member.bit_offset;
            return true;
        }
    }
    return false;
}

bool kd_ctype_find_member(kd_ctype_t type, const char *name, size_t length, struct kd_member *out)
{
    return length > 0 && find_member(type, name, length, out, 0);
}

/* ---- enumerators ---- */

static bool get_enumerator(const struct kd_ctype *type, unsigned i, const char **out_name,
                           uint64_t *out_value)
{
    if (type->kind != KD_KIND_ENUM || i >= type->count) {
        return false;
    }
    const uint32_t *entry = type->rest + (type->has_wide_values ? 3 : 2) * (size_t)i;
    *out_name = string_at(entry[0]);
    *out_value = type->has_wide_values ? entry[1] | (uint64_t)entry[2] << 32
                 : type->is_signed     ? (uint64_t)(int32_t)entry[1]
                                       : entry[1];
    return true;
}

bool kd_ctype_enumerator(kd_ctype_t type, unsigned i, const char **out_name, uint64_t *out_value)
{
    struct kd_ctype described = kd_ctype_get(type);
    return get_enumerator(&described, i, out_name, out_value);
}

static bool ends_with(const char *name, const char *text, size_t length)
{
    size_t whole = strlen(name);
    return whole > length && name[whole - length - 1] == '_' &&
           is_named(name + whole - length, text, length);
}

struct constant_search {
    const char *name;
    size_t length;
    unsigned cut; /* enumerators that end with the name */
    uint64_t value;
    kd_ctype_t type;
};

/* True: found by its full name. */
static bool search_enum(struct constant_search *search, kd_ctype_t type)
{
    struct kd_ctype described = kd_ctype_get(type);
    const char *name;
    uint64_t value;
    for (unsigned i = 0; get_enumerator(&described, i, &name, &value); i++) {
        bool whole = is_named(name, search->name, search->length);
        if (whole || ends_with(name, search->name, search->length)) {
            search->value = value;
            search->type = type;
            search->cut++;
        }
        if (whole) {
            return true;
        }
    }
    return false;
}

bool kd_ctype_constant(kd_ctype_t hint, const char *name, size_t length, uint64_t *out_value,
                       kd_ctype_t *out_type)
{
    struct constant_search search = {.name = name, .length = length};
    bool found = length > 0 && (search_enum(&search, hint) || search.cut == 1);
    search.cut = found ? search.cut : 0;
    for (kd_ctype_t type = 1; !found && type < count; type++) {
        enum btf_kind kind = kind_at(record_of(type));
        if (kind == BTF_ENUM || kind == BTF_ENUM64) {
            found = search_enum(&search, type);
        }
    }
    if (length == 0 || (!found && search.cut != 1)) {
        return false;
    }
    *out_value = search.value;
    *out_type = search.type;
    return true;
}

/* ---- variables ---- */

kd_ctype_t kd_ctype_variable(vaddr_t address)
{
    uint64_t offset = address - KERNEL_IMAGE_BASE;
    uint32_t low = 0;
    uint32_t high = count == 0 ? 0 : variable_count; /* offset is in [low, high) if at all */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (variables[3 * (size_t)middle + 1] < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (count == 0 || low >= variable_count || variables[3 * (size_t)low + 1] != offset) {
        return 0;
    }
    const uint32_t *variable = record_of(variables[3 * (size_t)low]);
    return variable != NULL && kind_at(variable) == BTF_VAR ? variable[2] : 0;
}
