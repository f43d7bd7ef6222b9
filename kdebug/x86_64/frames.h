/* SPDX-License-Identifier: MIT */
/*
 * Where functions of the kernel keep what their callers had in registers, from the table that tools/gen/frames.py made of the compiler's
 * own (.debug_frame) and the linker put into the image.
 *
 * The table (little endian words):
 *
 *     KD_FRAMES_MAGIC, KD_FRAMES_VERSION, rules, rows
 *     rules: bits 0-1 where the frame ends (enum kd_frame_base); then, 4 bits each, for rbx, rbp, r12 to r15 how many words below that
 *            the register was saved, 0: it was not
 *     rows, by address: offset from KERNEL_IMAGE_BASE << 8 | the rule that holds from there on
 *
 * What cannot be said so, and what lies between functions, has rule 0. A rule may name a place that has not been written yet or that
 * has been read back already: then the place is below the stack pointer, and the register has its value.
 *
 * **Y5** A damaged table gives wrong rules or none, never a read outside of it.
 */
#pragma once

#include "base/types.h"

#define KD_FRAMES_MAGIC   0x4d52464bu /* "KFRM" */
#define KD_FRAMES_VERSION 1u

/* Where a frame ends: just above the return address. */
enum kd_frame_base {
    KD_FRAME_UNKNOWN,
    KD_FRAME_RSP_8,  /* rsp + 8 */
    KD_FRAME_RSP_16, /* rsp + 16 */
    KD_FRAME_RBP_16, /* rbp + 16 */
};

/* Registers that a function gives back as it found them. */
enum kd_kept {
    KD_KEPT_RBX,
    KD_KEPT_RBP,
    KD_KEPT_R12,
    KD_KEPT_R13,
    KD_KEPT_R14,
    KD_KEPT_R15,
    KD_KEPT
};

struct kd_frame_rule {
    enum kd_frame_base base;
    uint8_t words[KD_KEPT]; /* below the end of the frame; 0: it is in its register */
};

/* kd_frames_use() - look rules up in this table from now on. False: it is none; then there are none. */
bool kd_frames_use(const void *table, size_t bytes);

/* kd_frame_rule_at() - what holds at an instruction; of a caller, at the last byte of its call. False: nothing is known. */
bool kd_frame_rule_at(vaddr_t address, struct kd_frame_rule *out);
