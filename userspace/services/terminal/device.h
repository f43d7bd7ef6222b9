/* SPDX-License-Identifier: MIT */
/* What a terminal is made of: something that shows, and something that is typed on. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "gen/errors.h"

#define DEVICE_READ_BYTES 128u

struct terminal_device {
    status_t (*open)(void);
    void (*show)(const char *text, size_t bytes);
    /* Waits for somebody to type; up to DEVICE_READ_BYTES. An error is for good. */
    status_t (*read)(char *data, uint64_t *out_bytes);
    status_t (*size)(uint32_t *out_columns, uint32_t *out_rows);
};

extern const struct terminal_device serial_device; /* COM1, through the console object */
extern const struct terminal_device screen_device; /* the services input and screen */
