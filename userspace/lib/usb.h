/* SPDX-License-Identifier: MIT */
/* What is plugged in at a USB port, as the service `usb` says (userspace/interfaces/usb.toml). */
#pragma once

#include <stdint.h>

enum usb_row_state {
    USB_ROW_COMING, /* being asked what it is */
    USB_ROW_IN_USE,
    USB_ROW_REFUSED, /* nobody drives it, or it does not work */
    USB_ROW_HUB,
};

struct usb_row {
    uint8_t port;
    uint8_t state; /* enum usb_row_state */
    uint8_t speed; /* 1 full, 2 low, 3 high, from 4 on super */
    uint8_t has;   /* INPUT_HAS_* (userspace/lib/input.h) */
    uint16_t vendor, product;
    uint32_t route; /* ports of hubs on the way, four bits each, the first lowest */
};
