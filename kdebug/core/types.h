/* SPDX-License-Identifier: MIT */
/*
 * C types of the target, from tables that tools/gen/btf.py made: plain BTF (Linux
 * Documentation/bpf/btf.rst), with one DATASEC for the variables. The linker put the kernel's into
 * the image; a user program's is the section .BTF of its file in the boot image.
 *
 * A type is a number: the index of its record, plus 1 << 13 times its scope (whose table that is),
 * plus 1 << 24 for each level of pointers around it. So every pointer type exists, whether the
 * kernel uses it or not, and a value keeps its type whichever program is looked at later. 0 is
 * void, or "not known".
 *
 * Y2  No content of the table can make a look-up read outside of it or loop: records are checked
 *     once, in kd_types_use(), and chains of typedefs and arrays are followed a bounded way. A
 *     damaged or empty table means plain numbers.
 */
#pragma once

#include "base/types.h"

typedef uint32_t kd_ctype_t;

/* Whose types: the kernel's, or 1 + number of the program's file in the boot image. */
typedef uint32_t kd_scope_t;
#define KD_SCOPE_KERNEL 0u
#define KD_SCOPES_MAX   512u

enum kd_kind {
    KD_KIND_VOID,
    KD_KIND_INT,
    KD_KIND_POINTER,
    KD_KIND_ARRAY,
    KD_KIND_STRUCT,
    KD_KIND_UNION,
    KD_KIND_ENUM,
    KD_KIND_FUNCTION,
    KD_KIND_OTHER, /* float, or a structure whose inside is not known */
};

struct kd_ctype {
    enum kd_kind kind;
    const char *name; /* "" none */
    uint64_t bytes;
    kd_ctype_t target; /* of pointers and arrays */
    uint32_t count;    /* elements, members, enumerators */
    bool is_signed, is_char, is_bool;
    const uint32_t *rest; /* what follows in the table */
    bool has_bit_fields, has_wide_values;
};

struct kd_member {
    const char *name; /* "" for what has none */
    kd_ctype_t type;
    uint64_t bit_offset;
    unsigned bits; /* of a bit-field, else 0 */
};

/* kd_types_use() - look types of the kernel up in this table from now on, and forget those of
 * programs. False: it is no such table, or is damaged, and no type will be known. */
bool kd_types_use(const void *table, size_t bytes);

/* kd_types_use_program() - the same for a program (program_types.h); takes the place of another's. */
bool kd_types_use_program(kd_scope_t scope, const void *table, size_t bytes);

unsigned kd_types_count(kd_scope_t scope);

/* kd_ctype_scope() - whose type it is. */
kd_scope_t kd_ctype_scope(kd_ctype_t type);

/* kd_ctype_get() - describe a type, typedefs looked through. What is not known is void. */
struct kd_ctype kd_ctype_get(kd_ctype_t type);

/* kd_ctype_pointer() - pointer to it. */
kd_ctype_t kd_ctype_pointer(kd_ctype_t type);

/* kd_ctype_named() - a type by its name: a structure, union or enum behind that keyword, else a
 * typedef or base type. @keyword "struct", "union", "enum" or "". 0: there is none. Cost: one
 * look at each type. */
kd_ctype_t kd_ctype_named(kd_scope_t scope, const char *keyword, const char *name, size_t length);

/* kd_ctype_structure() - the kernel's structure of this name, 0: none. */
kd_ctype_t kd_ctype_structure(const char *name);

/* kd_ctype_text() - "struct thread *", "char [32]". Returns `to`. */
const char *kd_ctype_text(kd_ctype_t type, char *to, size_t bytes);

/* kd_ctype_number() - type i of a scope, for listing; *out_keyword as in kd_ctype_named().
 * 0: there are fewer. */
kd_ctype_t kd_ctype_number(kd_scope_t scope, unsigned i, const char **out_keyword,
                           const char **out_name);

/* kd_ctype_member() - member i of a structure or union. False: there are fewer. */
bool kd_ctype_member(kd_ctype_t type, unsigned i, struct kd_member *out);

/* kd_ctype_find_member() - a member by name, also inside of members without a name. */
bool kd_ctype_find_member(kd_ctype_t type, const char *name, size_t length, struct kd_member *out);

/* kd_ctype_enumerator() - enumerator i. False: there are fewer. */
bool kd_ctype_enumerator(kd_ctype_t type, unsigned i, const char **out_name, uint64_t *out_value);

/*
 * kd_ctype_constant() - an enumerator by name, of any enum of the scope.
 *
 * A name may be cut short at its front, at an underscore, if only one enumerator ends so: BLOCKED
 * is THREAD_BLOCKED. @hint  an enum that is searched first, 0 none.
 */
bool kd_ctype_constant(kd_scope_t scope, kd_ctype_t hint, const char *name, size_t length,
                       uint64_t *out_value, kd_ctype_t *out_type);

/* kd_ctype_variable() - the type of the variable at an address, 0: not known. */
kd_ctype_t kd_ctype_variable(kd_scope_t scope, vaddr_t address);
