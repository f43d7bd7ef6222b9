/* SPDX-License-Identifier: MIT */
/* A device with a keyboard or a mouse, or a hub, from its address to its reports. */
#pragma once

#include "userspace/drivers/usb/descriptor.h"
#include "userspace/drivers/usb/hid.h"
#include "userspace/drivers/usb/repeat.h"
#include "userspace/drivers/xhci/controller.h"

/* Of an interface; the n-th has the n-th interrupt endpoint of the slot. */
struct usb_function {
    uint8_t interface;
    uint8_t protocol; /* HID_KEYBOARD, HID_MOUSE */
    struct hid_keyboard keyboard;
    struct hid_mouse mouse;
    struct repeat repeat;
    uint8_t lamps; /* that shine, as LOCK_* */
};

struct usb_device {
    struct slot *slot; /* NULL: there is none */
    unsigned number;   /* as the sink knows it: the slot's */
    struct usb_device_facts facts;
    struct usb_configuration configuration;
    bool
        is_hub; /* for usb_hub_open() to listen to; it has no functions, and the sink does not know it */
    unsigned count;
    struct usb_function function[SLOT_INTERRUPTS_MAX];
};

/*
 * usb_device_open() - make what is plugged in somewhere report. The port is enabled. On an error nothing is left, but
 * for the facts as far as they are known.
 * ERR_NOT_FOUND: it is nothing that we drive; ERR_CORRUPT: it says what cannot be; what slot_control() gives.
 */
status_t usb_device_open(struct usb_device *device, struct xhci *xhci,
                         const struct slot_place *place);

/* usb_device_close() - it is gone, or given up. */
void usb_device_close(struct usb_device *device);

/* usb_device_has() - INPUT_HAS_*. */
uint32_t usb_device_has(const struct usb_device *device);

/* usb_device_repeat() - tell what is due. usb_device_due() - when that is again. */
void usb_device_repeat(struct usb_device *device, uint64_t now);
uint64_t usb_device_due(const struct usb_device *device);

/* usb_device_show_locks() - let the lamps be so, if they are not. A keyboard that fails to is not asked again for the same, and goes on. */
void usb_device_show_locks(struct usb_device *device, uint8_t locks);
