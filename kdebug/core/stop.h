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
    atomic_bool is_deaf; /* (a) set by 'self deaf': it stays in its next NMI, and answers nobody */
    const char *message; /* (o) why this core wanted to enter by itself, NULL: it did not */
    uint8_t reason;      /* (o) enum trace_kdebug_reason */
};
extern struct kd_stop_record kd_stop_records[CPU_MAX];

/* generation << 8 | core + 1 of the master, 0 nobody; for stop.c and for looking at a dump. A core stands still in this stop when
 * its record's stopped_in is of the same generation. */
extern atomic_uint kd_stop_word;
#define KD_STOP_MASTER_BITS 8u
#define KD_STOP_MASTER_MASK 0xffu

static inline unsigned kd_stop_master_of(unsigned word)
{
    return word & KD_STOP_MASTER_MASK;
}

/* Masters may follow each other in one stop. */
static inline bool kd_stop_is_same(unsigned word, unsigned other)
{
    return (word ^ other) >> KD_STOP_MASTER_BITS == 0;
}

/* kd_stop_claim() - become master. False: another core is; then park with kd_stop_park(). Cost:
 * one locked instruction. */
bool kd_stop_claim(struct trap_frame *frame, enum trace_kdebug_reason reason, const char *message);

enum kd_park {
    KD_PARK_NO_STOP, /* none was in progress: nothing has been done */
    KD_PARK_OVER,    /* it has ended */
    KD_PARK_MASTER,  /* this core has been made master of it */
};

/* kd_stop_park() - if a stop of another core is in progress, wait here until it ends, or is handed to this core. */
enum kd_park kd_stop_park(struct trap_frame *frame);

/* kd_stop_hand_over() - make another core, which stands still, master of this stop; then this one waits, as in kd_stop_park(). Does
 * not return KD_PARK_NO_STOP. */
enum kd_park kd_stop_hand_over(unsigned cpu);

/* kd_stop_send_nmi() - one that its core will know to be ours. */
void kd_stop_send_nmi(unsigned cpu);

/* kd_stop_others() - the master stops all other cores that run, waits for them, at most
 * KD_STOP_MS. Mask of the missing ones. */
#define KD_STOP_MS 500u
uint32_t kd_stop_others(void);

/* kd_stop_has() - this core stands still in the present stop, so its record may be read. */
bool kd_stop_has(unsigned cpu);

/* kd_stop_be_deaf() - on the way into each NMI: wait while this core is to play one that does not answer. */
void kd_stop_be_deaf(void);

/* kd_stop_now() - when the machine stood still: the last core's capture. It stays so until the stop ends, but for late cores. */
tsc_t kd_stop_now(void);

/* kd_stop_missing() - which have not come yet. */
uint32_t kd_stop_missing(void);

/* kd_stop_give_way() - outside of any stop: wait so long, that the others may run. Another stop may come and go meanwhile. */
#define KD_GIVE_WAY_US 1000u
void kd_stop_give_way(void);

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
