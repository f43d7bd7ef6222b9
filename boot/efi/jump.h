/* SPDX-License-Identifier: MIT */
/* The switch from the firmware's page tables to the kernel's. */
#pragma once

#include <stdint.h>

/*
 * jump_to_kernel() - NX and write protection on, CR3 = root, rsp = stack, rdi = handoff, jump to entry.
 *
 * The code lies within one page, which the tables at root map one to one.
 *
 * @root     physical address of the PML4
 * @handoff  virtual address of the handoff under root
 * @entry    virtual address of the kernel's first instruction
 * @stack    virtual address of the end of a small stack under root
 *
 * Context: boot services are gone, interrupts off. Does not return.
 */
__attribute__((noreturn)) void jump_to_kernel(uint64_t root, uint64_t handoff, uint64_t entry,
                                              uint64_t stack);
