/* SPDX-License-Identifier: MIT */
/* Locks as kdebug sees them. */
#pragma once

#include "base/types.h"
#include "kdebug/core/command.h"

/* kd_lock_is_shared() - some core shares the struct shared_lock at this address. */
bool kd_lock_is_shared(vaddr_t lock);

/*
 * kd_lock_print_cycles() - of each core that waits for a lock in a circle: which, and who has it. How many such cores; without
 * the owners that debug builds record there are none.
 */
unsigned kd_lock_print_cycles(void);

/* kd_lock_fetch_name() - a lock's name, "?" if it cannot be read. */
void kd_lock_fetch_name(const char *name, char *to, size_t bytes);

/* kd_lock_list_orders() - give the pairs of classes that have been held together; ends the command in a release build. */
void kd_lock_list_orders(struct kd_call *call);
