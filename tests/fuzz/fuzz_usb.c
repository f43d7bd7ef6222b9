/* SPDX-License-Identifier: MIT */
/* Any bytes as what a USB device says of itself, and then as reports: no read outside, and what is accepted fits. */
#include <stddef.h>

#include "userspace/drivers/usb/descriptor.h"
#include "userspace/drivers/usb/hid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void report(const uint8_t *data, size_t size)
{
    struct input_change changes[HID_CHANGES_MAX];
    struct hid_keyboard keyboard = {0};
    struct hid_mouse mouse = {0};

    for (size_t at = 0; at < size; at += HID_KEYBOARD_BYTES) {
        unsigned bytes =
            (unsigned)(size - at < HID_KEYBOARD_BYTES ? size - at : HID_KEYBOARD_BYTES);

        if (hid_keyboard_report(&keyboard, data + at, bytes, changes) > HID_CHANGES_MAX ||
            hid_mouse_report(&mouse, data + at, bytes, changes) > HID_CHANGES_MAX) {
            __builtin_trap();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct usb_device_facts facts;
    struct usb_configuration configuration;

    (void)usb_device_parse(data, (unsigned)size, &facts);
    if (usb_configuration_parse(data, (unsigned)size, &configuration) &&
        (configuration.count > USB_INTERFACES_MAX ||
         configuration.bytes < USB_CONFIGURATION_BYTES)) {
        __builtin_trap();
    }
    report(data, size);
    return 0;
}
