/* SPDX-License-Identifier: MIT */
/*
 * What flows through a pipe: typed values, not text.
 *
 * A type is a record with a name and a way to show one value as a row; types are found by
 * address. Kernel objects are values whose bits are the object's address in the target, so any
 * command that takes the type can read it through the target.
 */
#pragma once

#include "base/types.h"

/* Where an address points: the kernel half, physical memory, or the address space with this
 * page-table root. */
typedef uint64_t kd_space_t;
#define KD_SPACE_KERNEL   0ull
#define KD_SPACE_PHYSICAL 1ull

struct kd_value;

struct kd_type {
    const char *name;                           /* "thread" */
    const char *header;                         /* column titles, NULL none */
    void (*show)(const struct kd_value *value); /* print one row */
};

struct kd_value {
    uint64_t bits;
    const struct kd_type *type; /* NULL: a plain number */
    kd_space_t space;           /* of the address that bits are, if they are one */
};

static inline struct kd_value kd_value_number(uint64_t bits)
{
    return (struct kd_value){.bits = bits};
}

static inline struct kd_value kd_value_of(uint64_t bits, const struct kd_type *type)
{
    return (struct kd_value){.bits = bits, .type = type};
}

extern const struct kd_type kd_type_number; /* any number; also what NULL is shown as */
/* The types of the commands in cmd/. */
extern const struct kd_type kd_type_cpu;     /* core number */
extern const struct kd_type kd_type_thread;  /* struct thread */
extern const struct kd_type kd_type_process; /* struct process */
extern const struct kd_type kd_type_mailbox; /* struct mailbox */
extern const struct kd_type kd_type_handle;  /* struct handle_entry */
