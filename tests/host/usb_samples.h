/* SPDX-License-Identifier: MIT */
/* Descriptors of devices as there are. */
#pragma once

#include <stdint.h>

#define DEVICE(class, packet, vendor, product)                                                     \
    {                                                                                              \
        18, 1, 0x00, 0x02, (class), 0, 0, (packet), (vendor)&0xff, (vendor) >> 8, (product)&0xff,  \
            (product) >> 8, 0, 0, 1, 2, 3, 1                                                       \
    }

#define CONFIGURATION(bytes, interfaces)                                                           \
    9, 2, (bytes)&0xff, (bytes) >> 8, interfaces, 1, 4, 0xa0, 50
#define INTERFACE(number, class, subclass, protocol)                                               \
    9, 4, number, 0, 1, class, subclass, protocol, 5
#define HID_DESCRIPTOR                                9, 0x21, 0x11, 0x01, 0, 1, 0x22, 63, 0
#define INTERRUPT_ENDPOINT(address, packet, interval) 7, 5, address, 3, packet, 0, interval

static const uint8_t keyboard_device[] = DEVICE(0, 8, 0x0627, 0x0001);
static const uint8_t fast_device[] = DEVICE(0, 64, 0x0627, 0x0001);
static const uint8_t hub_device[] = DEVICE(9, 64, 0x0409, 0x55aa);

static const uint8_t keyboard_configuration[] = {CONFIGURATION(34, 1), INTERFACE(0, 3, 1, 1),
                                                 HID_DESCRIPTOR, INTERRUPT_ENDPOINT(0x81, 8, 10)};
static const uint8_t mouse_configuration[] = {CONFIGURATION(34, 1), INTERFACE(0, 3, 1, 2),
                                              HID_DESCRIPTOR, INTERRUPT_ENDPOINT(0x81, 4, 10)};
static const uint8_t tablet_configuration[] = {CONFIGURATION(34, 1), INTERFACE(0, 3, 0, 0),
                                               HID_DESCRIPTOR, INTERRUPT_ENDPOINT(0x81, 8, 10)};
static const uint8_t hub_configuration[] = {CONFIGURATION(25, 1), INTERFACE(0, 9, 0, 0),
                                            INTERRUPT_ENDPOINT(0x81, 1, 255)};

/* A receiver: keyboard and mouse, each with an alternate setting and something else behind. */
static const uint8_t both_configuration[] = {CONFIGURATION(91, 3),
                                             INTERFACE(0, 3, 1, 1),
                                             HID_DESCRIPTOR,
                                             INTERRUPT_ENDPOINT(0x81, 8, 8),
                                             9,
                                             4,
                                             0,
                                             1,
                                             1,
                                             3,
                                             1,
                                             1,
                                             0,
                                             INTERRUPT_ENDPOINT(0x85, 16, 1),
                                             INTERFACE(1, 3, 1, 2),
                                             HID_DESCRIPTOR,
                                             INTERRUPT_ENDPOINT(0x82, 8, 2),
                                             INTERFACE(2, 255, 0, 0),
                                             INTERRUPT_ENDPOINT(0x03, 8, 1)};
