/* SPDX-License-Identifier: MIT */
/*
 * Parameters of the kernel's functions, from the table that tools/gen/parameters.py made and the linker put into the image.
 *
 * The table (little endian; offsets are from KERNEL_IMAGE_BASE):
 *
 *     5 words: KD_PARAMETERS_MAGIC, KD_PARAMETERS_VERSION, functions, ranges, bytes of names
 *     functions, by address: offset, where its names begin ("thread why"), its first range
 *     ranges: offset, bytes (half word), index << 4 | bytes of the value, kind, value of the kind
 *     names, each list ends with NUL
 *
 * A range says that between two instructions a parameter is in a register, at a place in the frame, or is a constant. Without a
 * range it is not known there: optimised code keeps arguments as long as it needs them.
 *
 * **Y4** A damaged table gives wrong parameters or none, never a read outside of it.
 */
#pragma once

#include "base/types.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/unwind.h"

#define KD_PARAMETERS_MAGIC   0x4d52504bu /* "KPRM" */
#define KD_PARAMETERS_VERSION 1u

/* kd_parameters_use() - look parameters up in this table from now on. False: it is none; then there are none. */
bool kd_parameters_use(const void *table, size_t bytes);

/* kd_parameters_names() - of the function that begins at this address, with blanks between them; NULL: it has none. */
const char *kd_parameters_names(vaddr_t function);

/*
 * kd_parameter_value() - what parameter `index` of a function is in a frame of it.
 *
 * False: that is not known there, or cannot be read. Of a caller what it has in registers that a call keeps is known as far as the
 * frames in between tell.
 */
bool kd_parameter_value(vaddr_t function, unsigned index, const struct kd_unwind *place,
                        uint64_t *out);
