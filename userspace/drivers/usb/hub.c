/* SPDX-License-Identifier: MIT */
/* Ports, of the controller and of hubs: see hub.h. */
#include "userspace/drivers/usb/hub.h"

#include <stddef.h>

#include "userspace/drivers/xhci/port.h"

#define NS_PER_MS 1000000ull
#define TRIES     2u /* what has changed is told once */

#define GET_STATUS     0u
#define CLEAR_FEATURE  1u
#define SET_FEATURE    3u
#define GET_DESCRIPTOR 6u
#define FROM_PORT      0xa3u
#define TO_PORT        0x23u
#define FROM_HUB       0xa0u
#define DESCRIPTOR_HUB 0x29u
#define HUB_HEAD       7u /* bytes of its descriptor that are always there */

/* Features of a port; that bit of the change is known: 16 and its number. */
#define PORT_IS_ENABLED 1u
#define PORT_DOES_RESET 4u
#define PORT_HAS_POWER  8u
#define CHANGE_FIRST    16u
#define CHANGES         5u

#define STATUS_LOW_SPEED  (1u << 9)
#define STATUS_HIGH_SPEED (1u << 10)
#define CHANGE_CONNECTION (1u << 16)
#define CHANGE_RESET      (1u << 20)

/* ---- where it is ---- */

unsigned usb_port_root(const struct usb_port *port)
{
    while (port->hub != NULL) {
        port = port->hub->at;
    }
    return port->number;
}

static unsigned depth_of(const struct usb_port *port)
{
    unsigned depth = 0;

    for (; port->hub != NULL; port = port->hub->at) {
        depth++;
    }
    return depth;
}

uint32_t usb_port_route(const struct usb_port *port)
{
    uint32_t route = 0;

    for (; port->hub != NULL; port = port->hub->at) {
        route = route << 4 | port->number;
    }
    return route;
}

static char *put_number(char *out, unsigned number)
{
    if (number >= 10) {
        *out++ = (char)('0' + number / 10 % 10);
    }
    *out++ = (char)('0' + number % 10);
    return out;
}

const char *usb_port_name(const struct usb_port *port, char out[USB_NAME_BYTES])
{
    char *end = put_number(out, usb_port_root(port));

    for (uint32_t route = usb_port_route(port); route != 0; route >>= 4) {
        *end++ = '.';
        end = put_number(end, route & 15);
    }
    *end = '\0';
    return out;
}

/* A fast hub speaks to the host at its own speed for slower devices: the controller has to know which one does. */
struct slot_place usb_port_place(const struct usb_port *port, unsigned speed)
{
    struct slot_place place = {.port = usb_port_root(port), .speed = speed};

    place.route = usb_port_route(port);
    for (; port->hub != NULL && (speed == USB_FULL || speed == USB_LOW); port = port->hub->at) {
        const struct slot *slot = port->hub->at->device.slot;

        if (slot->place.speed == USB_HIGH) {
            place.translator = slot->number;
            place.translator_port = port->number;
            break;
        }
    }
    return place;
}

/* ---- ports of hubs ---- */

static status_t port_feature(const struct usb_port *port, unsigned request, unsigned feature)
{
    const struct usb_request asked = {TO_PORT, (uint8_t)request, (uint16_t)feature,
                                      (uint16_t)port->number, 0};

    return slot_control(port->hub->at->device.slot, &asked, NULL);
}

/* As the controller's register would say it. */
static uint32_t read_hub_port(const struct usb_port *port)
{
    const struct usb_request asked = {FROM_PORT, GET_STATUS, 0, (uint16_t)port->number,
                                      sizeof(uint32_t)};
    uint32_t status = 0;
    status_t outcome = ERR_IO;

    for (unsigned i = 0; outcome != OK && outcome != ERR_PEER_CLOSED && i < TRIES; i++) {
        outcome = slot_control(port->hub->at->device.slot, &asked, &status);
    }
    if (outcome != OK) {
        return 0;
    }
    unsigned speed = status & STATUS_LOW_SPEED    ? USB_LOW
                     : status & STATUS_HIGH_SPEED ? USB_HIGH
                                                  : USB_FULL;
    return (status & (PORT_CONNECTED | PORT_ENABLED | PORT_RESET)) | PORT_POWER |
           PORT_OF_SPEED(speed) | (status & CHANGE_CONNECTION ? PORT_CHANGED_CONNECTION : 0) |
           (status & CHANGE_RESET ? PORT_CHANGED_RESET : 0);
}

uint32_t usb_port_read(struct xhci *xhci, const struct usb_port *port)
{
    return port->hub != NULL ? read_hub_port(port) : xhci_port(xhci, port->number);
}

void usb_port_acknowledge(struct xhci *xhci, const struct usb_port *port, uint32_t status)
{
    if (port->hub == NULL) {
        xhci_set_port(xhci, port->number,
                      port_clear(status) | (status & PORT_POWER ? 0 : port_power(status)));
        return;
    }
    for (unsigned i = 0; i < CHANGES; i++) {
        (void)port_feature(port, CLEAR_FEATURE, CHANGE_FIRST + i);
    }
}

void usb_port_reset(struct xhci *xhci, const struct usb_port *port, uint32_t status)
{
    if (port->hub == NULL) {
        xhci_set_port(xhci, port->number, port_start_reset(status));
    } else {
        (void)port_feature(port, SET_FEATURE, PORT_DOES_RESET); /* it is looked after by time */
    }
}

void usb_port_disable(struct xhci *xhci, const struct usb_port *port)
{
    if (port->hub == NULL) {
        xhci_set_port(xhci, port->number, port_disable(xhci_port(xhci, port->number)));
    } else {
        (void)port_feature(port, CLEAR_FEATURE, PORT_IS_ENABLED);
    }
}

/* ---- hubs ---- */

/* A bit for each port; bit 0 is the hub's own. */
static void take_report(struct slot *slot, unsigned endpoint, const uint8_t *report, unsigned bytes)
{
    struct usb_hub *hub = slot->owner;

    (void)endpoint;
    for (unsigned i = 0; i < bytes && i < sizeof(hub->changes); i++) {
        hub->changes |= (uint32_t)report[i] << 8 * i;
    }
}

static status_t switch_on(struct usb_hub *hub, unsigned wait_ms)
{
    status_t status = OK;

    for (unsigned i = 0; status == OK && i < hub->ports; i++) {
        hub->port[i] = (struct usb_port){.hub = hub, .number = i + 1};
        hub->changes |= 1u << (i + 1);
        status = port_feature(&hub->port[i], SET_FEATURE, PORT_HAS_POWER);
    }
    hardware_sleep(wait_ms * NS_PER_MS);
    return status;
}

status_t usb_hub_open(struct usb_hub *hub, struct xhci *xhci, struct usb_port *at)
{
    const struct usb_request asked = {FROM_HUB, GET_DESCRIPTOR, DESCRIPTOR_HUB << 8, 0, HUB_HEAD};
    uint8_t bytes[HUB_HEAD];
    struct slot *slot = at->device.slot;

    *hub = (struct usb_hub){.xhci = xhci, .at = at};
    if (depth_of(at) >= USB_HUBS_DEEP) {
        return ERR_NOT_SUPPORTED;
    }
    status_t status = slot_control(slot, &asked, bytes);
    if (status != OK) {
        return status;
    }
    if (bytes[1] != DESCRIPTOR_HUB || bytes[2] == 0) {
        return ERR_CORRUPT;
    }
    hub->ports = bytes[2] < USB_HUB_PORTS_MAX ? bytes[2] : USB_HUB_PORTS_MAX;
    status = slot_set_hub(slot, bytes[2]);
    if (status == OK) {
        status = switch_on(hub, 2u * bytes[5]);
    }
    if (status == OK) {
        slot_listen(slot, take_report, hub);
    }
    return status;
}
