/* SPDX-License-Identifier: MIT */
/* Whom the USB driver tells: defined by who uses it (services/usb; the host tests). Nothing of this may call the driver, but for usb_host_set_locks(). */
#pragma once

#include <stdint.h>

#include "userspace/lib/input.h"

/* usb_sink_attach() - a device has a keyboard, a mouse, a wheel (INPUT_HAS_*). usb_sink_detach() - it has no more: what it held is released. */
void usb_sink_attach(unsigned device, uint32_t now);
void usb_sink_detach(unsigned device);

/* usb_sink_feed() - what it has done, in order. */
void usb_sink_feed(unsigned device, const struct input_change *changes, unsigned count);

/* usb_sink_note() - a line for people. */
void usb_sink_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
