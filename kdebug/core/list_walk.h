/* SPDX-License-Identifier: MIT */
/* Walking a struct list of the target, which may be broken: that is why somebody looks. */
#pragma once

#include "kdebug/core/value.h"

struct kd_list_walk {
    vaddr_t head, at;
    kd_space_t space; /* the kernel's, unless set after kd_list_begin() */
    unsigned steps;
};

/* kd_list_begin() - stand before the first node. The head is an address in the target. */
void kd_list_begin(struct kd_list_walk *walk, vaddr_t head);

/*
 * kd_list_next() - the next node; false at the end.
 *
 * Ends the command with a message when a node cannot be read, does not point back to where we
 * come from, or the list has more than a million nodes.
 */
bool kd_list_next(struct kd_list_walk *walk, vaddr_t *out_node);
