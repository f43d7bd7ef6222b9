/* SPDX-License-Identifier: MIT */
/*
 * A model of an xHCI controller and of devices behind it, in the place of userspace/drivers/xhci/hardware.c.
 *
 * It does what the specification says, one thing after the other, and fails the test where a driver does what it may not: commands
 * in the wrong state, contexts that contradict each other, memory that is not its own, an event ring that nobody empties.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/drivers/xhci/hardware.h"
#include "userspace/drivers/xhci/trb.h"

#define MODEL_PORTS   6u
#define MODEL_ENDLESS (~0u)

/* What happens to the n-th control transfer of a device (the first is 1), and, if it lasts, to all behind. */
enum model_fault {
    FAULT_NONE,
    FAULT_STALL,
    FAULT_TRANSACTION,
    FAULT_BABBLE,
    FAULT_HANG,   /* nothing ever comes */
    FAULT_UNPLUG, /* pulled out just then */
};

#define MODEL_HUB_PORTS 4u

/* A port of a hub, as "behind" names it where ports are asked for: the controller's port, and what is on the way, the first hub's lowest. */
#define MODEL_BEHIND(port, route) ((port) | (route) << 8)

struct model_device {
    const uint8_t *device, *configuration;
    unsigned device_bytes, configuration_bytes;
    unsigned speed;
    enum model_fault fault;
    unsigned fault_at, fault_count; /* from which transfer on, how many */
    bool refuses_address;
    bool never_resets;
    /* What it was told. */
    unsigned transfers, configured, halts_cleared;
    uint8_t protocol, lamps;
    unsigned lamps_told;
    /* Of a hub: */
    struct model_device *behind[MODEL_HUB_PORTS + 1];
    uint32_t port[MODEL_HUB_PORTS + 1]; /* status, change above it */
    unsigned hub_ports;                 /* that the controller was told */
};

struct model_options {
    bool is_32_bit, big_contexts, firmware_holds, is_deaf /* to commands */;
    unsigned scratch, slots;
};

/* model_init() - a controller that was just switched on, without devices. */
void model_init(const struct model_options *options);

/* model_plug() / model_unplug() - at a port, from 1. The device must live until it is unplugged. */
void model_plug(unsigned port, struct model_device *device);
void model_unplug(unsigned port);

/* model_plug_behind() - into a port of a hub that is plugged in itself, or NULL: out of it. */
void model_plug_behind(struct model_device *hub, unsigned port, struct model_device *device);

/* model_report() - the device at a port says something on its n-th interrupt endpoint. False: nobody has been listening for a long time. */
bool model_report(unsigned port, unsigned endpoint, const uint8_t *report, unsigned bytes);

/* model_fail_endpoint() - its next transfer ends so. */
void model_fail_endpoint(unsigned port, unsigned index, enum completion completion);

/* model_event() - any event at all. */
void model_event(const struct trb *event);

/* model_break() - the controller says that it is broken. */
void model_break(void);

bool model_is_running(void);
unsigned model_slots_in_use(void);

/* What the last hardware_wait() waited for would never have come. Cleared by whatever is done to the model. */
extern bool model_is_idle;
extern uint64_t model_now;
extern unsigned model_commands; /* that were carried out */
