/* SPDX-License-Identifier: MIT */
#include "userspace/services/usb/feeder.h"

#include <stdarg.h>

#include "gen/interface/input_client.h"
#include "userspace/drivers/usb/sink.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/lib/format.h"
#include "userspace/lib/log.h"
#include "userspace/lib/user_trace.h"

#define SERVICE       "input"
#define PATIENCE      (20 * NS_PER_S)
#define STOP_PATIENCE (1 * NS_PER_S)
#define TRIES         5u
#define LINE_LENGTH   160u

/* In the timeline. */
enum trace_id { TRACE_ATTACH = 1, TRACE_DETACH, TRACE_CHANGES };

static uint64_t service;
static uint64_t fed; /* changes */
static uint32_t track;
static uint32_t has[INPUT_DEVICES]; /* INPUT_HAS_* of what is attached */
static void (*tell_locks)(uint8_t locks);

static uint64_t deadline(void)
{
    return clock_now() + PATIENCE;
}

/* F1: nobody knows what the last one was told. */
static status_t attach_all(void)
{
    uint32_t locks = 0;
    status_t status = input_attach(service, INPUT_ALL_DEVICES, 0, deadline(), &locks);

    for (uint32_t device = 0; status == OK && device < INPUT_DEVICES; device++) {
        if (has[device] != 0) {
            status = input_attach(service, device, has[device], deadline(), &locks);
        }
    }
    if (status == OK) {
        tell_locks((uint8_t)locks);
    }
    return status;
}

/* True: another one is there, knows what is attached, and is to be told again. */
static bool is_back(status_t status, unsigned attempt)
{
    while (status == ERR_PEER_CLOSED && attempt < TRIES) {
        status = service_find_again(SERVICE, deadline(), &service);
        if (status == OK) {
            status = attach_all();
        }
        if (status == OK) {
            return true;
        }
        attempt++;
    }
    return false;
}

static void note_failure(status_t status)
{
    if (status != OK) {
        (void)log_line(LOG_ERROR, "usb", "input is not to be had: %s", status_name(status));
    }
}

status_t feeder_open(void (*locks_changed)(uint8_t locks))
{
    tell_locks = locks_changed;
    status_t status = service_find(SERVICE, deadline(), &service);

    if (status == OK) {
        status = attach_all();
    }
    return status != OK && is_back(status, 0) ? OK : status;
}

void feeder_close(void)
{
    uint32_t locks;

    (void)input_attach(service, INPUT_ALL_DEVICES, 0, clock_now() + STOP_PATIENCE, &locks);
}

void feeder_open_trace(void)
{
    track = user_trace_open();
    user_trace_name(TRACE_ATTACH, "device attached");
    user_trace_name(TRACE_DETACH, "device gone");
    user_trace_name(TRACE_CHANGES, "changes fed");
}

static void set(unsigned device, uint32_t now)
{
    uint32_t locks = 0;

    has[device] = now;
    USER_INSTANT(track, now != 0 ? TRACE_ATTACH : TRACE_DETACH, device);
    user_trace_hand_over(); /* it may be long before there are more */
    status_t status = input_attach(service, device, now, deadline(), &locks);
    if (status == OK) {
        tell_locks((uint8_t)locks);
    } else if (!is_back(status, 0)) { /* which tells it all */
        note_failure(status);
    }
}

void usb_sink_attach(unsigned device, uint32_t now)
{
    set(device, now);
}

void usb_sink_detach(unsigned device)
{
    set(device, 0);
}

/* F2 */
void usb_sink_feed(unsigned device, const struct input_change *changes, unsigned count)
{
    uint32_t locks = 0;
    unsigned attempt = 0;
    status_t status;

    fed += count;
    USER_COUNTER(TRACE_CHANGES, fed);
    do {
        status =
            input_feed(service, changes, count * sizeof(changes[0]), device, deadline(), &locks);
    } while (status != OK && is_back(status, attempt++));
    if (status == OK) {
        tell_locks((uint8_t)locks);
    }
    note_failure(status);
}

void usb_sink_note(const char *format, ...)
{
    char line[LINE_LENGTH];
    va_list list;

    va_start(list, format);
    (void)format_text_v(line, sizeof(line), format, list);
    va_end(list);
    (void)log_line(LOG_INFO, "usb", "%s", line);
}
