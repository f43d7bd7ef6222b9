/* SPDX-License-Identifier: MIT */
/*
 * Contexts: what the controller has to know of a device and its endpoints. Pure memory work.
 *
 * An input context is what a command takes: which contexts it brings, then these. A device context is the controller's own.
 *
 *     input    | what | slot | endpoint 1 | endpoint 2 ...       each 32 bytes, or 64 if the controller says so
 *
 * An endpoint's number there is its "dci": 2 * number, + 1 if it is for data from the device; 1 is the control endpoint.
 * Source: xHCI, "Device Context" and "Input Context".
 */
#pragma once

#include <stdint.h>

#define DCI_CONTROL           1u
#define DCI_MAX               31u
#define CONTEXTS              (DCI_MAX + 1u)
#define CONTEXT_BYTES_MAX     64u
#define CONTEXT_SLOT_BIT      1u
#define CONTEXT_ENDPOINT(dci) (1u << (dci))

enum endpoint_type { ENDPOINT_CONTROL = 4, ENDPOINT_INTERRUPT_IN = 7 };

struct endpoint_facts {
    enum endpoint_type type;
    unsigned max_packet; /* bytes */
    unsigned interval;   /* 125 us * 2^interval */
    uint64_t dequeue;    /* physical address of its ring, with the cycle bit */
};

/* Where a device is plugged in. */
struct slot_place {
    unsigned port, speed; /* of the controller */
    uint32_t
        route; /* ports of hubs on the way, four bits each, the first hub's lowest; 0: there are none */
    unsigned translator,
        translator_port; /* slot and port of the fast hub that a slower device is behind; 0: none */
};

struct slot_facts {
    struct slot_place place;
    unsigned last_dci;  /* of the endpoints that are configured */
    unsigned hub_ports; /* 0: it is no hub */
};

/* An input context that is being written. */
struct input_context {
    void *memory;
    unsigned stride; /* bytes of a context: 32 or 64 */
};

/* context_begin() - empty it, and say which contexts it brings (CONTEXT_SLOT_BIT, CONTEXT_ENDPOINT()). */
void context_begin(const struct input_context *input, uint32_t brings);
void context_set_slot(const struct input_context *input, const struct slot_facts *facts);
void context_set_endpoint(const struct input_context *input, unsigned dci,
                          const struct endpoint_facts *facts);

/* context_interval() - the exponent for what an interrupt endpoint's descriptor says, at a speed. */
unsigned context_interval(unsigned speed, unsigned said);

/* context_dci() - of an endpoint's address. */
unsigned context_dci(unsigned address);
