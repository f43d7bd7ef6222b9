/* SPDX-License-Identifier: MIT */
/* Names of the registers of a stopped core. */
#pragma once

#include "kdebug/core/target.h"

/* kd_register_value() - a register by its name, without '%': rax ... r15, rip, rsp, rflags, cs,
 * ss, vector, error, cr0 cr2 cr3 cr4. False: there is none of this name. */
bool kd_register_value(const struct kd_registers *registers, const char *name, size_t length,
                       uint64_t *out);

/* kd_register_set() - change a register of what the core was doing. False: none of this name, or
 * it is a control register. */
bool kd_register_set(struct kd_registers *registers, const char *name, size_t length,
                     uint64_t value);

/* kd_registers_show() - print them all, with the flags spelled out. */
void kd_registers_show(const struct kd_registers *registers);

/* kd_vector_name() - "page fault"; NULL for what is no exception. */
const char *kd_vector_name(uint64_t vector);
