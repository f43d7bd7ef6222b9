/* SPDX-License-Identifier: MIT */
/*
 * What flows through a pipe: typed values, not text.
 *
 * Values of two sorts meet in pipes. Rows of a table ("thread") have a struct kd_type: a name and
 * a way to show one as a row; their bits are the object's address in the target, so any command
 * that takes the type can read it. C values come from expressions; rows turn into them by their
 * structure's name (access.h), so ".field" works on both.
 */
#pragma once

#include "base/types.h"
#include "kdebug/core/types.h"

/* Where an address points: the kernel half, physical memory, or the address space with this
 * page-table root. */
typedef uint64_t kd_space_t;
#define KD_SPACE_KERNEL   0ull
#define KD_SPACE_PHYSICAL 1ull

struct kd_value;

struct kd_type {
    const char *name;      /* "thread" */
    const char *structure; /* the struct that a row stands for; NULL: the one of this name */
    uint64_t (*locate)(const struct kd_value *value); /* its address; NULL: bits are it */
    const char *header;                               /* column titles, NULL none */
    void (*show)(const struct kd_value *value);       /* print one row */
};

/*
 * A value is one of: a row of a table (type), a number with or without C type, or a place: the
 * address of an object of a C type, that is read when its content is asked for.
 */
struct kd_value {
    uint64_t bits;
    const struct kd_type *type; /* NULL: no row of a table */
    kd_space_t space;           /* of the address that bits are, if they are one */
    kd_ctype_t ctype;           /* C type of the number or place, 0: unknown */
    bool is_place;
    bool is_brief;                 /* one of many: shown within a line */
    uint8_t bit_offset, bit_count; /* of a place that is a bit-field; count 0: it is none */
};

static inline struct kd_value kd_value_number(uint64_t bits)
{
    return (struct kd_value){.bits = bits};
}

static inline struct kd_value kd_value_typed(uint64_t bits, kd_ctype_t ctype)
{
    return (struct kd_value){.bits = bits, .ctype = ctype};
}

static inline struct kd_value kd_value_place(uint64_t address, kd_space_t space, kd_ctype_t ctype)
{
    return (struct kd_value){.bits = address, .space = space, .ctype = ctype, .is_place = true};
}

static inline struct kd_value kd_value_of(uint64_t bits, const struct kd_type *type)
{
    return (struct kd_value){.bits = bits, .type = type};
}

extern const struct kd_type kd_type_number; /* any number; also what NULL is shown as */
extern const struct kd_type kd_type_c;      /* numbers and places with a C type */
/* The types of the commands in cmd/. */
extern const struct kd_type kd_type_cpu;     /* core number */
extern const struct kd_type kd_type_thread;  /* struct thread */
extern const struct kd_type kd_type_process; /* struct process */
extern const struct kd_type kd_type_mailbox; /* struct mailbox */
extern const struct kd_type kd_type_handle;  /* struct handle_entry */
