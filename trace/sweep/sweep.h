/* SPDX-License-Identifier: MIT */
/*
 * The interruption sweep: proof by exhaustion that a record is whole and in its place whatever
 * interrupts its emitter, wherever. `kdebug> selftest trace` runs it.
 *
 * For every event that has an emitter, with random values, and for three places in the lane (room
 * enough; the record fits exactly; one word is missing, so a sub-buffer ends), the emitter is
 * executed
 *   once   undisturbed, for comparison
 *   once   in single steps: the #DB after each instruction emits the same event into the NMI lane,
 *          and an int3 inside of it once more into the nested lane, which must count a loss
 *   often  with one interruption each, at the first, second, third ... instruction: by an NMI of
 *          the local APIC's timer where that counts instructions (QEMU with -icount), else by a
 *          #DB
 *   and    where the timer counts, with an interrupt at each of them that may be masked
 * and so are the three ways through a hook: passed, refused, counted; and the thunks that record calls of traced functions and
 * hits of probes.
 *
 * All of it happens in lanes of its own (W1), so nothing of it is in the trace.
 *
 * W1  While the emitter runs, the running core's lanes in struct cpu are the sweep's. An NMI-class
 *     entry that is not the sweep's (a person's BREAK) gets the real ones back, and that run is
 *     repeated. Two NMIs that come together are one: those of the timer give the lanes back, too,
 *     and everybody looks whether it was theirs.
 * W2  A reader at the moment of the interruption sees the record completely or not at all.
 * W3  Afterwards the lane has the record, once, as in the undisturbed run but for its time, and
 *     every count is exact: events, losses, first_event of a sub-buffer that was begun.
 * W4  Times: each record's lies within the run; a record that a reader could see when another was
 *     begun is not younger than that one; those of one lane do not decrease.
 * W5  An interrupt that may be masked waits until the emitter is over, and is taken then.
 */
#pragma once

#include "arch/frame.h"
#include "base/types.h"

struct trace_sweep_result {
    unsigned events;      /* kinds that were emitted */
    unsigned thunks;      /* of functions and probes */
    unsigned boundaries;  /* places between two instructions, all kinds and ways together */
    unsigned interrupted; /* runs with one interruption */
    unsigned held;        /* with one that had to wait */
    unsigned repeated;    /* runs that something else disturbed */
    bool by_nmi;          /* those by NMIs of the timer; else by #DB */
    const char *wrong;    /* what does not hold; NULL: nothing */
    unsigned event;       /* of what is wrong: which one, interrupted after how many instructions */
    unsigned boundary;    /* 0: not at all, or after each */
};

/*
 * trace_sweep_run() - sweep on this core.
 *
 * False: it could not be done, result->wrong says why, or something does not hold. Context: no lock
 * held, interrupts off; serves core_poll() between runs. One core at a time. Cost: about 10^8
 * instructions.
 */
bool trace_sweep_run(struct trace_sweep_result *result);

/*
 * trace_sweep_caught() - an interruption of the sweep's own making. Context: NMI class, before
 * anybody else looks; others must look at an NMI nevertheless. Cost while nobody sweeps: one load.
 */
bool trace_sweep_caught(const struct trap_frame *frame);
