/* SPDX-License-Identifier: MIT */
/* What a core's ftrace bundle collects until it is written. */
#pragma once

#include "util.h"

struct packed {
    uint8_t *at; /* end of what is in it */
    uint8_t *start;
};

struct bundle_comm {
    uint32_t tid;
    uint32_t index; /* + 1; 0: empty */
};

#define BUNDLE_COMMS 256u

struct bundle {
    bool begun;            /* the sequence of this core has been set up */
    unsigned reasons_sent; /* of perfetto.reason, on this sequence */
    bool has_lost;         /* events are missing before or in it */
    unsigned uses_left;    /* rows and events that find room */
    uint64_t last_switch_ns;
    uint64_t last_waking_ns;
    unsigned comms;
    struct packed events; /* FtraceEvent messages, with their tags */
    struct packed switch_time;
    struct packed switch_state;
    struct packed switch_pid;
    struct packed switch_prio;
    struct packed switch_comm;
    struct packed waking_time;
    struct packed waking_pid;
    struct packed waking_cpu;
    struct packed waking_prio;
    struct packed waking_comm;
    struct packed waking_flags;
    struct packed comm_table; /* encoded strings, with their tags */
    struct bundle_comm comm_of
        [BUNDLE_COMMS]; /* by tid modulo their number; a collision only costs a second copy of a name */
    uint8_t *memory;
};

/* An encoded piece of a message, copied whole and then cut to its length: cheaper than copying by length. */
#define BLOB_BYTES 32
struct blob {
    uint8_t bytes[BLOB_BYTES];
    uint8_t count; /* 0: not made yet */
};
