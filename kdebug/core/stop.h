/* SPDX-License-Identifier: MIT */
/* Stopping all cores and letting them go. The theory is in stop.c. */
#pragma once

#include "arch/frame.h"
#include "base/types.h"
#include "gen/layout.h"
#include "gen/trace_events.h"

/* What a core leaves for the master to read. (o) own core, before stopped_in is stored  (a)
 * atomic */
struct kd_stop_record {
    atomic_uint stopped_in;   /* (a) the stop that it stands still in, 0 none; see kd_stop_has() */
    atomic_uint owed;         /* (a) NMIs sent to this core that it has not taken */
    struct trap_frame *frame; /* (o) what it was doing; valid while kd_stop_has() */
    uint64_t cr0, cr2, cr3, cr4; /* (o) */
    tsc_t asked, captured;       /* (master, o) when its NMI was sent, when it came */
    tsc_t explained; /* (o) when the last NMI came whose source is known, or a stop ended */
    uint64_t nmis, redundant; /* (o) statistics */
    const char *message;      /* (o) why this core wanted to enter by itself, NULL: it did not */
    uint8_t reason;           /* (o) enum trace_kdebug_reason */
};
extern struct kd_stop_record kd_stop_records[CPU_MAX];

/* kd_stop_claim() - become master. False: another core is; then park with kd_stop_park(). Cost:
 * one locked instruction. */
bool kd_stop_claim(struct trap_frame *frame, enum trace_kdebug_reason reason, const char *message);

/* kd_stop_park() - if a stop of another core is in progress, wait here until it ends. False:
 * there was none. */
bool kd_stop_park(struct trap_frame *frame);

/* kd_stop_send_nmi() - one that its core will know to be ours. */
void kd_stop_send_nmi(unsigned cpu);

/* kd_stop_others() - the master stops all other cores that run, waits for them, at most
 * KD_STOP_MS. Mask of the missing ones. */
#define KD_STOP_MS 500u
uint32_t kd_stop_others(void);

/* kd_stop_has() - this core stands still in the present stop, so its record may be read. */
bool kd_stop_has(unsigned cpu);

/* kd_stop_missing() - which have not come yet. */
uint32_t kd_stop_missing(void);

/* kd_stop_us() - TSC ticks in microseconds, for people. */
uint64_t kd_stop_us(tsc_t ticks);

/* kd_stop_end() - the master lets everybody go, itself included. */
void kd_stop_end(void);

/* kd_stop_is_mine() / kd_stop_in_progress() - this core is master / another or this one is. */
bool kd_stop_is_mine(void);
bool kd_stop_in_progress(void);

/* kd_stop_nmi_is_expected() - count an NMI of this core; does a stop explain it? With explained: its
 * source is known, the serial line or the profiler. */
bool kd_stop_nmi_is_expected(bool explained);
