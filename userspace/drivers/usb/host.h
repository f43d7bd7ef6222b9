/* SPDX-License-Identifier: MIT */
/*
 * The ports: what is plugged in becomes a device, what is pulled out is none any more.
 *
 *     EMPTY --plugged in--> SETTLING --100 ms--> RESETTING --done--> RECOVERING --10 ms--> IN_USE
 *       ^                      ^                                          |
 *       |                      +----------- fails, up to three times -----+---> REFUSED
 *       +-- pulled out, from everywhere
 *
 *   P1  A device is attached at the sink if and only if its port is IN_USE.
 *   P2  A port that has lost its connection, if only for a moment, has another device.
 *
 *   P3  What is behind a hub is gone before the hub is.
 *
 * Ports of hubs do the same; where the controller tells of its own, the hub's interrupt endpoint tells of those.
 *
 * Source: Universal Serial Bus Specification 2.0, "Connect and Disconnect Timing" (7.1.7.3). Context: one thread.
 */
#pragma once

#include "userspace/drivers/usb/hub.h"

struct usb_host {
    struct xhci *xhci;
    struct usb_port port[XHCI_PORTS_MAX];
    struct usb_hub hub[USB_HUBS_MAX];
    uint8_t locks; /* that the lamps are to show */
    uint8_t shown; /* that they were last told */
};

void usb_host_init(struct usb_host *host, struct xhci *xhci);

/* usb_host_next() - all ports, those of hubs too, one after the other; NULL: the first. Returns NULL behind the last. */
struct usb_port *usb_host_next(struct usb_host *host, const struct usb_port *port);

/* usb_host_set_locks() - LOCK_*; the lamps follow with the next step. */
void usb_host_set_locks(struct usb_host *host, uint8_t locks);

/* usb_host_step() - do what is to be done, then wait for what comes next. ERR_PEER_CLOSED: the controller is broken. */
status_t usb_host_step(struct usb_host *host);
