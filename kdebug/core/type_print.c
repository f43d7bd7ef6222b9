/* SPDX-License-Identifier: MIT */
/*
 * Values of C types as text (type_print.h): one recursive walk over the type.
 *
 * Nothing is copied: each scalar is read by itself when it is printed, so there is no buffer that
 * a large structure could not fit in, and a page that is missing costs only the fields in it.
 */
#include "kdebug/core/type_print.h"

#include "arch/mmu.h"
#include "base/string.h"
#include "kdebug/core/access.h"
#include "kdebug/core/output.h"
#include "kdebug/core/program.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"

#define DEPTH_MAX     8u
#define LINES_DEPTH   2u /* deeper structures are printed within a line */
#define ELEMENTS_MAX  16u
#define STRING_MAX    80u
#define DECIMAL_MAX   0xffffu
#define INDENT        2u
#define USER_NAME_MAX 80u

static void print_at(const struct kd_value *value, unsigned depth);

/* ---- scalars ---- */

static void print_char(unsigned char c)
{
    if (c == '"' || c == '\\') {
        kd_print("\\%c", c);
    } else if (c >= ' ' && c < 127) {
        kd_print("%c", c);
    } else {
        kd_print("\\x%02x", c);
    }
}

/* Up to the NUL or `limit` bytes. */
static void print_string(kd_space_t space, uint64_t address, uint64_t limit)
{
    kd_print("\"");
    for (uint64_t i = 0; i < limit; i++) {
        unsigned char c;
        if (kd_read(space, address + i, &c, 1) != OK) {
            kd_print("<unreadable>");
            break;
        }
        if (c == '\0') {
            break;
        }
        if (i == STRING_MAX) {
            kd_print("\"...");
            return;
        }
        print_char(c);
    }
    kd_print("\"");
}

static void print_symbol(uint64_t address)
{
    struct kd_symbol symbol;
    if (kd_symbol_at(address, &symbol)) {
        kd_print(" <");
        kd_print_address(address);
        kd_print(">");
    }
}

static void print_int(const struct kd_ctype *type, uint64_t bits)
{
    int64_t number = (int64_t)bits;
    if (type->is_bool && bits <= 1) {
        kd_print("%s", bits == 0 ? "false" : "true");
    } else if (type->is_char && (bits & 0xff) >= ' ' && (bits & 0xff) < 127) {
        kd_print("'%c'", (int)(bits & 0xff));
    } else if (type->is_signed && number < 0) {
        kd_print("%lld", (long long)number);
    } else if (bits <= DECIMAL_MAX) {
        kd_print("%llu", (unsigned long long)bits);
    } else {
        kd_print("0x%llx", (unsigned long long)bits);
        print_symbol(bits);
    }
}

/* What a pointer of a program points to, if that has a name there. */
static void print_user_symbol(kd_space_t space, uint64_t address)
{
    struct kd_program program;
    char name[USER_NAME_MAX];
    if (space != KD_SPACE_KERNEL && address < DIRECT_MAP_BASE && kd_program_of(space, &program) &&
        kd_program_symbol(&program, address, true, name, sizeof(name)) != 0) {
        kd_print(" <%s>", name);
    }
}

static void print_pointer(const struct kd_ctype *type, const struct kd_value *value)
{
    if (value->bits == 0) {
        kd_print("NULL");
        return;
    }
    kd_print("0x%llx", (unsigned long long)value->bits);
    print_symbol(value->bits);
    print_user_symbol(value->space, value->bits);
    if (kd_ctype_get(type->target).is_char) {
        kd_print(" ");
        print_string(value->space, value->bits, UINT64_MAX);
    }
}

/* Enumerators that make up the bits when each is one bit; false: they do not. */
static bool print_flags(kd_ctype_t ctype, uint64_t bits, bool print)
{
    const char *name;
    uint64_t flag;
    uint64_t left = bits;
    for (unsigned i = 0; kd_ctype_enumerator(ctype, i, &name, &flag); i++) {
        if (flag != 0 && (flag & (flag - 1)) == 0 && (left & flag) != 0) {
            if (print) {
                kd_print("%s%s", left == bits ? "" : " | ", name);
            }
            left &= ~flag;
        }
    }
    return left == 0;
}

static void print_enum(kd_ctype_t ctype, uint64_t bits)
{
    const char *name;
    uint64_t value;
    for (unsigned i = 0; kd_ctype_enumerator(ctype, i, &name, &value); i++) {
        if (value == bits) {
            kd_print("%s", name);
            return;
        }
    }
    if (bits == 0 || !print_flags(ctype, bits, false)) {
        kd_print("%lld", (long long)bits);
        return;
    }
    print_flags(ctype, bits, true);
}

static void print_scalar(const struct kd_value *value, const struct kd_ctype *type)
{
    struct kd_value loaded;
    if (kd_load(value, &loaded) != NULL) {
        kd_print("<unreadable>");
    } else if (type->kind == KD_KIND_ENUM) {
        print_enum(loaded.ctype, loaded.bits);
    } else if (type->kind == KD_KIND_POINTER) {
        print_pointer(type, &loaded);
    } else {
        print_int(type, loaded.bits);
    }
}

/* ---- arrays and structures ---- */

static bool same_content(const struct kd_value *place, uint64_t a, uint64_t b, uint64_t bytes)
{
    uint64_t left, right;
    return bytes <= sizeof(left) && kd_read(place->space, a, &left, sizeof(left)) == OK &&
           kd_read(place->space, b, &right, sizeof(right)) == OK &&
           memcmp(&left, &right, bytes) == 0;
}

static void print_array(const struct kd_value *place, const struct kd_ctype *type, unsigned depth)
{
    struct kd_ctype of = kd_ctype_get(type->target);
    if (of.is_char) {
        print_string(place->space, place->bits, type->count);
        return;
    }
    kd_print("{");
    unsigned shown = 0;
    for (uint64_t i = 0; i < type->count && shown < ELEMENTS_MAX; shown++) {
        struct kd_value element =
            kd_value_place(place->bits + i * of.bytes, place->space, type->target);
        uint64_t run = 1;
        while (i + run < type->count && run < ELEMENTS_MAX * ELEMENTS_MAX &&
               same_content(place, element.bits, element.bits + run * of.bytes, of.bytes)) {
            run++;
        }
        kd_print("%s", shown == 0 ? "" : ", ");
        print_at(&element, MAX(depth, LINES_DEPTH));
        if (run > 1) {
            kd_print(" x %llu", (unsigned long long)run);
        }
        i += run;
        if (shown + 1 == ELEMENTS_MAX && i < type->count) {
            kd_print(", ... %llu more", (unsigned long long)(type->count - i));
        }
    }
    kd_print("}");
}

static void print_structure(const struct kd_value *place, unsigned depth)
{
    bool lines = depth < LINES_DEPTH;
    struct kd_member member;
    kd_print(lines ? "{\n" : "{");
    for (unsigned i = 0; kd_ctype_member(place->ctype, i, &member); i++) {
        struct kd_value field =
            kd_value_place(place->bits + member.bit_offset / 8, place->space, member.type);
        field.bit_offset = (uint8_t)(member.bit_offset % 8);
        field.bit_count = (uint8_t)member.bits;
        if (lines) {
            kd_print("%*s", (int)((depth + 1) * INDENT), "");
        } else {
            kd_print("%s", i == 0 ? "" : ", ");
        }
        if (*member.name != '\0') {
            kd_print(lines ? ".%s = " : "%s = ", member.name);
        }
        print_at(&field, depth + 1);
        kd_print(lines ? "\n" : "");
    }
    kd_print("%*s}", lines ? (int)(depth * INDENT) : 0, "");
}

static void print_at(const struct kd_value *value, unsigned depth)
{
    struct kd_ctype type = kd_ctype_get(value->ctype);
    if (depth > DEPTH_MAX) {
        kd_print("...");
        return;
    }
    switch (type.kind) {
    case KD_KIND_STRUCT:
    case KD_KIND_UNION:
        print_structure(value, depth);
        break;
    case KD_KIND_ARRAY:
        print_array(value, &type, depth);
        break;
    case KD_KIND_INT:
    case KD_KIND_ENUM:
    case KD_KIND_POINTER:
        print_scalar(value, &type);
        break;
    default:
        kd_print("0x%llx", (unsigned long long)value->bits);
        print_symbol(value->bits);
        break;
    }
}

/* ---- the ways in ---- */

static void print_head(const struct kd_value *value)
{
    char text[80];
    kd_print("(%s) 0x%llx", kd_ctype_text(value->ctype, text, sizeof(text)),
             (unsigned long long)value->bits);
    print_symbol(value->bits);
}

static bool is_structure(const struct kd_value *value)
{
    enum kd_kind kind = kd_ctype_get(value->ctype).kind;
    return value->is_place && (kind == KD_KIND_STRUCT || kind == KD_KIND_UNION);
}

void kd_print_value(const struct kd_value *value)
{
    if (is_structure(value)) {
        print_head(value);
        kd_print(" ");
    }
    print_at(value, 0);
    kd_print("\n");
}

void kd_print_value_within(const struct kd_value *value)
{
    if (is_structure(value)) {
        print_head(value);
    } else {
        print_at(value, LINES_DEPTH);
    }
}

void kd_print_value_line(const struct kd_value *value)
{
    kd_print_value_within(value);
    kd_print("\n");
}

void kd_print_layout(kd_ctype_t type)
{
    char text[80];
    struct kd_ctype described = kd_ctype_get(type);
    struct kd_member member;
    const char *name;
    uint64_t value;
    kd_print("%s, %llu bytes\n", kd_ctype_text(type, text, sizeof(text)),
             (unsigned long long)described.bytes);
    for (unsigned i = 0; kd_ctype_member(type, i, &member); i++) {
        unsigned long long offset = member.bit_offset / 8;
        unsigned long long bytes = kd_ctype_get(member.type).bytes;
        kd_print("  %5llu  %5llu  %s %s", offset, bytes,
                 kd_ctype_text(member.type, text, sizeof(text)), member.name);
        if (member.bits != 0) {
            kd_print(" : %u at bit %llu", member.bits, (unsigned long long)(member.bit_offset % 8));
        }
        kd_print("\n");
    }
    for (unsigned i = 0; kd_ctype_enumerator(type, i, &name, &value); i++) {
        kd_print("  %s = %lld\n", name, (long long)value);
    }
}
