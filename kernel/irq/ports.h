/* SPDX-License-Identifier: MIT */
/* Ranges of x86 I/O ports as objects: the authority of a driver that still needs port instructions. */
#pragma once

#include "base/list.h"
#include "base/types.h"
#include "object/object.h"

struct ports {
    struct object object;
    uint32_t first, count; /* (c) */
    struct list link;      /* ranges that live, none of which overlap (ports.c) */
};

/* ports_init() - once, after heap_init(). */
void ports_init(void);
/* ports_create() - the only range with these ports until it is destroyed. OK; ERR_RANGE outside 16 bits or empty; ERR_BUSY overlaps a
 * range that lives, or what the kernel keeps (COM1, the 8259s); ERR_NO_MEMORY. */
status_t ports_create(uint32_t first, uint32_t count, struct ports **out) MUST_CHECK;
void ports_destroy(struct object *object);

/* How many ranges with a port of the keyboard's controller there are: 0, no driver has it. */
extern atomic_uint ports_of_keyboard;
/* ports_read() / ports_write() - width 1, 2 or 4, else ERR_BAD_ARGUMENT; ERR_RANGE leaves the range. */
status_t ports_read(const struct ports *ports, uint32_t offset, uint32_t width,
                    uint64_t *out_value) MUST_CHECK;
status_t ports_write(const struct ports *ports, uint32_t offset, uint32_t width,
                     uint32_t value) MUST_CHECK;
