/* SPDX-License-Identifier: MIT */
/* Operations of the system call trace_control, sets of events, conditions of trace_filter, which categories make sense together. */
#pragma once

#include <stdint.h>

#include "gen/trace_events.h"

#define TRACE_CONTROL_ENABLE                                                                       \
    0u /* value: mask of categories (TRACE_CATEGORY_*) to switch on; first: mask now on */
#define TRACE_CONTROL_DISABLE 1u /* value: mask of categories to switch off; first: mask now on */
#define TRACE_CONTROL_INFO    2u /* first: physical address of the region, second: its bytes */
#define TRACE_CONTROL_EXEMPT                                                                       \
    3u /* value 1: the calling thread is a trace consumer: of its own doings only thread
                                    switches and wake-ups are recorded; 0: no longer */
#define TRACE_CONTROL_TIMES                                                                        \
    5u /* value: 1 tell user and kernel time apart from now on, 0 no more; first: value now */
#define TRACE_CONTROL_PROFILE 4u /* value: samples per second of each busy core, 0 none */
#define TRACE_CONTROL_COLLECT 6u /* record what programs have written into their lanes */
#define TRACE_CONTROL_CLOCKS                                                                       \
    7u /* look whether the clocks of all cores agree; first: ticks that one may be off */
#define TRACE_CONTROL_CONSUMED                                                                     \
    8u /* value: lane << TRACE_CONSUMED_SHIFT | position: a consumer has all of a lane up to there */

#define TRACE_CONTROL_RINGS                                                                        \
    9u /* value: make the rings of all cores anew with so many bytes each, 2^n, 0 as many as there are; with TRACE_RINGS_OLDEST
          they keep the oldest events. What they hold is gone. first: bytes of each */

/* In the value of TRACE_CONTROL_RINGS. */
#define TRACE_RINGS_OLDEST 1u

/* The position in the value of TRACE_CONTROL_CONSUMED, up to which there is all of a lane. All ones: there is no consumer any more. */
#define TRACE_CONSUMED_SHIFT    48u
#define TRACE_CONSUMED_POSITION ((1ull << TRACE_CONSUMED_SHIFT) - 1)

/* Bit id % 64 of word id / 64: an event. */
#define TRACE_EVENTS_MAX 512u
struct trace_event_set {
    unsigned long bits[TRACE_EVENTS_MAX / 64];
};

/* What trace_events does: first these off, then those on. Events of the categories trace and life stay on. */
struct trace_event_change {
    struct trace_event_set off, on;
};

static inline int trace_event_set_has(const struct trace_event_set *set, unsigned event)
{
    return (int)(set->bits[event / 64] >> event % 64 & 1);
}

static inline void trace_event_set_put(struct trace_event_set *set, unsigned event, int is_in)
{
    unsigned long bit = 1ul << event % 64;
    set->bits[event / 64] = is_in ? set->bits[event / 64] | bit : set->bits[event / 64] & ~bit;
}

#define TRACE_CONDITIONS_MAX 4u

enum trace_compare {
    TRACE_COMPARE_EQUAL = 0,
    TRACE_COMPARE_NOT_EQUAL = 1,
    TRACE_COMPARE_BELOW = 2,
    TRACE_COMPARE_AT_MOST = 3,
    TRACE_COMPARE_ABOVE = 4,
    TRACE_COMPARE_AT_LEAST = 5,
};

enum trace_join {
    TRACE_JOIN_AND = 0, /* binds tighter than or; that of the first condition */
    TRACE_JOIN_OR = 1,
};

/* One comparison of a filter: field (its number in the event's list) against a value, joined to the one before. */
struct trace_condition {
    unsigned short field;
    unsigned char compare; /* enum trace_compare */
    unsigned char join;    /* enum trace_join */
    unsigned int reserved; /* 0 */
    unsigned long value;   /* a status: sign-extended */
};

/* Counting an event where it happens, in place of writing it: by the values of up to two fields, and of one more field sum and so on. */
#define TRACE_KEYS_MAX 2u
#define TRACE_ROWS_MAX 64u /* of each core; a power of two */
#define TRACE_BUCKETS  32u
#define TRACE_NO_FIELD 0xffu

/* What is asked for: fields by their number in the event's list. */
struct trace_grouping {
    uint8_t key[TRACE_KEYS_MAX]; /* TRACE_NO_FIELD: none */
    uint8_t value;               /* TRACE_NO_FIELD: only count */
};

/* For trace_count. */
struct trace_count_wish {
    struct trace_grouping grouping;
    uint8_t conditions; /* so many: only what matches is counted, the rest is not written either */
    uint32_t reserved;  /* 0 */
    struct trace_condition condition[TRACE_CONDITIONS_MAX];
};

/* What trace_counts gives: the bits of a first field stand above those of a second. */
struct trace_row {
    uint64_t key;
    uint64_t count; /* 0: the row is free */
    uint64_t sum, least, greatest;
    uint32_t
        bucket[TRACE_BUCKETS]; /* [0] zeros, [i] 2^(i-1) and more; the last one all above, too */
};

enum trace_action {
    TRACE_ACTION_MARK = 0,     /* nothing but the event trace.trigger, which every action writes */
    TRACE_ACTION_STOP = 1,     /* hold recording when `more` further events have been written */
    TRACE_ACTION_SNAPSHOT = 2, /* hold it now: the rings are kept as they are */
    TRACE_ACTION_KDEBUG = 3,   /* enter kdebug */
};

/* What came before: an event `first` with the same key. */
enum trace_relation {
    TRACE_RELATION_NONE = 0,
    TRACE_RELATION_LATER = 1, /* event comes more than `ns` after first */
    TRACE_RELATION_MISSING =
        2, /* event has not come `ns` after first; first itself is what is reported */
    TRACE_RELATION_BURST = 3, /* more than `count` of event within `ns`; there is no first */
};

#define TRACE_BURST_MAX 255u /* for count */

#define TRACE_KEY_THREAD 0xffu /* as a key: the thread that runs */

/* What trace_trigger asks for: something to happen when an event matches. Recording that is held goes on with the next
 * trace_events, also if that changes nothing. */
struct trace_trigger_wish {
    unsigned short event, first;                /* first: only if the relation has one */
    unsigned char action;                       /* enum trace_action */
    unsigned char relation;                     /* enum trace_relation */
    unsigned char conditions, first_conditions; /* how many */
    unsigned char key, first_key;               /* numbers of fields, or TRACE_KEY_THREAD */
    unsigned short count;                       /* TRACE_RELATION_BURST: 0 to TRACE_BURST_MAX */
    unsigned int
        process; /* only what its threads do, by process_id; 0: of any. Without a first only */
    unsigned long more, ns;
    struct trace_condition condition[TRACE_CONDITIONS_MAX], first_condition[TRACE_CONDITIONS_MAX];
};

/*
 * trace_with_threads() - categories as people mean them: what happens on a thread is drawn on that thread, and only its switches
 * tell which one that is. For whoever takes a choice of categories from a person; the system call takes masks as they are.
 */
static inline uint64_t trace_with_threads(uint64_t mask)
{
    const uint64_t on_threads =
        TRACE_CATEGORY_SYSCALL | TRACE_CATEGORY_FAULT | TRACE_CATEGORY_IPC | TRACE_CATEGORY_USER;
    return mask & on_threads ? mask | TRACE_CATEGORY_SCHED : mask;
}
