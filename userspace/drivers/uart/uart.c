/* SPDX-License-Identifier: MIT */
/* A polled 16550. */
#include "userspace/drivers/uart/uart.h"

#include <stddef.h>

#include "userspace/drivers/uart/chip.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"

#define BUSY_POLLS 64              /* before sleeping: an emulated chip is ready at once */
#define BUSY_SLEEP (1 * NS_PER_MS) /* 16 bytes take 1.4 ms at 115200 baud */

static void wait_empty(const struct uart *uart)
{
    for (unsigned polls = 0; (chip_read(uart->ports, CHIP_LINE_STATUS) & CHIP_LINE_EMPTY) == 0;
         polls++) {
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
                room = CHIP_FIFO_BYTES;
            }
            chip_write(uart->ports, CHIP_DATA, bytes[at]);
            room--;
        }
    }
    return OK;
}

static unsigned receive_bytes(struct transport *transport, char *buffer, unsigned bytes)
{
    const struct uart *uart = (const struct uart *)transport;
    unsigned got = 0;

    while (got < bytes && (chip_read(uart->ports, CHIP_LINE_STATUS) & CHIP_LINE_RECEIVED) != 0) {
        buffer[got++] = (char)chip_read(uart->ports, CHIP_DATA);
    }
    return got;
}

status_t uart_open(struct uart *uart, uint64_t system, unsigned first_port)
{
    status_t status = chip_open(system, first_port, &uart->ports);

    if (status == OK) {
        uart->transport = (struct transport){"COM port", HANDLE_NONE, send_pieces, receive_bytes};
    }
    return status;
}
