/* SPDX-License-Identifier: MIT */
/*
 * Which types of user programs can be named at the prompt, and how they come into types.c.
 *
 * They are those of one program: the one in the selected core's address space, or in that of the
 * process that `context` names. Its section .BTF is copied out of the boot image, through the
 * target, so that live machines and dead ones show the same.
 */
#pragma once

#include "kdebug/core/types.h"

/* kd_program_types_load() - have types.c use the types of this scope; none if they are absent or
 * damaged. Does not fail; takes the place of another program's. */
void kd_program_types_load(kd_scope_t scope);

/* kd_program_scope() - whose names and types may be meant beside the kernel's; KD_SCOPE_KERNEL: no program's. */
kd_scope_t kd_program_scope(void);

/* kd_program_scopes() - in which order names are looked up: the kernel's come first, unless a
 * person has chosen a process. */
void kd_program_scopes(kd_scope_t out[2]);

/*
 * kd_program_trouble() - why no type of the program of kd_program_scope() is known: " (init: its
 * types are damaged)", for the end of a message. "": there are types, or there is no program.
 */
const char *kd_program_trouble(void);
