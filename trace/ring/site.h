/* SPDX-License-Identifier: MIT */
/*
 * A trace site: five bytes of NOP in the hot path, patched into a jump to the cold block when the event is on.
 * Cost while off: one instruction, no load, no branch taken.
 */
#pragma once

#include "base/types.h"

static inline __attribute__((always_inline)) bool trace_site(const uint64_t event)
{
    __asm__ goto("1: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n\t"
                 ".pushsection trace_sites, \"aw\"\n\t"
                 ".balign 8\n\t"
                 ".quad 1b, %l[on], %c0\n\t"
                 ".popsection"
                 :
                 : "i"(event)
                 :
                 : on);
    return false;
on:
    return true;
}

#define TRACE_SITE(event) UNLIKELY(trace_site(event))
