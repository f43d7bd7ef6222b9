/* SPDX-License-Identifier: MIT */
/* Which build this is: the linker's build id, by which tools tell whether an ELF file is of the kernel that wrote a trace. */
#pragma once

#include "base/types.h"

/* kernel_id() - the first 8 bytes of the build id, read as `readelf -n` prints them; 0: there is none. */
uint64_t kernel_id(void);
