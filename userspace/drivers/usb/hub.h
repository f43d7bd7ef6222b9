/* SPDX-License-Identifier: MIT */
/*
 * Hubs, and what is the same of all ports: those of the controller and those of hubs.
 *
 * A hub says by its interrupt endpoint which of its ports have changed, and by requests what they are. Read here, its ports look as the
 * controller's own do (xhci/port.h). A request that fails reads as a port where nothing is plugged in.
 *
 * Only hubs of USB 2 and 1.1: those of USB 3 have other requests, and in each of their boxes there is one of USB 2, too.
 *
 * Source: Universal Serial Bus Specification 2.0, "Hub Specification" (chapter 11).
 */
#pragma once

#include "userspace/drivers/usb/device.h"

#define USB_HUBS_MAX      4u
#define USB_HUB_PORTS_MAX 8u /* of more only the first are used */
#define USB_HUBS_DEEP     5u /* one behind the other */
#define USB_NAME_BYTES    24u

enum usb_port_state {
    USB_PORT_EMPTY,
    USB_PORT_SETTLING,
    USB_PORT_RESETTING,
    USB_PORT_RECOVERING,
    USB_PORT_IN_USE,
    USB_PORT_REFUSED,
};

struct usb_port {
    struct usb_hub *hub; /* NULL: a port of the controller */
    unsigned number;     /* there, from 1 */
    enum usb_port_state state;
    uint64_t due; /* when something is to be done; 0: never */
    unsigned tries;
    unsigned speed; /* of what is plugged in, or was last */
    struct usb_device device;
};

struct usb_hub {
    struct xhci *xhci;
    struct usb_port *at; /* where it is plugged in; NULL: no hub */
    unsigned ports;
    uint32_t changes; /* a bit for each port, 1 << number */
    struct usb_port port[USB_HUB_PORTS_MAX];
};

/*
 * usb_hub_open() - let a hub, whose device is open, have its ports: all are switched on and changed. What slot_control() gives; ERR_CORRUPT;
 * ERR_NOT_SUPPORTED: too many behind each other.
 */
status_t usb_hub_open(struct usb_hub *hub, struct xhci *xhci, struct usb_port *at);

/* usb_port_place() - of what is plugged in there, at this speed. */
struct slot_place usb_port_place(const struct usb_port *port, unsigned speed);

/* usb_port_name() - "3", or "3.2" for the second port of the hub at port 3. Returns out. */
const char *usb_port_name(const struct usb_port *port, char out[USB_NAME_BYTES]);

/* usb_port_route() - the numbers of hubs' ports on the way, four bits each, the lowest first. */
uint32_t usb_port_route(const struct usb_port *port);
unsigned usb_port_root(const struct usb_port *port);

/* usb_port_read() - PORT_* (xhci/port.h). The others change one thing, given what was read. */
uint32_t usb_port_read(struct xhci *xhci, const struct usb_port *port);
void usb_port_acknowledge(struct xhci *xhci, const struct usb_port *port, uint32_t status);
void usb_port_reset(struct xhci *xhci, const struct usb_port *port, uint32_t status);
void usb_port_disable(struct xhci *xhci, const struct usb_port *port);
