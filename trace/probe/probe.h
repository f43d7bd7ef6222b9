/* SPDX-License-Identifier: MIT */
/*
 * Probes: record some values whenever the kernel comes by an instruction of one's choice.
 *
 *     text      ... | INT3 ... rest of the instruction | next instruction ...
 *                      |                                   ^
 *                      v  #BP: probe.hit is written; rip   |
 *     slot      the instruction, moved | jmp next ---------+
 *
 * The instruction itself is executed elsewhere, so text changes by one byte, nobody is stopped and no second exception (a single
 * step) is taken: a jump behind the copy leads back. Rejected: taking the INT3 out for a step, during which other cores pass
 * unseen; a jump in place of the instruction, which needs five bytes nobody jumps into, so works in few places;
 * executing the instruction in software.
 *
 * On the entry of a function that can be traced, registers are recorded without an exception: the room in front of it jumps to
 * code in the slot that calls the recorder (arch/function_probe.h). What needs memory or rsp takes the INT3 there, too.
 *
 * O1  There is a probe only where it harms nobody: in functions that can be traced (arch/function_patch.h: not the recorder,
 *     kdebug, entry code or what NMI handlers use), at the start of an instruction that can be moved, on no
 *     trace site or breakpoint, and with an INT3 not on the entry of a traced function. probe_plan() says which of these fails.
 * O2  Text and slot change in a rendezvous (text_patch.h). A core that interrupts were open on may still be in a slot then; so
 *     slots are used in turn, and code that opens interrupts has no probes.
 * O3  An INT3 is of NMI class: its record goes to the NMI lane. Memory is read by kdebug's page walk, which cannot fault. A call
 *     is none, and records where the function is executed: the lane of the running context, which an NMI exchanges.
 */
#pragma once

#include "arch/cpu.h"
#include "arch/frame.h"
#include "base/types.h"
#include "gen/layout.h"

#define PROBES_MAX          CPU_PROBES
#define PROBE_ARGUMENTS_MAX 4u
#define PROBE_LOADS_MAX     3u
#define PROBE_NAME_BYTES    20u
#define PROBE_PLACE_BYTES   48u

/* A register, or what it points to: each load adds an offset and follows. */
struct probe_argument {
    char name[PROBE_NAME_BYTES];
    uint8_t reg; /* word of struct trap_frame */
    uint8_t loads;
    uint8_t bytes; /* of the last load; those before are pointers */
    bool is_signed;
    uint32_t offset[PROBE_LOADS_MAX];
};

struct probe {
    vaddr_t address; /* 0: none */
    char place[PROBE_PLACE_BYTES];
    bool by_call; /* no INT3 */
    unsigned arguments;
    struct probe_argument argument[PROBE_ARGUMENTS_MAX];
}; /* how often it was hit: struct cpu, probe_hits[] */

extern struct probe probes[PROBES_MAX];

/*
 * probe_plan() - understand "PLACE [ARGUMENT]...", with blanks or commas between.
 *
 *     PLACE     SYMBOL or SYMBOL+OFFSET
 *     ARGUMENT  [NAME=]REGISTER or [NAME=]REGISTER:STRUCT.MEMBER[.MEMBER]..., which the register points to
 *
 * Returns NULL, or why there cannot be such a probe (a static text).
 * Context: any, interrupts off; the symbols of kdebug are in use.
 */
const char *probe_plan(const char *text, size_t length, struct probe *out);

/*
 * probe_set() - from now on it records. *out_number: of it in the table, and in its records.
 *
 * ERR_BUSY there is one, a breakpoint, or its function is traced; ERR_NO_MEMORY; ERR_NOT_SUPPORTED the instruction cannot be moved.
 * Switches the event probe.hit on.
 * Context: as trace_events_change().
 */
status_t probe_set(const struct probe *plan, unsigned *out_number) MUST_CHECK;

/* probe_clear() - take it away. ERR_NOT_FOUND. Context: as above. */
status_t probe_clear(unsigned number) MUST_CHECK;

/* probe_hit() - a #BP of the kernel. False: not one of these. Else the frame goes on in the slot. Context: NMI class. */
bool probe_hit(struct trap_frame *frame);
