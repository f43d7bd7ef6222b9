/* SPDX-License-Identifier: MIT */
/* A dead machine as kdebug's target: a core file, and the file of the kernel that it ran. */
#pragma once

#include "kdebug/core/target.h"

/*
 * target_dead_open() - have kd_target look at these files.
 *
 * @image_path  the boot image, of which a core file may hold the beginning only; one that is another, or not there, is passed over
 * @out_cpu  the core that stood at kdebug's prompt, or 0
 * NULL, or what is wrong, for a person; *out_path is the file that it is about. Symbols and types are those of the kernel file,
 * which must be the one that ran: their build ids are compared.
 */
const char *target_dead_open(const char *core_path, const char *kernel_path, const char *image_path,
                             unsigned *out_cpu, const char **out_path);
