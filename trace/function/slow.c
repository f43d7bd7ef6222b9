/* SPDX-License-Identifier: MIT */
/* The slow way of a record of function_thunk.asm: a full sub-buffer, a lane that takes nothing, an event with a filter. */
#include "arch/function_patch.h"
#include "base/hooks.h"
#include "trace/ring/hook.h"
#include "trace/ring/write_inline.h"

void function_trace_slow(uint64_t function, uint64_t stack, unsigned event)
{
    struct trace_lane *lane = event & FUNCTION_HOOKED ? &trace_hook_lanes[0] : trace_lane();
    uint64_t header = (event & ~FUNCTION_HOOKED) | 1u << TRACE_WORDS_SHIFT;
    trace_slow_write(lane, header, (uint32_t)function | stack << 32, 0, 0);
}
