/* SPDX-License-Identifier: MIT */
/* Making memory scarce. */
#pragma once

#include <stdint.h>

/* leave_free() - take all memory that is free but so much; 0: take none. It comes back when the program ends. */
void leave_free(uint64_t bytes);
