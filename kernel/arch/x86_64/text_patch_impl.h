/* SPDX-License-Identifier: MIT */
/* Parts of text patching that only this folder uses. */
#pragma once

#include "base/types.h"

/*
 * text_patch_smap() - put CLAC and STAC into the places that user_copy.asm and entry.asm keep free
 * for them.
 * Context: boot core, before any other runs and before CR4.SMAP is set.
 */
void text_patch_smap(void);

/* text_patch_root() - change an instruction of mmu_switch_root(). Context: as above, but for SMAP. */
void text_patch_root(vaddr_t address, const uint8_t *code, unsigned bytes);

/*
 * text_read_4() - bytes of kernel text without what breakpoints have put over them. text_write_2(), text_write_5() - change
 * those, below the breakpoints; two bytes by one store.
 * Context: all other cores stand still, as in text_patch_sites(); the caller serialises.
 */
void text_read_4(vaddr_t address, uint8_t to[4]);
void text_write_2(vaddr_t address, const uint8_t from[2]);
void text_write_5(vaddr_t address, const uint8_t from[5]);

/* text_write_slot() - code that nobody executes yet, in probe_slots, where no breakpoints are. Context: as above. */
void text_write_slot(vaddr_t slot, const uint8_t *code, unsigned bytes);

#define CALL_REL32 0xe8u
#define JMP_REL32  0xe9u

/*
 * Between function_patch.c and function_probe.c. Context: as above.
 * function_probe_slot() - the code of the probe on the entry of a function; 0: it has none, and may not be asked the other two.
 * function_look() - may a probe come to its entry? As function_probe_set(). function_give_form() - what it has now to do.
 */
vaddr_t function_probe_slot(vaddr_t function);
bool function_probe_is_traced(vaddr_t function);
void function_probe_trace(vaddr_t function, bool is_traced);
status_t function_look(vaddr_t function, bool *out_is_traced);
void function_give_form(vaddr_t entry, bool is_traced);

/* function_is_inside_jump() - is this, in a function that is traced or has a probe on its entry, the second byte of the jump that replaces its first two?
 * Context: any. */
bool function_is_inside_jump(vaddr_t address);

/* text_has_break() - is there a breakpoint or a probe on one of these bytes? Context: as above. */
bool text_has_break(vaddr_t address, unsigned bytes);

/* text_has_probe() - is there a probe at this address? The copy of its instruction knows nothing of a jump there. Context: as above. */
bool text_has_probe(vaddr_t address);
