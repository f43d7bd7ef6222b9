/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/usb/descriptor.h"

#include <stddef.h>

#include "userspace/drivers/xhci/port.h"

#define TYPE_INTERFACE  4u
#define TYPE_ENDPOINT   5u
#define HEAD_BYTES      2u /* length and type, of every descriptor */
#define INTERFACE_BYTES 9u
#define ENDPOINT_BYTES  7u

#define ENDPOINT_IN        0x80u
#define ENDPOINT_KIND      0x03u
#define ENDPOINT_INTERRUPT 0x03u
#define PACKET_MASK        0x7ffu
#define PACKET_SUPER       9u /* 2^9 */

static uint16_t word_at(const uint8_t *bytes, unsigned at)
{
    return (uint16_t)(bytes[at] | bytes[at + 1] << 8);
}

bool usb_device_parse(const uint8_t *bytes, unsigned count, struct usb_device_facts *out)
{
    if (count < USB_DEVICE_HEAD || bytes[0] < USB_DEVICE_BYTES ||
        bytes[1] != USB_DESCRIPTOR_DEVICE) {
        return false;
    }
    *out = (struct usb_device_facts){.device_class = bytes[4], .packet = bytes[7]};
    if (count >= USB_DEVICE_BYTES) {
        out->vendor = word_at(bytes, 8);
        out->product = word_at(bytes, 10);
        out->configurations = bytes[17];
    }
    return true;
}

/* Where endpoints go that follow; NULL: nobody asks for them. */
static struct usb_interface *take_interface(const uint8_t *bytes, struct usb_configuration *out)
{
    bool is_alternate = bytes[3] != 0;

    if (is_alternate || out->count == USB_INTERFACES_MAX) {
        return NULL;
    }
    struct usb_interface *interface = &out->interface[out->count++];
    *interface = (struct usb_interface){.number = bytes[2],
                                        .interface_class = bytes[5],
                                        .subclass = bytes[6],
                                        .protocol = bytes[7]};
    return interface;
}

static void take_endpoint(const uint8_t *bytes, struct usb_interface *interface)
{
    if (interface != NULL && interface->address == 0 && (bytes[2] & ENDPOINT_IN) != 0 &&
        (bytes[3] & ENDPOINT_KIND) == ENDPOINT_INTERRUPT) {
        interface->address = bytes[2];
        interface->max_packet = word_at(bytes, 4) & PACKET_MASK;
        interface->interval = bytes[6];
    }
}

/* @is_beginning  the last one may be cut: more follows that was not asked for */
static bool take_parts(const uint8_t *bytes, unsigned count, bool is_beginning,
                       struct usb_configuration *out)
{
    struct usb_interface *interface = NULL;

    for (unsigned at = bytes[0], length; at < count; at += length) {
        length = bytes[at];
        if (length < HEAD_BYTES || length > count - at) {
            return is_beginning && length >= HEAD_BYTES;
        }
        if (bytes[at + 1] == TYPE_INTERFACE && length >= INTERFACE_BYTES) {
            interface = take_interface(bytes + at, out);
        } else if (bytes[at + 1] == TYPE_ENDPOINT && length >= ENDPOINT_BYTES) {
            take_endpoint(bytes + at, interface);
        }
    }
    return true;
}

bool usb_configuration_parse(const uint8_t *bytes, unsigned count, struct usb_configuration *out)
{
    if (count < USB_CONFIGURATION_BYTES || bytes[0] < USB_CONFIGURATION_BYTES ||
        bytes[1] != USB_DESCRIPTOR_CONFIGURATION) {
        return false;
    }
    *out = (struct usb_configuration){.value = bytes[5], .bytes = word_at(bytes, 2)};
    bool is_beginning = out->bytes > count;
    count = is_beginning ? count : out->bytes;
    return out->bytes >= bytes[0] && take_parts(bytes, count, is_beginning, out);
}

unsigned usb_packet_bytes(unsigned speed, unsigned said)
{
    switch (speed) {
    case USB_LOW:
        return said == 8 ? said : 0;
    case USB_FULL:
        return said == 8 || said == 16 || said == 32 || said == 64 ? said : 0;
    case USB_HIGH:
        return said == 64 ? said : 0;
    default:
        return said == PACKET_SUPER ? 1u << said : 0;
    }
}
