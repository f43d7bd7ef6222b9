/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/usb/host.h"

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
}

void usb_host_set_locks(struct usb_host *host, uint8_t locks)
{
    host->locks = locks;
}

static unsigned number_of(const struct usb_host *host, const struct usb_port *port)
{
    return (unsigned)(port - host->port) + 1;
}

static void enter_state(struct usb_port *port, enum usb_port_state state, uint64_t after)
{
    port->state = state;
    port->due = after != 0 ? hardware_now() + after : 0;
}

/* P1 */
static void drop_device(struct usb_port *port)
{
    unsigned device = port->device.number;

    usb_device_close(&port->device);
    usb_sink_detach(device);
}

/* ---- what is plugged in ---- */

static const char *describe(const struct usb_device *device)
{
    static const char *const names[] = {"nothing", "keyboard", "mouse", "keyboard and mouse"};

    return names[usb_device_has(device) & (INPUT_HAS_KEYBOARD | INPUT_HAS_MOUSE)];
}

static void note_refusal(unsigned number, const struct usb_device *device)
{
    const struct usb_interface *first = &device->configuration.interface[0];
    const char *why = device->facts.device_class == USB_CLASS_HUB ? "hubs are not supported"
                      : first->interface_class == USB_CLASS_HID   ? "it has no boot protocol"
                                                                  : "nobody drives it";

    usb_sink_note(
        "port %u: %04x:%04x of class %u left alone: %s", number, device->facts.vendor,
        device->facts.product,
        device->facts.device_class != 0 ? device->facts.device_class : first->interface_class, why);
}

static void try_again(struct usb_host *host, struct usb_port *port, status_t status)
{
    if (status == ERR_PEER_CLOSED) { /* pulled out, which will be told, or the controller's end */
        enter_state(port, USB_PORT_EMPTY, 0);
        host->xhci->port_changes |= 1ull << (port - host->port);
    } else if (++port->tries < TRIES_MAX) {
        enter_state(port, USB_PORT_SETTLING, SETTLE);
    } else {
        usb_sink_note("port %u: given up: %s", number_of(host, port), status_name(status));
        enter_state(port, USB_PORT_REFUSED, 0);
    }
}

static void open_device(struct usb_host *host, struct usb_port *port)
{
    unsigned number = number_of(host, port);
    unsigned speed = PORT_SPEED(xhci_port(host->xhci, number));
    struct usb_device *device = &port->device;
    status_t status = usb_device_open(device, host->xhci, number, speed);

    if (status == OK) {
        enter_state(port, USB_PORT_IN_USE, 0);
        usb_sink_note("port %u: %s speed %s %04x:%04x", number, port_speed_name(speed),
                      describe(device), device->facts.vendor, device->facts.product);
    } else if (status == ERR_NOT_FOUND) {
        note_refusal(number, device);
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
    unsigned number = number_of(host, port);
    uint32_t status = xhci_port(host->xhci, number);
    bool is_lost = !(status & PORT_CONNECTED) || (status & PORT_CHANGED_CONNECTION) ||
                   !(status & PORT_ENABLED);

    xhci_set_port(host->xhci, number,
                  port_clear(status) | (status & PORT_POWER ? 0 : port_power(status)));
    if (port->state == USB_PORT_IN_USE && is_lost) {
        usb_sink_note("port %u: unplugged", number);
        drop_device(port);
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
    unsigned number = number_of(host, port);
    uint32_t status = xhci_port(host->xhci, number);

    port->due = 0;
    if (port->state == USB_PORT_RESETTING && (status & PORT_CHANGED_RESET)) {
        take_port_change(host, port); /* it is done, and we are late to hear of it */
    } else if (port->state == USB_PORT_RESETTING) {
        try_again(host, port, ERR_TIMED_OUT);
    } else if (port->state == USB_PORT_SETTLING && (!(status & PORT_ENABLED) || port->tries > 0)) {
        enter_state(port, USB_PORT_RESETTING, RESET_LIMIT);
        xhci_set_port(host->xhci, number, port_start_reset(status));
    } else {
        open_device(host, port); /* the reset is done, or a fast port has enabled itself */
    }
}

static void look_at_ports(struct usb_host *host)
{
    for (unsigned i = 0; i < host->xhci->ports; i++) {
        if (host->xhci->port_changes >> i & 1) {
            host->xhci->port_changes &= ~(1ull << i);
            take_port_change(host, &host->port[i]);
        }
        if (host->port[i].due != 0 && host->port[i].due <= hardware_now()) {
            do_due(host, &host->port[i]);
        }
    }
}

/* ---- devices ---- */

static void look_after_device(struct usb_host *host, struct usb_port *port)
{
    status_t status = OK;

    if (slot_needs_repair(port->device.slot)) {
        status = slot_repair(port->device.slot);
    }
    if (status != OK && status != ERR_PEER_CLOSED) {
        unsigned number = number_of(host, port);

        usb_sink_note("port %u: too many errors: %s", number, status_name(status));
        drop_device(port);
        xhci_set_port(host->xhci, number, port_disable(xhci_port(host->xhci, number)));
        enter_state(port, USB_PORT_REFUSED, 0);
    }
    usb_device_show_locks(&port->device, host->shown);
    usb_device_repeat(&port->device, hardware_now());
}

static uint64_t next_due(const struct usb_host *host)
{
    uint64_t next = REPEAT_NEVER;

    for (unsigned i = 0; i < host->xhci->ports; i++) {
        uint64_t due = host->port[i].due != 0 ? host->port[i].due : REPEAT_NEVER;
        uint64_t repeats = usb_device_due(&host->port[i].device);

        due = repeats < due ? repeats : due;
        next = due < next ? due : next;
    }
    return next;
}

static bool needs_hand(const struct usb_host *host)
{
    bool needs = host->xhci->port_changes != 0 || host->locks != host->shown;

    for (unsigned i = 0; i < host->xhci->ports; i++) {
        const struct usb_port *port = &host->port[i];

        needs |= port->state == USB_PORT_IN_USE && slot_needs_repair(port->device.slot);
    }
    return needs;
}

status_t usb_host_step(struct usb_host *host)
{
    look_at_ports(host);
    host->shown = host->locks;
    for (unsigned i = 0; i < host->xhci->ports; i++) {
        if (host->port[i].state == USB_PORT_IN_USE) {
            look_after_device(host, &host->port[i]);
        }
    }
    if (!needs_hand(host)) {
        xhci_serve(host->xhci, next_due(host));
    }
    return host->xhci->is_broken ? ERR_PEER_CLOSED : OK;
}
