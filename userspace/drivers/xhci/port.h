/* SPDX-License-Identifier: MIT */
/*
 * The register of a port: which bits say what, and which value changes one thing and nothing else. Pure.
 *
 * Some bits are cleared by writing 1, one of them is "enabled": what was read must not be written back as it is.
 * Source: xHCI, "Port Status and Control Register".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PORT_CONNECTED       (1u << 0)
#define PORT_ENABLED         (1u << 1) /* writing 1 disables */
#define PORT_RESET           (1u << 4)
#define PORT_POWER           (1u << 9)
#define PORT_SPEED(r)        ((r) >> 10 & 0xf)
#define PORT_OF_SPEED(speed) ((uint32_t)(speed) << 10)

#define PORT_CHANGED_CONNECTION (1u << 17)
#define PORT_CHANGED_RESET      (1u << 21)
#define PORT_CHANGES            (0x7fu << 17)

enum usb_speed { USB_FULL = 1, USB_LOW, USB_HIGH, USB_SUPER };

/* port_keep() - what to write so that nothing changes. */
uint32_t port_keep(uint32_t read);

/* port_clear() - the changes that were read are known. */
uint32_t port_clear(uint32_t read);

/* port_start_reset() - reset what is plugged in. port_disable() - hear no more of it. port_power() - switch it on. */
uint32_t port_start_reset(uint32_t read);
uint32_t port_disable(uint32_t read);
uint32_t port_power(uint32_t read);

/* port_speed_name() - "full" ... */
const char *port_speed_name(unsigned speed);
