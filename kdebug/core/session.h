/* SPDX-License-Identifier: MIT */
/* One stay at the prompt: which core is looked at, reading lines, running them until one of them
 * ends the stay. */
#pragma once

#include "base/types.h"
#include "kdebug/core/value.h"

#define KD_PROMPT "kdebug> " /* fixed: scripts wait for it */

/* kd_session_begin() - a new stay: this core is selected, no guard, no pager state of the last
 * one. */
void kd_session_begin(unsigned cpu);

/* kd_session_prompt() - prompt, read, run, until kd_session_end(). @idle is called while nothing
 * is typed. */
void kd_session_prompt(void (*idle)(void));

/* kd_session_run() - run one line as if it had been typed; for boot options and reports. True:
 * nothing failed. */
bool kd_session_run(const char *line);

/* kd_session_end() - the current line is the last one of this stay. */
void kd_session_end(void);
bool kd_session_is_over(void);

/* kd_session_cpu() / kd_session_select() - the core that registers in expressions belong to. */
unsigned kd_session_cpu(void);
void kd_session_select(unsigned cpu);

/* kd_session_space() - where a bare address points: the kernel half, or the space of the process
 * that was chosen, or the one that the selected core was in. */
kd_space_t kd_session_space(uint64_t address);

/* kd_session_core_space() - the same for an address that a register of the selected core holds. */
kd_space_t kd_session_core_space(uint64_t address);

/* kd_session_choose() - let addresses, names and types be those of this process (`context`), 0: of
 * what the selected core runs. Ends with the stay. kd_session_context() - its address, 0: none. */
void kd_session_choose(vaddr_t process, kd_space_t root);
vaddr_t kd_session_context(void);
