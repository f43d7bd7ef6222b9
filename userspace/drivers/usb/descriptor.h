/* SPDX-License-Identifier: MIT */
/*
 * What a device says of itself. Pure; believes nothing: any bytes at all may come.
 *
 * Source: Universal Serial Bus Specification 2.0, "Standard USB Descriptor Definitions"; Device Class Definition for Human Interface
 * Devices (HID) 1.11, "Descriptors".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define USB_DEVICE_BYTES        18u
#define USB_CONFIGURATION_BYTES 9u /* of its own; what belongs to it follows */
#define USB_DEVICE_HEAD         8u /* enough to know the control endpoint's packet size */
#define USB_INTERFACES_MAX      8u

#define USB_CLASS_HID                3u
#define USB_CLASS_HUB                9u
#define HID_BOOT                     1u /* subclass */
#define HID_KEYBOARD                 1u /* protocol */
#define HID_MOUSE                    2u
#define USB_DESCRIPTOR_DEVICE        1u
#define USB_DESCRIPTOR_CONFIGURATION 2u

struct usb_device_facts {
    uint16_t vendor, product;
    uint8_t device_class;
    uint8_t packet; /* as it stands there: bytes, or an exponent for fast ones */
    uint8_t configurations;
};

struct usb_interface {
    uint8_t number, interface_class, subclass, protocol;
    /* Its first interrupt endpoint for data from the device; address 0: it has none. */
    uint8_t address, interval;
    uint16_t max_packet;
};

struct usb_configuration {
    uint8_t value;
    uint16_t bytes; /* of all of it */
    unsigned count;
    struct usb_interface interface[USB_INTERFACES_MAX]; /* alternate setting 0 of each */
};

/* usb_device_parse() - false: it is none. Of the first USB_DEVICE_HEAD bytes only the class and packet size are known. */
bool usb_device_parse(const uint8_t *bytes, unsigned count, struct usb_device_facts *out);

/* usb_configuration_parse() - what there is of it, of `count` bytes, which may be its beginning only. False: it is damaged. More interfaces than there is room for are left out. */
bool usb_configuration_parse(const uint8_t *bytes, unsigned count, struct usb_configuration *out);

/* usb_packet_bytes() - size of the control endpoint's packets; 0: the device says what cannot be. */
unsigned usb_packet_bytes(unsigned speed, unsigned said);
