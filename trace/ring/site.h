/* SPDX-License-Identifier: MIT */
/*
 * A trace site: five bytes of NOP in the hot path, patched into a jump to one of two cold blocks when the event is on:
 * one writes the record, one asks the hook of the event first (hook.h).
 * Cost while off: one instruction, no load, no branch taken.
 */
#pragma once

/* Behind a label: gcc moves the block out of the way. clang, which only checks this code, knows no such labels. */
#ifdef __clang__
#define TRACE_COLD_LABEL
#else
#define TRACE_COLD_LABEL __attribute__((cold))
#endif

/* NOLINTBEGIN(bugprone-macro-parentheses): labels cannot have any */
/* TRACE_SITE() - goes on behind it while the event is off, else to label on_ or hooked_. Those are cold. */
#define TRACE_SITE(event_, on_, hooked_)                                                           \
    __asm__ goto("1: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n\t"                                       \
                 ".pushsection trace_sites, \"aw\"\n\t"                                            \
                 ".balign 8\n\t"                                                                   \
                 ".quad 1b, %l[" #on_ "], %l[" #hooked_ "], %c0\n\t"                               \
                 ".popsection"                                                                     \
                 :                                                                                 \
                 : "i"(event_)                                                                     \
                 :                                                                                 \
                 : on_, hooked_)
/* NOLINTEND(bugprone-macro-parentheses) */
