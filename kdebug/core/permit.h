/* SPDX-License-Identifier: MIT */
/*
 * What this boot forbids at the prompt and to gdb: classes of commands (command.h). Boot options lock them, nothing unlocks.
 */
#pragma once

#include "base/types.h"

/*
 * kd_permit_lock() - forbid classes for good.
 *
 * @list  names separated by commas: reads, writes, io, resumes
 * False: it names something else. Then all are locked: whoever mistypes a lock must not find the door open.
 */
bool kd_permit_lock(const char *list);

/* kd_permits() - none of these classes (KD_READS ...) is locked. */
bool kd_permits(uint32_t classes);

/* kd_require() - end the command with a message if one of them is, or if they write and the target is dead. */
void kd_require(uint32_t classes);

/* kd_require_live() - the same, and end it if the machine will not run again: for what is done behind the stop. */
void kd_require_live(uint32_t classes);
