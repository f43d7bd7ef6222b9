/* SPDX-License-Identifier: MIT */
/*
 * A slot: a device as the controller knows it, its endpoints, transfers.
 *
 *     enabled --slot_address()--> addressed --slot_configure()--> with an interrupt endpoint --slot_close()--> free
 *
 * An endpoint that has had an error stands still until slot_repair(), which is not for those who are called for an event.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"
#include "userspace/drivers/xhci/context.h"
#include "userspace/drivers/xhci/ring.h"

#define CONTROL_BYTES_MAX    512u
#define SLOT_INTERRUPTS_MAX  2u  /* interrupt endpoints: keyboard and mouse in one device */
#define INTERRUPT_PACKET_MAX 64u /* of a device that speaks a boot protocol */
#define INTERRUPT_BUFFERS    4u  /* that wait for reports */
#define SLOT_RING_TRBS       16u
#define SLOT_ERRORS_MAX      3u /* in a row, then a device is given up */

struct xhci;
struct slot;

/* What the controller reads and writes for a slot: a page. */
struct slot_memory {
    uint8_t context[CONTEXTS * CONTEXT_BYTES_MAX];
    struct trb control[SLOT_RING_TRBS];
    struct trb interrupt[SLOT_INTERRUPTS_MAX][SLOT_RING_TRBS];
    uint8_t reports[SLOT_INTERRUPTS_MAX][INTERRUPT_BUFFERS][INTERRUPT_PACKET_MAX];
} __attribute__((aligned(4096)));

/* Called with what an endpoint has sent. May not wait for the controller. */
typedef void (*slot_report_fn)(struct slot *slot, unsigned endpoint, const uint8_t *report,
                               unsigned bytes);

struct slot_interrupt {
    unsigned dci; /* 0: there is none */
    unsigned max_packet;
    struct ring ring;
    uint8_t buffer_of[SLOT_RING_TRBS]; /* which buffer a block of the ring is for */
    bool is_halted;
    unsigned errors; /* in a row */
};

struct slot {
    struct xhci *xhci;
    unsigned number; /* 0: free */
    struct slot_place place;
    unsigned last_dci;
    bool is_closing; /* what still comes means nothing any more, and nothing is asked for */
    struct ring control;
    uint64_t waits_for; /* block of the control transfer that is under way; 0: it is done */
    unsigned completion;
    struct slot_interrupt interrupt[SLOT_INTERRUPTS_MAX];
    slot_report_fn report;
    void *owner; /* of the report function */
};

/* A request to a device. Source: Universal Serial Bus Specification 2.0, "USB Device Requests". */
struct usb_request {
    uint8_t type, request;
    uint16_t value, index, bytes;
};

/* slot_open() - a slot for what is plugged in somewhere; the port is enabled. ERR_NO_MEMORY: there is none free; what xhci_command() gives. */
status_t slot_open(struct xhci *xhci, const struct slot_place *place, struct slot **out);

/* slot_address() - give the device its address, the control endpoint having this packet size. */
status_t slot_address(struct slot *slot, unsigned max_packet);

/* slot_set_packet() - the control endpoint's packet size turns out to be another. */
status_t slot_set_packet(struct slot *slot, unsigned max_packet);

/* An interrupt endpoint, as its descriptor says. */
struct slot_endpoint {
    uint8_t address;
    uint16_t max_packet;
    uint8_t interval;
};

/* slot_configure() - these endpoints are used; `report` is called with what comes once slot_listen() was. */
status_t slot_configure(struct slot *slot, const struct slot_endpoint *endpoints, unsigned count);

/* slot_set_hub() - it is a hub, with so many ports; after slot_configure(). */
status_t slot_set_hub(struct slot *slot, unsigned ports);

void slot_listen(struct slot *slot, slot_report_fn report, void *owner);

/*
 * slot_control() - a request on the control endpoint, and its data: request->bytes to or from `data`, at most CONTROL_BYTES_MAX.
 * OK; ERR_NOT_SUPPORTED: the device refuses (a stall); ERR_CORRUPT: babble, or it cannot be understood; ERR_TIMED_OUT: it does not
 * answer; ERR_PEER_CLOSED: it was unplugged, or the controller is broken.
 */
status_t slot_control(struct slot *slot, const struct usb_request *request, void *data);

/* slot_needs_repair() - an interrupt endpoint stands still. slot_repair() - let it go on. ERR_CORRUPT: there were too many errors in a row. */
bool slot_needs_repair(const struct slot *slot);
status_t slot_repair(struct slot *slot);

/* slot_close() - the device is gone, or nobody wants it. */
void slot_close(struct slot *slot);

/* slot_take_event() - of a transfer, for controller.c. False: it means nothing. */
bool slot_take_event(struct slot *slot, const struct trb *event);
