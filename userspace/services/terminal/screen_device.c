/* SPDX-License-Identifier: MIT */
/* Keyboard and screen, which are services of their own: each may end and come again, and we go on. */
#include <stdbool.h>
#include <stddef.h>

#include "gen/interface/input_client.h"
#include "gen/interface/screen_client.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/services/terminal/device.h"
#include "userspace/services/terminal/key_bytes.h"

static uint64_t input, screen;
static uint64_t next_event = INPUT_LATEST;

static status_t size(uint32_t *out_columns, uint32_t *out_rows)
{
    status_t status = screen_size(screen, DEADLINE_FOREVER, out_columns, out_rows);

    if (status == ERR_PEER_CLOSED) {
        status = service_find_again("screen", DEADLINE_FOREVER, &screen);
        return status == OK ? screen_size(screen, DEADLINE_FOREVER, out_columns, out_rows) : status;
    }
    return status;
}

static status_t open_screen(void)
{
    uint32_t columns, rows, devices;
    status_t status = service_find("screen", DEADLINE_FOREVER, &screen);

    if (status == OK) {
        status = size(&columns, &rows);
    }
    if (status == OK) {
        status = service_find("input", DEADLINE_FOREVER, &input);
    }
    return status == OK ? input_devices(input, DEADLINE_FOREVER, &devices) : status;
}

/* A screen that was started again has none of what stood there; what we show now, it shows. */
static void show(const char *text, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        size_t piece = bytes - done < SCREEN_WRITE_TEXT_MAX ? bytes - done : SCREEN_WRITE_TEXT_MAX;
        status_t status = screen_write(screen, text + done, piece, DEADLINE_FOREVER);

        if (status != ERR_PEER_CLOSED ||
            service_find_again("screen", DEADLINE_FOREVER, &screen) != OK) {
            done += piece;
        }
    }
}

/* What has come and is not read yet: the service gives as many as go into one message, however few we want. */
static struct input_event events[INPUT_READ_EVENTS_MAX / sizeof(struct input_event)];
static uint64_t event_first, event_end;

static status_t read_events(void)
{
    uint64_t missed, bytes = 0;
    status_t status = input_read(input, next_event, DEADLINE_FOREVER, events, sizeof(events),
                                 &bytes, &next_event, &missed);

    event_first = 0;
    event_end = status == OK ? bytes / sizeof(events[0]) : 0;
    if (status == ERR_PEER_CLOSED) { /* the next one begins with number 0 */
        next_event = 0;
        status = service_find_again("input", DEADLINE_FOREVER, &input);
    }
    return status == ERR_BUSY ? OK : status;
}

static status_t read_keys(char *data, uint64_t *out_bytes)
{
    uint64_t count = 0;

    while (count == 0) {
        status_t status = event_first == event_end ? read_events() : OK;
        if (status != OK) {
            return status;
        }
        while (event_first < event_end && count + KEY_BYTES_MAX <= DEVICE_READ_BYTES) {
            count += key_bytes(&events[event_first++], data + count);
        }
    }
    *out_bytes = count;
    return OK;
}

const struct terminal_device screen_device = {open_screen, show, read_keys, size};
