/* SPDX-License-Identifier: MIT */
/* Polled 16550. Source: National Semiconductor PC16550D data sheet, "Registers". */
#include "userspace/drivers/uart/uart.h"

#include <stdbool.h>
#include <stddef.h>

#include "gen/syscall_user.h"
#include "userspace/lib/start.h"
#include "userspace/lib/clock.h"

#define UART_PORTS 8u

#define REG_DATA          0u /* with DLAB: divisor, low */
#define REG_INTERRUPT     1u /* with DLAB: divisor, high */
#define REG_FIFO          2u
#define REG_LINE_CONTROL  3u
#define REG_MODEM_CONTROL 4u
#define REG_LINE_STATUS   5u
#define REG_SCRATCH       7u

#define LINE_8N1        0x03u
#define LINE_DLAB       0x80u
#define FIFO_ON_CLEARED 0x07u
#define MODEM_DTR_RTS   0x03u
#define STATUS_RECEIVED 0x01u
#define STATUS_EMPTY    0x20u /* the transmit FIFO takes 16 bytes */
#define FIFO_BYTES      16u

#define BUSY_POLLS 64              /* before sleeping: an emulated chip is ready at once */
#define BUSY_SLEEP (1 * NS_PER_MS) /* 16 bytes take 1.4 ms at 115200 baud */

static uint8_t read_reg(const struct uart *uart, uint32_t reg)
{
    uint64_t value = 0xff;

    (void)sys_ports_read(uart->ports, reg, 1, &value);
    return (uint8_t)value;
}

static void write_reg(const struct uart *uart, uint32_t reg, uint8_t value)
{
    (void)sys_ports_write(uart->ports, reg, 1, value);
}

static bool is_present(const struct uart *uart)
{
    write_reg(uart, REG_SCRATCH, 0x5a);
    if (read_reg(uart, REG_SCRATCH) != 0x5a) {
        return false;
    }
    write_reg(uart, REG_SCRATCH, 0xa5);
    return read_reg(uart, REG_SCRATCH) == 0xa5;
}

static void wait_empty(const struct uart *uart)
{
    for (unsigned polls = 0; (read_reg(uart, REG_LINE_STATUS) & STATUS_EMPTY) == 0; polls++) {
        if (polls >= BUSY_POLLS) {
            clock_sleep(BUSY_SLEEP);
        }
    }
}

static status_t send_pieces(struct transport *transport, const struct transport_piece *pieces,
                            unsigned count)
{
    const struct uart *uart = (const struct uart *)transport;
    unsigned room = 0;

    for (unsigned i = 0; i < count; i++) {
        const uint8_t *bytes = pieces[i].bytes;

        for (uint64_t at = 0; at < pieces[i].length; at++) {
            if (room == 0) {
                wait_empty(uart);
                room = FIFO_BYTES;
            }
            write_reg(uart, REG_DATA, bytes[at]);
            room--;
        }
    }
    return OK;
}

static unsigned receive_bytes(struct transport *transport, char *buffer, unsigned bytes)
{
    const struct uart *uart = (const struct uart *)transport;
    unsigned got = 0;

    while (got < bytes && (read_reg(uart, REG_LINE_STATUS) & STATUS_RECEIVED) != 0) {
        buffer[got++] = (char)read_reg(uart, REG_DATA);
    }
    return got;
}

status_t uart_open(struct uart *uart, uint64_t system, unsigned first_port)
{
    status_t status = sys_ports_create(system, first_port, UART_PORTS, &uart->ports);

    if (status != OK) {
        return status;
    }
    if (!is_present(uart)) {
        (void)sys_handle_close(uart->ports);
        return ERR_NOT_FOUND;
    }
    write_reg(uart, REG_INTERRUPT, 0);
    write_reg(uart, REG_LINE_CONTROL, LINE_8N1 | LINE_DLAB);
    write_reg(uart, REG_DATA, 1); /* divisor 1: 115200 baud */
    write_reg(uart, REG_INTERRUPT, 0);
    write_reg(uart, REG_LINE_CONTROL, LINE_8N1);
    write_reg(uart, REG_FIFO, FIFO_ON_CLEARED);
    write_reg(uart, REG_MODEM_CONTROL, MODEM_DTR_RTS);
    uart->transport = (struct transport){"COM port", HANDLE_NONE, send_pieces, receive_bytes};
    return OK;
}
