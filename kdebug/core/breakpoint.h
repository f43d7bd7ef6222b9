/* SPDX-License-Identifier: MIT */
/*
 * Breakpoints and watchpoints: the table, and what a hit means. How they get into the machine is
 * run.c's business.
 */
#pragma once

#include "base/types.h"
#include "kdebug/remote/agent.h"

#define KD_BREAKS_MAX      96u
#define KD_HARDWARE_MAX    4u
#define KD_CONDITION_BYTES 80u
#define KD_ANY_CPU         UINT16_MAX

enum kd_break_kind {
    KD_BREAK_CODE,    /* INT3 in kernel text */
    KD_BREAK_EXECUTE, /* the others use the processor's four debug registers */
    KD_BREAK_WRITE,
    KD_BREAK_ACCESS,
    KD_BREAK_IO,
};

struct kd_breakpoint {
    bool is_used, is_enabled;
    bool is_temporary;  /* goes with its first stop */
    bool is_for_step;   /* made by next, out, until: goes with any stop */
    bool is_for_remote; /* gdb's */
    uint8_t kind;
    uint8_t bytes;     /* of what is watched */
    uint16_t cpu;      /* KD_ANY_CPU, or only there */
    uint32_t tid, pid; /* 0: any */
    uint64_t address;
    uint64_t above;      /* only with a higher rsp: the frame that wanted it, not a deeper one */
    uint64_t hits, skip; /* those that counted; how many of the first not to stop at */
    char condition[KD_CONDITION_BYTES];    /* an expression, "" always */
    struct kd_agent_code remote_condition; /* gdb's */
    struct kd_agent_code remote_commands;  /* gdb's: to be run in place of a stop */
    char commands[KD_CONDITION_BYTES];     /* a line to run at a stop, "" none */
};

/* Who ran into it. */
struct kd_hit {
    unsigned cpu;
    uint32_t tid, pid;
    uint64_t rsp;
};

/*
 * kd_breakpoint_add() - a new one, enabled, for everybody. Returns its number from 1.
 *
 * Returns 0 with *out_why if it cannot be: no room, or `address` is where no breakpoint may be.
 */
unsigned kd_breakpoint_add(enum kd_break_kind kind, uint64_t address, unsigned bytes,
                           const char **out_why);

/* kd_breakpoint() - by number; NULL: there is none. */
struct kd_breakpoint *kd_breakpoint(unsigned number);

void kd_breakpoint_remove(struct kd_breakpoint *breakpoint);

/* kd_breakpoint_at() - number of the next enabled one of INT3 at an address behind `after`, 0:
 * none. */
unsigned kd_breakpoint_at(uint64_t address, unsigned after);

/* kd_breakpoint_is_executed() - of one of the kinds that stop before an instruction is executed. */
static inline bool kd_breakpoint_is_executed(const struct kd_breakpoint *breakpoint)
{
    return breakpoint->kind == KD_BREAK_CODE || breakpoint->kind == KD_BREAK_EXECUTE;
}

/* kd_breakpoint_hardware() - number of the one in debug register `slot`, 0: none. */
unsigned kd_breakpoint_hardware(unsigned slot);

/*
 * kd_breakpoint_stops() - count a hit, if it is one for this core, thread and process and its
 * condition holds; does it end the run? A condition that cannot be evaluated does.
 */
bool kd_breakpoint_stops(struct kd_breakpoint *breakpoint, const struct kd_hit *hit);

/* kd_breakpoint_refusal() - why no breakpoint may be there; NULL: one may. */
const char *kd_breakpoint_refusal(enum kd_break_kind kind, uint64_t address, unsigned bytes);
