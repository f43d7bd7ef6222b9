/* SPDX-License-Identifier: MIT */
/* Who waits for whom, for the commands that explain it. */
#pragma once

#include "kdebug/core/lookup.h"

/* kd_wait_is_on() - the thread is blocked on an object. */
bool kd_wait_is_on(const struct thread *thread);

/* kd_wait_awaited() - whom a thread waits for: who serves its call or received last from its mailbox, the thread it joins. 0: it
 * does not wait, or for nobody in particular. */
vaddr_t kd_wait_awaited(vaddr_t address);

/* kd_wait_print() - "12 server/worker". */
void kd_wait_print(vaddr_t address);

/* kd_wait_print_chain() - " -> 12 server/worker -> ..." from a thread on. Returns the last one; *out_cycle: it leads back to the
 * start. */
vaddr_t kd_wait_print_chain(vaddr_t start, bool *out_cycle);

/* kd_wait_find_stuck() - work out who can never go on; how many. kd_wait_is_stuck() - one of them. */
unsigned kd_wait_find_stuck(void);
bool kd_wait_is_stuck(const struct thread *thread);
