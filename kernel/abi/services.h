/* SPDX-License-Identifier: MIT */
/*
 * The table of services that init keeps, in its variable service_table: how kdebug knows of them. The kernel does not.
 */
#pragma once

#include <stdint.h>

#define SERVICES_MAGIC      0x7365636976726573ull
#define SERVICES_MAX        32u
#define SERVICES_NAME_BYTES 16u

enum service_state {
    SERVICE_IDLE,     /* nobody has needed it yet */
    SERVICE_RUNNING,  /* its process lives */
    SERVICE_WAITING,  /* it has failed and is started again at due_ns */
    SERVICE_STOPPING, /* it has been asked to stop and is killed at due_ns */
    SERVICE_STOPPED,  /* because it was asked to */
    SERVICE_ENDED,    /* by itself, well */
    SERVICE_GIVEN_UP, /* it has failed too often */
    SERVICE_STATES,
};

struct service_row {
    char name[SERVICES_NAME_BYTES];
    uint64_t process;  /* handle in init, 0: none */
    uint64_t since_ns; /* of this state */
    uint64_t due_ns;   /* of what is done next; 0: nothing */
    uint32_t state;
    uint32_t starts;   /* since the machine was started */
    uint32_t failures; /* in a row */
    uint32_t code;     /* of the last end */
    uint32_t fault;    /* vector + 1, 0: it ended by itself */
    uint32_t needs;    /* a bit for each row */
};

struct service_table {
    uint64_t magic;
    uint32_t count;
    uint32_t reserved;
    struct service_row row[SERVICES_MAX];
};
