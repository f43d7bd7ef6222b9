/* SPDX-License-Identifier: MIT */
/* Executing an instruction somewhere else. */
#pragma once

#include "base/types.h"

#define KD_MOVE_BYTES_MAX  15u /* looked at */
#define KD_MOVED_BYTES_MAX 32u

struct kd_moved {
    unsigned bytes; /* of code */
    uint8_t code[KD_MOVED_BYTES_MAX];
};

/*
 * kd_instruction_move() - code that does at `to` what the instruction at `from` does there, and goes on behind that.
 *
 * @code  KD_MOVE_BYTES_MAX bytes of `from`, which is not read
 * Returns NULL, or why it cannot be: it is none; it goes somewhere by a pointer; it opens interrupts or leaves the kernel. Both
 * places lie within 2 GiB of each other and in the upper 2 GiB of addresses.
 * Context: any. Pure.
 */
const char *kd_instruction_move(const uint8_t code[KD_MOVE_BYTES_MAX], uint64_t from, uint64_t to,
                                struct kd_moved *out);
