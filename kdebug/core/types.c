/* SPDX-License-Identifier: MIT */
/*
 * C types of the target (types.h): a reader of BTF.
 *
 * One pass over a table checks every record and notes where it starts; after that a record is
 * found by its number, and whatever a record refers to by number is compared with the count
 * before use. Names lie in a block that ends with a NUL, so none can run out of it.
 *
 * Two tables are there at a time: the kernel's, and that of one user program. A type of another
 * program brings that one's in: they are small, and a person looks at one after the other.
 */
#include "kdebug/core/types.h"

#include "base/format.h"
#include "base/string.h"
#include "gen/layout.h"
#include "kdebug/core/program_types.h"

#define BTF_MAGIC     0xeb9fu
#define HEADER_BYTES  24u
#define RECORD_WORDS  3u
#define SCOPE_SHIFT   13u
#define TYPES_MAX     (1u << SCOPE_SHIFT)
#define USER_MAX      2048u
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

struct table {
    uint32_t *starts; /* in words of `words`; [0] is not used */
    uint32_t limit;   /* of types: what starts[] has room for */
    const uint32_t *words;
    const char *strings;
    uint32_t count, string_bytes;
    const uint32_t *variables; /* of the DATASEC: type, offset, bytes */
    uint32_t variable_count;
    kd_scope_t scope;
};

/* One type's record, and the table that its numbers mean. */
struct record {
    const uint32_t *at; /* NULL: there is none */
    const struct table *table;
};

static uint32_t kernel_starts[TYPES_MAX], user_starts[USER_MAX];
static struct table kernel_table = {.starts = kernel_starts, .limit = TYPES_MAX};
static struct table user_table = {.starts = user_starts, .limit = USER_MAX};

static_assert(KD_SCOPES_MAX << SCOPE_SHIFT <= POINTER_STEP, "scope and number fit below pointers");

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

static bool index_records(struct table *table, uint32_t limit)
{
    uint32_t at = 0;
    uint32_t found = 1;
    while (at < limit) {
        if (limit - at < RECORD_WORDS || found == table->limit) {
            return false;
        }
        const uint32_t *record = table->words + at;
        uint32_t behind = words_behind(record);
        if (behind > limit - at - RECORD_WORDS) {
            return false;
        }
        if (kind_at(record) == BTF_DATASEC) {
            table->variables = record + RECORD_WORDS;
            table->variable_count = count_at(record);
        }
        table->starts[found++] = at;
        at += RECORD_WORDS + behind;
    }
    table->count = found;
    return true;
}

static bool use_table(struct table *table, const void *from, size_t bytes)
{
    const struct header *header = from;
    table->count = table->variable_count = 0;
    if (bytes < HEADER_BYTES || (uintptr_t)from % 4 != 0 || header->magic != BTF_MAGIC ||
        header->header_bytes != HEADER_BYTES || header->type_offset != 0 ||
        header->type_bytes % 4 != 0 || header->string_offset != header->type_bytes ||
        header->string_bytes == 0 ||
        (uint64_t)HEADER_BYTES + header->type_bytes + header->string_bytes > bytes) {
        return false;
    }
    table->words = (const uint32_t *)((const char *)from + HEADER_BYTES);
    table->strings = (const char *)table->words + header->type_bytes;
    table->string_bytes = header->string_bytes;
    if (table->strings[0] != '\0' || table->strings[table->string_bytes - 1] != '\0') {
        return false;
    }
    return index_records(table, header->type_bytes / 4);
}

bool kd_types_use(const void *table, size_t bytes)
{
    user_table.scope = KD_SCOPE_KERNEL; /* another target has other programs */
    user_table.count = 0;
    return use_table(&kernel_table, table, bytes);
}

bool kd_types_use_program(kd_scope_t scope, const void *table, size_t bytes)
{
    user_table.scope = scope;
    return use_table(&user_table, table, bytes);
}

/* The table with the types of a scope, empty if they cannot be had. */
static const struct table *table_of(kd_scope_t scope)
{
    static const struct table nothing;
    if (scope == KD_SCOPE_KERNEL) {
        return &kernel_table;
    }
    if (user_table.scope != scope) {
        kd_program_types_load(scope);
    }
    return user_table.scope == scope ? &user_table : &nothing;
}

unsigned kd_types_count(kd_scope_t scope)
{
    return table_of(scope)->count;
}

kd_scope_t kd_ctype_scope(kd_ctype_t type)
{
    return type % POINTER_STEP >> SCOPE_SHIFT;
}

static const char *string_at(const struct table *table, uint32_t offset)
{
    return offset < table->string_bytes ? table->strings + offset : "";
}

/* A number that a table's record holds, as a type of everybody. */
static kd_ctype_t refer(const struct table *table, uint32_t number)
{
    return number > 0 && number < table->count ? table->scope << SCOPE_SHIFT | number : 0;
}

/* The record of a type that is no pointer made by kd_ctype_pointer(). */
static struct record record_of(kd_ctype_t type)
{
    if (type >= POINTER_STEP || type % TYPES_MAX == 0) {
        return (struct record){NULL, &kernel_table};
    }
    const struct table *table = table_of(kd_ctype_scope(type));
    uint32_t number = type % TYPES_MAX;
    return (struct record){
        .at = number < table->count ? table->words + table->starts[number] : NULL,
        .table = table,
    };
}

/* ---- describing ---- */

static kd_ctype_t look_through(kd_ctype_t type)
{
    for (unsigned i = 0; i < CHAIN_MAX; i++) {
        struct record record = record_of(type);
        if (record.at == NULL || kind_at(record.at) != BTF_TYPEDEF) {
            return type;
        }
        type = refer(record.table, record.at[2]);
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

static uint64_t array_bytes(struct record record)
{
    uint64_t bytes = 1;
    for (unsigned i = 0; i < CHAIN_MAX; i++) {
        bytes *= record.at[RECORD_WORDS + 2];
        kd_ctype_t element = look_through(refer(record.table, record.at[RECORD_WORDS]));
        record = record_of(element);
        if (record.at == NULL) {
            return 0;
        }
        if (kind_at(record.at) != BTF_ARRAY) {
            return bytes * kd_ctype_get(element).bytes;
        }
    }
    return 0;
}

static struct kd_ctype describe(struct record record)
{
    const uint32_t *at = record.at;
    struct kd_ctype out = {.bytes = at[2], .count = count_at(at)};
    switch (kind_at(at)) {
    case BTF_INT:
        return describe_int(at);
    case BTF_PTR:
        return (struct kd_ctype){
            .kind = KD_KIND_POINTER, .bytes = POINTER_BYTES, .target = refer(record.table, at[2])};
    case BTF_ARRAY:
        return (struct kd_ctype){.kind = KD_KIND_ARRAY,
                                 .bytes = array_bytes(record),
                                 .target = refer(record.table, at[RECORD_WORDS]),
                                 .count = at[RECORD_WORDS + 2]};
    case BTF_STRUCT:
    case BTF_UNION:
        out.kind = kind_at(at) == BTF_STRUCT ? KD_KIND_STRUCT : KD_KIND_UNION;
        out.has_bit_fields = at[1] >> 31;
        return out;
    case BTF_ENUM:
    case BTF_ENUM64:
        out.kind = out.bytes <= 8 ? KD_KIND_ENUM : KD_KIND_OTHER;
        out.is_signed = at[1] >> 31;
        out.has_wide_values = kind_at(at) == BTF_ENUM64;
        return out;
    case BTF_FUNC_PROTO:
        return (struct kd_ctype){.kind = KD_KIND_FUNCTION};
    case BTF_FLOAT:
        return (struct kd_ctype){.kind = KD_KIND_OTHER, .bytes = at[2]};
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
    struct record record = record_of(look_through(type));
    struct kd_ctype out = {0};
    if (record.at == NULL) {
        out.name = "";
        return out;
    }
    out = describe(record);
    out.name = string_at(record.table, record.at[0]);
    out.rest = record.at + RECORD_WORDS;
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

kd_ctype_t kd_ctype_number(kd_scope_t scope, unsigned i, const char **out_keyword,
                           const char **out_name)
{
    const struct table *table = table_of(scope);
    kd_ctype_t type = i < table->count ? refer(table, i + 1) : 0;
    struct record record = record_of(type);
    if (record.at == NULL) {
        return 0;
    }
    const char *keyword = keyword_of(kind_at(record.at));
    *out_keyword = keyword == NULL ? "" : keyword;
    *out_name = keyword == NULL ? "" : string_at(table, record.at[0]);
    return type;
}

kd_ctype_t kd_ctype_named(kd_scope_t scope, const char *keyword, const char *name, size_t length)
{
    const struct table *table = table_of(scope);
    for (uint32_t i = 1; length > 0 && i < table->count; i++) {
        const uint32_t *record = table->words + table->starts[i];
        const char *its = keyword_of(kind_at(record));
        if (its != NULL && strcmp(its, keyword) == 0 &&
            is_named(string_at(table, record[0]), name, length)) {
            return refer(table, i);
        }
    }
    return 0;
}

kd_ctype_t kd_ctype_structure(const char *name)
{
    return kd_ctype_named(KD_SCOPE_KERNEL, "struct", name, strlen(name));
}

/* The part of a type's name in front of its stars and brackets. */
static void base_text(kd_ctype_t type, char *to, size_t bytes)
{
    struct record record = record_of(type);
    if (record.at == NULL) {
        string_copy(to, "void", bytes);
        return;
    }
    const char *keyword = keyword_of(kind_at(record.at));
    const char *name = string_at(record.table, record.at[0]);
    if (kind_at(record.at) == BTF_FWD) {
        keyword = record.at[1] >> 31 ? "union" : "struct";
    }
    if (kind_at(record.at) == BTF_FUNC_PROTO) {
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
        struct record record = record_of(type);
        if (type >= POINTER_STEP) {
            type -= POINTER_STEP;
            stars[star++] = '*';
        } else if (record.at != NULL && kind_at(record.at) == BTF_PTR) {
            type = refer(record.table, record.at[2]);
            stars[star++] = '*';
        } else if (record.at != NULL && kind_at(record.at) == BTF_ARRAY) {
            bracket += format_text(brackets + bracket, sizeof(brackets) - bracket, "[%u]",
                                   record.at[RECORD_WORDS + 2]);
            bracket = MIN(bracket, sizeof(brackets) - 1);
            type = refer(record.table, record.at[RECORD_WORDS]);
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
    const struct table *table = table_of(kd_ctype_scope(type));
    const uint32_t *member = structure.rest + (size_t)3 * i;
    uint32_t offset = member[2];
    *out = (struct kd_member){
        .name = string_at(table, member[0]),
        .type = refer(table, member[1]),
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

static bool get_enumerator(kd_ctype_t number, const struct kd_ctype *type, unsigned i,
                           const char **out_name, uint64_t *out_value)
{
    if (type->kind != KD_KIND_ENUM || i >= type->count) {
        return false;
    }
    const uint32_t *entry = type->rest + (type->has_wide_values ? 3 : 2) * (size_t)i;
    *out_name = string_at(table_of(kd_ctype_scope(number)), entry[0]);
    *out_value = type->has_wide_values ? entry[1] | (uint64_t)entry[2] << 32
                 : type->is_signed     ? (uint64_t)(int32_t)entry[1]
                                       : entry[1];
    return true;
}

bool kd_ctype_enumerator(kd_ctype_t type, unsigned i, const char **out_name, uint64_t *out_value)
{
    struct kd_ctype described = kd_ctype_get(type);
    return get_enumerator(type, &described, i, out_name, out_value);
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
    for (unsigned i = 0; get_enumerator(type, &described, i, &name, &value); i++) {
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

bool kd_ctype_constant(kd_scope_t scope, kd_ctype_t hint, const char *name, size_t length,
                       uint64_t *out_value, kd_ctype_t *out_type)
{
    const struct table *table = table_of(scope);
    struct constant_search search = {.name = name, .length = length};
    bool found = length > 0 && (search_enum(&search, hint) || search.cut == 1);
    search.cut = found ? search.cut : 0;
    for (uint32_t i = 1; !found && i < table->count; i++) {
        enum btf_kind kind = kind_at(table->words + table->starts[i]);
        if (kind == BTF_ENUM || kind == BTF_ENUM64) {
            found = search_enum(&search, refer(table, i));
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

kd_ctype_t kd_ctype_variable(kd_scope_t scope, vaddr_t address)
{
    const struct table *table = table_of(scope);
    uint64_t offset = address - (scope == KD_SCOPE_KERNEL ? KERNEL_IMAGE_BASE : 0);
    uint32_t low = 0;
    uint32_t high =
        table->count == 0 ? 0 : table->variable_count; /* it is in [low, high) if at all */
    const uint32_t *variables = table->variables;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (variables[3 * (size_t)middle + 1] < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (table->count == 0 || low >= table->variable_count ||
        variables[3 * (size_t)low + 1] != offset) {
        return 0;
    }
    struct record variable = record_of(refer(table, variables[3 * (size_t)low]));
    return variable.at != NULL && kind_at(variable.at) == BTF_VAR ? refer(table, variable.at[2])
                                                                  : 0;
}
