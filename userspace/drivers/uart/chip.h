/* SPDX-License-Identifier: MIT */
/* Registers of a 16550, and how one is set up. Source: National Semiconductor PC16550D data sheet, "Registers". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/syscall_user.h"

#define CHIP_PORTS      8u
#define CHIP_FIFO_BYTES 16u

#define CHIP_DATA          0u /* with DLAB: divisor, low */
#define CHIP_INTERRUPT     1u /* with DLAB: divisor, high */
#define CHIP_IDENTITY      2u /* read: which interrupt */
#define CHIP_FIFO          2u /* written */
#define CHIP_LINE_CONTROL  3u
#define CHIP_MODEM_CONTROL 4u
#define CHIP_LINE_STATUS   5u
#define CHIP_MODEM_STATUS  6u
#define CHIP_SCRATCH       7u

#define CHIP_INTERRUPT_RECEIVED 0x01u
#define CHIP_INTERRUPT_EMPTY    0x02u
#define CHIP_INTERRUPT_LINE     0x04u

#define CHIP_IDENTITY_NONE 0x01u
#define CHIP_IDENTITY_MASK 0x0eu

#define CHIP_MODEM_DTR_RTS 0x03u
#define CHIP_MODEM_OUT2    0x08u /* on a PC: its interrupt leads to the controller */

#define CHIP_LINE_RECEIVED 0x01u
#define CHIP_LINE_OVERRUN  0x02u
#define CHIP_LINE_ERRORS   0x1cu /* parity, framing, break */
#define CHIP_LINE_EMPTY    0x20u /* the transmit FIFO takes 16 bytes */

static inline uint8_t chip_read(uint64_t ports, uint32_t reg)
{
    uint64_t value = 0xff;

    (void)sys_ports_read(ports, reg, 1, &value);
    return (uint8_t)value;
}

static inline void chip_write(uint64_t ports, uint32_t reg, uint8_t value)
{
    (void)sys_ports_write(ports, reg, 1, value);
}

/*
 * chip_open() - take the ports and set the chip up: 115200 baud, 8N1, FIFOs on and empty, DTR and RTS, no interrupts.
 * @system  handle with the right `ports`
 * OK; ERR_NOT_FOUND: there is no such chip; ERR_BUSY: another process has the ports.
 */
status_t chip_open(uint64_t system, unsigned first_port, uint64_t *out_ports);
