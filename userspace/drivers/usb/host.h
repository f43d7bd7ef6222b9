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
 * Source: Universal Serial Bus Specification 2.0, "Connect and Disconnect Timing" (7.1.7.3). Context: one thread.
 */
#pragma once

#include "userspace/drivers/usb/device.h"

enum usb_port_state {
    USB_PORT_EMPTY,
    USB_PORT_SETTLING,
    USB_PORT_RESETTING,
    USB_PORT_RECOVERING,
    USB_PORT_IN_USE,
    USB_PORT_REFUSED,
};

struct usb_port {
    enum usb_port_state state;
    uint64_t due; /* when something is to be done; 0: never */
    unsigned tries;
    struct usb_device device;
};

struct usb_host {
    struct xhci *xhci;
    struct usb_port port[XHCI_PORTS_MAX];
    uint8_t locks; /* that the lamps are to show */
    uint8_t shown; /* that they were last told */
};

void usb_host_init(struct usb_host *host, struct xhci *xhci);

/* usb_host_set_locks() - LOCK_*; the lamps follow with the next step. */
void usb_host_set_locks(struct usb_host *host, uint8_t locks);

/* usb_host_step() - do what is to be done, then wait for what comes next. ERR_PEER_CLOSED: the controller is broken. */
status_t usb_host_step(struct usb_host *host);
