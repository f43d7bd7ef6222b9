/* SPDX-License-Identifier: MIT */
/*
 * The controller as a whole: reset and start, commands, events. Slots and transfers: slot.h.
 *
 * One thread does everything. What the controller says comes by xhci_serve(); who waits for something in particular calls it until that
 * has come, so events of other devices are taken meanwhile. Nothing that is called for an event waits.
 */
#pragma once

#include "userspace/drivers/xhci/hardware.h"
#include "userspace/drivers/xhci/ring.h"
#include "userspace/drivers/xhci/slot.h"

#define XHCI_PORTS_MAX 64u
#define XHCI_SLOTS_MAX 16u /* devices at a time */

struct xhci_memory; /* what the controller reads and writes: controller.c */

struct xhci {
    struct hardware *hardware;
    uint32_t operational, runtime, doorbells; /* where these registers begin */
    unsigned ports;
    unsigned context_bytes;
    struct dma_piece dma;
    struct xhci_memory *memory;
    struct ring commands;
    struct event_ring events;
    uint64_t command;      /* the one that is waited for; 0: none */
    struct trb answer;     /* to it, once command is 0 */
    uint64_t port_changes; /* a bit for each port that has to be looked at: port 1 is bit 0 */
    uint64_t strays;       /* events that nobody understood */
    bool is_broken;        /* it does not answer, or says so itself: only a reset helps */
    struct slot slots[XHCI_SLOTS_MAX]; /* [n] is slot n + 1 */
};

/*
 * xhci_start() - take the controller from the firmware or a driver before us, reset it, start it. Every port is to be looked at.
 * ERR_NOT_SUPPORTED; ERR_TIMED_OUT: it does not do what it is told; ERR_NO_MEMORY.
 */
status_t xhci_start(struct xhci *xhci, struct hardware *hardware);

/* xhci_stop() - it uses our memory no more. From any thread; what others do with it afterwards fails. */
void xhci_stop(const struct xhci *xhci);

/* xhci_serve() - take all events that have come; if there are none, wait for some until the deadline. */
void xhci_serve(struct xhci *xhci, uint64_t deadline);

/*
 * xhci_command() - one command, and its answer.
 * OK; ERR_PEER_CLOSED: the controller is broken; ERR_NOT_SUPPORTED: it refuses (answer->status says why).
 */
status_t xhci_command(struct xhci *xhci, uint64_t parameter, uint32_t control, struct trb *answer);

/* xhci_ring_doorbell() - there is something new in a ring: of a slot's endpoint. */
void xhci_ring_doorbell(const struct xhci *xhci, unsigned slot, unsigned dci);

/* xhci_port() / xhci_set_port() - the register of a port (port.h). */
uint32_t xhci_port(const struct xhci *xhci, unsigned port);
void xhci_set_port(const struct xhci *xhci, unsigned port, uint32_t value);

/* ---- for slot.c ---- */

/* xhci_input() - the input context, which is free. xhci_input_physical() - where the controller finds it. */
struct input_context xhci_input(const struct xhci *xhci);
uint64_t xhci_input_physical(const struct xhci *xhci);

/* xhci_slot_memory() - where a slot's rings and buffers lie. */
struct slot_memory *xhci_slot_memory(const struct xhci *xhci, unsigned slot,
                                     uint64_t *out_physical);

/* xhci_set_context() - tell where a slot's device context lies; 0: nowhere. */
void xhci_set_context(const struct xhci *xhci, unsigned slot, uint64_t physical);

/* xhci_control_buffer() - data of control transfers. */
void *xhci_control_buffer(const struct xhci *xhci, uint64_t *out_physical);
