/* SPDX-License-Identifier: MIT */
/* The record of a hit. Inline, as the two that write it leave registers alone in different ways. */
#pragma once

#include "arch/cpu.h"
#include "gen/trace_emit.h"
#include "trace/ring/hook.h"
#include "trace/ring/ring.h"

static ALWAYS_INLINE void probe_write_hit(unsigned number, const uint64_t value[4], bool is_hooked)
{
    trace_emit_probe_hit(is_hooked ? &trace_hook_lanes[0] : trace_lane(), (uint8_t)number,
                         this_cpu()->current_tid, value[0], value[1], value[2], value[3]);
}
