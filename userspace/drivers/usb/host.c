/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/usb/host.h"

#include <stddef.h>

#include "userspace/drivers/usb/sink.h"
#include "userspace/drivers/xhci/port.h"

#define NS_PER_MS   1000000ull
#define SETTLE      (100 * NS_PER_MS)
#define RESET_LIMIT (1000 * NS_PER_MS)
#define RECOVER     (10 * NS_PER_MS)
#define TRIES_MAX   3u

void usb_host_init(struct usb_host *host, struct xhci *xhci)
{
    *host = (struct usb_host){.xhci = xhci};
    for (unsigned i = 0; i < XHCI_PORTS_MAX; i++) {
        host->port[i].number = i + 1;
    }
}

void usb_host_set_locks(struct usb_host *host, uint8_t locks)
{
    host->locks = locks;
}

static struct usb_port *first_behind(struct usb_host *host, unsigned hub)
{
    for (; hub < USB_HUBS_MAX; hub++) {
        if (host->hub[hub].at != NULL && host->hub[hub].ports > 0) {
            return &host->hub[hub].port[0];
        }
    }
    return NULL;
}

struct usb_port *usb_host_next(struct usb_host *host, const struct usb_port *port)
{
    if (port == NULL) {
        return &host->port[0];
    }
    if (port->hub != NULL) {
        struct usb_hub *hub = port->hub;

        return port->number < hub->ports ? &hub->port[port->number]
                                         : first_behind(host, (unsigned)(hub - host->hub) + 1);
    }
    return port->number < host->xhci->ports ? &host->port[port->number] : first_behind(host, 0);
}

static void enter_state(struct usb_port *port, enum usb_port_state state, uint64_t after)
{
    port->state = state;
    port->due = after != 0 ? hardware_now() + after : 0;
}

static struct usb_hub *hub_at(struct usb_host *host, const struct usb_port *port)
{
    for (unsigned i = 0; i < USB_HUBS_MAX; i++) {
        if (host->hub[i].at == port) {
            return &host->hub[i];
        }
    }
    return NULL;
}

/* P1, P3. A hub's hubs go first: a hub that has been dropped is found no more, so this ends. */
static void drop_device(struct usb_host *host, struct usb_port *port)
{
    struct usb_hub *hub = port->device.is_hub ? hub_at(host, port) : NULL;
    unsigned device = port->device.number;

    for (unsigned i = 0; hub != NULL && i < hub->ports; i++) {
        if (hub->port[i].state == USB_PORT_IN_USE) {
            drop_device(host, &hub->port[i]);
        }
    }
    if (hub != NULL) {
        *hub = (struct usb_hub){0};
    }
    bool was_hub = port->device.is_hub;
    usb_device_close(&port->device);
    if (!was_hub) {
        usb_sink_detach(device);
    }
}

/* ---- what is plugged in ---- */

static const char *describe(const struct usb_device *device)
{
    static const char *const names[] = {"nothing", "keyboard", "mouse", "keyboard and mouse"};

    return names[usb_device_has(device) & (INPUT_HAS_KEYBOARD | INPUT_HAS_MOUSE)];
}

static void note_refusal(const struct usb_port *port, const struct usb_device *device)
{
    char name[USB_NAME_BYTES];
    const struct usb_interface *first = &device->configuration.interface[0];
    const char *why = device->facts.device_class == USB_CLASS_HUB
                          ? "hubs like this are not supported"
                      : first->interface_class == USB_CLASS_HID ? "it has no boot protocol"
                                                                : "nobody drives it";

    usb_sink_note(
        "port %s: %04x:%04x of class %u left alone: %s", usb_port_name(port, name),
        device->facts.vendor, device->facts.product,
        device->facts.device_class != 0 ? device->facts.device_class : first->interface_class, why);
}

static void try_again(struct usb_host *host, struct usb_port *port, status_t status)
{
    char name[USB_NAME_BYTES];

    if (status == ERR_PEER_CLOSED) { /* pulled out, which will be told, or the controller's end */
        enter_state(port, USB_PORT_EMPTY, 0);
        host->xhci->port_changes |= 1ull << (usb_port_root(port) - 1);
    } else if (++port->tries < TRIES_MAX) {
        enter_state(port, USB_PORT_SETTLING, SETTLE);
    } else {
        usb_sink_note("port %s: given up: %s", usb_port_name(port, name), status_name(status));
        enter_state(port, USB_PORT_REFUSED, 0);
    }
}

/* ERR_TABLE_FULL: there are too many. */
static status_t open_hub(struct usb_host *host, struct usb_port *port)
{
    struct usb_hub *hub = hub_at(host, NULL);
    status_t status = hub != NULL ? usb_hub_open(hub, host->xhci, port) : ERR_TABLE_FULL;

    if (status != OK) {
        drop_device(host, port);
    }
    return status;
}

static void note_device(const struct usb_port *port, unsigned speed)
{
    const struct usb_device *device = &port->device;
    char name[USB_NAME_BYTES];

    usb_sink_note("port %s: %s speed %s %04x:%04x", usb_port_name(port, name),
                  port_speed_name(speed), device->is_hub ? "hub" : describe(device),
                  device->facts.vendor, device->facts.product);
}

static void open_device(struct usb_host *host, struct usb_port *port)
{
    unsigned speed = port->speed = PORT_SPEED(usb_port_read(host->xhci, port));
    const struct slot_place place = usb_port_place(port, speed);
    status_t status = speed != 0 ? usb_device_open(&port->device, host->xhci, &place) : ERR_CORRUPT;

    if (status == OK && port->device.is_hub) {
        status = open_hub(host, port);
    }
    if (status == OK) {
        enter_state(port, USB_PORT_IN_USE, 0);
        note_device(port, speed);
    } else if (status == ERR_NOT_FOUND) {
        note_refusal(port, &port->device);
        enter_state(port, USB_PORT_REFUSED, 0);
    } else {
        try_again(host, port, status);
    }
}

/* ---- ports ---- */

static void take_connected(struct usb_host *host, struct usb_port *port, uint32_t status)
{
    if (port->state == USB_PORT_EMPTY || (status & PORT_CHANGED_CONNECTION)) {
        port->tries = 0;
        enter_state(port, USB_PORT_SETTLING, SETTLE);
    } else if (port->state == USB_PORT_RESETTING && (status & PORT_CHANGED_RESET)) {
        if (status & PORT_ENABLED) {
            enter_state(port, USB_PORT_RECOVERING, RECOVER);
        } else {
            try_again(host, port, ERR_CORRUPT);
        }
    }
}

/* P2 */
static void take_port_change(struct usb_host *host, struct usb_port *port)
{
    uint32_t status = usb_port_read(host->xhci, port);
    bool is_lost = !(status & PORT_CONNECTED) || (status & PORT_CHANGED_CONNECTION) ||
                   !(status & PORT_ENABLED);
    char name[USB_NAME_BYTES];

    usb_port_acknowledge(host->xhci, port, status);
    if (port->state == USB_PORT_IN_USE && is_lost) {
        usb_sink_note("port %s: unplugged", usb_port_name(port, name));
        drop_device(host, port);
        enter_state(port, USB_PORT_EMPTY, 0);
    }
    if (status & PORT_CONNECTED) {
        take_connected(host, port, status);
    } else {
        enter_state(port, USB_PORT_EMPTY, 0);
    }
}

static void do_due(struct usb_host *host, struct usb_port *port)
{
    uint32_t status = usb_port_read(host->xhci, port);

    port->due = 0;
    if (port->state == USB_PORT_RESETTING && (status & PORT_CHANGED_RESET)) {
        take_port_change(host, port); /* it is done, and we are late to hear of it */
    } else if (port->state == USB_PORT_RESETTING) {
        try_again(host, port, ERR_TIMED_OUT);
    } else if (port->state == USB_PORT_SETTLING && (!(status & PORT_ENABLED) || port->tries > 0)) {
        enter_state(port, USB_PORT_RESETTING, RESET_LIMIT);
        usb_port_reset(host->xhci, port, status);
    } else {
        open_device(host, port); /* the reset is done, or a fast port has enabled itself */
    }
}

/* Whether the controller, or its hub, has told of it; which is then known. */
static bool take_mark(struct usb_host *host, const struct usb_port *port)
{
    if (port->hub == NULL) {
        uint64_t bit = 1ull << (port->number - 1);
        bool is_marked = (host->xhci->port_changes & bit) != 0;

        host->xhci->port_changes &= ~bit;
        return is_marked;
    }
    bool is_marked = port->hub->changes >> port->number & 1;
    port->hub->changes &= ~(1u << port->number);
    return is_marked;
}

/* A hub may go meanwhile, and its ports with it: what follows such a port is asked for anew. */
static void look_at_ports(struct usb_host *host)
{
    for (struct usb_port *port = usb_host_next(host, NULL); port != NULL;
         port = usb_host_next(host, port)) {
        if (take_mark(host, port)) {
            take_port_change(host, port);
        }
        if (port->due != 0 && port->due <= hardware_now()) {
            do_due(host, port);
        }
    }
}

/* ---- devices ---- */

static void look_after_device(struct usb_host *host, struct usb_port *port)
{
    status_t status = OK;
    char name[USB_NAME_BYTES];

    if (slot_needs_repair(port->device.slot)) {
        status = slot_repair(port->device.slot);
    }
    if (status != OK && status != ERR_PEER_CLOSED) {
        usb_sink_note("port %s: too many errors: %s", usb_port_name(port, name),
                      status_name(status));
        drop_device(host, port);
        usb_port_disable(host->xhci, port);
        enter_state(port, USB_PORT_REFUSED, 0);
    }
    usb_device_show_locks(&port->device, host->shown);
    usb_device_repeat(&port->device, hardware_now());
}

static uint64_t next_due(struct usb_host *host)
{
    uint64_t next = REPEAT_NEVER;

    for (struct usb_port *port = usb_host_next(host, NULL); port != NULL;
         port = usb_host_next(host, port)) {
        uint64_t due = port->due != 0 ? port->due : REPEAT_NEVER;
        uint64_t repeats = usb_device_due(&port->device);

        due = repeats < due ? repeats : due;
        next = due < next ? due : next;
    }
    return next;
}

static bool needs_hand(struct usb_host *host)
{
    bool needs = host->xhci->port_changes != 0 || host->locks != host->shown;

    for (struct usb_port *port = usb_host_next(host, NULL); port != NULL;
         port = usb_host_next(host, port)) {
        needs |= port->state == USB_PORT_IN_USE && slot_needs_repair(port->device.slot);
        needs |= port->hub != NULL && (port->hub->changes >> port->number & 1) != 0;
    }
    return needs;
}

status_t usb_host_step(struct usb_host *host)
{
    look_at_ports(host);
    host->shown = host->locks;
    for (struct usb_port *port = usb_host_next(host, NULL); port != NULL;
         port = usb_host_next(host, port)) {
        if (port->state == USB_PORT_IN_USE) {
            look_after_device(host, port);
        }
    }
    if (!needs_hand(host)) {
        xhci_serve(host->xhci, next_due(host));
    }
    return host->xhci->is_broken ? ERR_PEER_CLOSED : OK;
}
