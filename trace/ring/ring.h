/* SPDX-License-Identifier: MIT */
/*
 * The recorder: setting up, and records of any length: reserve, write, commit. Layout and invariants L1 to L3
 * are in layout.h, the short way of short records in write.h.
 *
 * The caller is the only producer of its lane: kernel code runs with interrupts off, and NMI-class entry stubs put
 * another lane into this core's per-core data before anything else. So there is no atomic, no retry and no loop: reserve looks whether
 * the record fits into the sub-buffer, commit reads the clock, stores the header, then the position.
 */
#pragma once

#include "arch/cpu.h"
#include "base/types.h"
#include "trace/ring/layout.h"
#include "trace/ring/switch.h"
#include "trace/ring/write.h"

struct handoff;

/* trace_init() - set the region up with one normal and one NMI lane per core (max_cpus, before the cores are counted: as many as
 * fit) and the meta lane. First thing kernel_main does after the serial line: needs no allocator. No region: events go nowhere. */
void trace_init(const struct handoff *handoff);
/* trace_set_clock() - tell the region the clock relation, once it is known. */
void trace_set_clock(uint64_t tsc_khz, tsc_t tsc, ns_t ns);

/* trace_set_offsets() - record what the newest look at the clocks of all cores said (arch/clock_sync.h). */
void trace_set_offsets(void);
void trace_set_cpus(unsigned count);

/* trace_region_get() - the region, NULL if there is none; for the export and kdebug. */
struct trace_region *trace_region_get(void);
paddr_t trace_region_physical(void);

/* trace_previous_get() - the region of the boot before, as a reset found it; NULL: there is none. Nothing in it can be relied on. */
struct trace_region *trace_previous_get(void);

/* trace_user_physical() - memory for the lane number index of a program, USER_TRACE_BYTES; 0: there is none. */
paddr_t trace_user_physical(unsigned index);

/* trace_lane_exempt() - the lane that takes nothing: position == limit for ever. */
struct trace_lane *trace_lane_exempt(void);
/* trace_lane_nested() - the lane of an NMI-class handler that interrupted another: takes nothing, counts lost_nested. */
struct trace_lane *trace_lane_nested(unsigned cpu);

/* trace_advance() - the record does not fit: pad, begin the next sub-buffer. NULL: no room (keep-oldest, exempt). */
uint64_t *trace_advance(struct trace_lane *lane, unsigned bytes);

static inline uint64_t *trace_reserve(struct trace_lane *lane, unsigned bytes)
{
    uint64_t position = lane->position;
    if (UNLIKELY(position + bytes > lane->limit)) {
        return trace_advance(lane, bytes);
    }
    return (uint64_t *)(lane->window + position);
}

static inline void trace_commit(struct trace_lane *lane, uint64_t *record, unsigned bytes,
                                uint64_t header)
{
    record[0] = cpu_tsc() << TRACE_TIME_SHIFT | header;
    trace_publish(lane, bytes);
}

/* trace_sync() - a record with the full TSC in this core's normal lane, when the lane may have been silent for long. */
void trace_sync(void);

/* trace_keep_time() - the same for the lane of an NMI-class context, only if it has been silent for so long that the low bits of a
 * record's time would be ambiguous. On entry to the class, and before kdebug writes again after it waited for its user. */
void trace_keep_time(struct trace_lane *lane);

/*
 * trace_rings_lay() - make the rings of all normal lanes anew.
 *
 * @bytes         of each: a power of two of at least 2 * TRACE_SUBBUF_BYTES; 0: as many as there is memory for
 * @wants_oldest  from now on they keep what comes first, and count what comes when they are full; else the newest
 *
 * What they hold is gone, and counts as overwritten (L6). ERR_BAD_ARGUMENT: no such size; ERR_NO_MEMORY: more than the region has,
 * or there is none. Nothing has changed then.
 * Context: no emitter of a normal lane is at work on any core: see trace_rings_make().
 */
status_t trace_rings_lay(uint64_t bytes, bool wants_oldest) MUST_CHECK;

/* trace_rings_make() - the same while all run. Context: thread, no lock held; stops the cores for a moment. */
status_t trace_rings_make(uint64_t bytes, bool keeps_oldest) MUST_CHECK;

/* trace_keep_oldest() - what trace_rings_lay() says about it, for rings that are there and have not been full. Context: as that. */
void trace_keep_oldest(void);

/* trace_rings_bytes() - of each ring that was made last; 0: there is none. */
uint64_t trace_rings_bytes(void);

/* trace_tell_losses() - a record of what could not be written to this lane since the last time, if there is anything (L5). For NMI-class
 * handlers that nobody is inside of any more. Context: the lane's producer. */
void trace_tell_losses(struct trace_lane *lane);

/* trace_meta_write() - a record of the meta lane, full header but time; takes the META lock. */
void trace_meta_write(uint64_t header, const uint64_t *words, unsigned count);

/* trace_events_total() - records written since start, all lanes together; those of other cores may be a little late. */
uint64_t trace_events_total(void);

/*
 * trace_consumed() - a consumer says that it has all of a lane up to a position, which is the start of a sub-buffer.
 *
 * For the account of itself that the recorder keeps (L4 in layout.h), nothing else: nobody waits for a consumer. Of
 * several the last one counts. TRACE_CONSUMED_POSITION: there is none any more.
 * ERR_BAD_ARGUMENT: no such lane, or nothing was written there yet. Context: any.
 */
status_t trace_consumed(unsigned lane, uint64_t position) MUST_CHECK;

/* trace_finished_total() - sub-buffers finished since start, all lanes together. */
uint64_t trace_finished_total(void);
