/* SPDX-License-Identifier: MIT */
/*
 * What devices do, on its way to the service `input`: the sink of the USB driver (drivers/usb/sink.h).
 *
 *   F1  `input` has exactly the devices that are attached here: what a driver before us had is gone before our first device comes, and when
 *       `input` was killed, its successor is told of all with the next thing that one of them does.
 *   F2  What `input` has not answered is fed once more when it has come again: its successor knows of no key, so a key that comes up
 *       twice comes up once.
 */
#pragma once

#include "gen/errors.h"

/* feeder_open() - find `input`. @locks_changed  called with LOCK_*, from within the sink's functions. The status of service_find(). */
status_t feeder_open(void (*locks_changed)(uint8_t locks));

/* feeder_close() - nothing is attached any more. From any thread, when the controller has been stopped. */
void feeder_close(void);

/* feeder_open_trace() - have devices that come and go in the timeline, on the track of the calling thread. */
void feeder_open_trace(void);
