/* SPDX-License-Identifier: MIT */
/* The record of a hit, when probe_thunk.asm does not write it itself. */
#include "trace/probe/write.h"
#include "base/hooks.h"

void probe_write(unsigned number, const uint64_t value[4], bool is_hooked)
{
    probe_write_hit(number, value, is_hooked);
}
