/* SPDX-License-Identifier: MIT */
/* A 16550 serial port driven by polling. COM1 belongs to the kernel; this is for the others. */
#pragma once

#include "userspace/drivers/transport.h"

#define UART_COM2 0x2f8u

struct uart {
    struct transport transport;
    uint64_t ports;
};

/*
 * uart_open() - set up a port for 115200 baud, 8N1, FIFOs on, no interrupts. @system with right
 * ports. OK; ERR_NOT_FOUND: there is no such chip; ERR_BUSY: another process has the ports.
 */
status_t uart_open(struct uart *uart, uint64_t system, unsigned first_port);
