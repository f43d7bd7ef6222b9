/* SPDX-License-Identifier: MIT */
/* What start.asm and kernel.ld define. */
#pragma once

#include <stdint.h>

struct handoff;

/* The loader's structure, stored by kernel_entry before any C code runs. */
extern const struct handoff *boot_handoff;

/* Bounds of the image (kernel.ld). */
extern const uint8_t kernel_text_start[], kernel_text_end[];
extern const uint8_t kernel_rodata_start[], kernel_rodata_end[];
extern const uint8_t kernel_data_start[], kernel_data_end[], kernel_end[];
