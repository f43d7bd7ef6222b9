/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/uart/serial.h"

#include "userspace/drivers/uart/chip.h"

#define INTERRUPTS_IN (CHIP_INTERRUPT_RECEIVED | CHIP_INTERRUPT_LINE)

/* A chip that always wants something is broken; the next interrupt tries again. */
#define TURNS_MAX 100000u

static uint64_t held(const struct serial_buffer *buffer)
{
    return buffer->end - buffer->first;
}

static void take_byte(struct serial *serial, char byte)
{
    if (held(&serial->in) == SERIAL_BUFFER_BYTES) {
        serial->dropped++;
        return;
    }
    serial->in.byte[serial->in.end++ % SERIAL_BUFFER_BYTES] = byte;
}

/* Reading the status forgets the errors in it, so they are counted here and nowhere else. */
static void take_bytes(struct serial *serial)
{
    uint8_t line;

    while ((line = chip_read(serial->ports, CHIP_LINE_STATUS)) & CHIP_LINE_RECEIVED) {
        serial->overruns += (line & CHIP_LINE_OVERRUN) != 0;
        serial->errors += (line & CHIP_LINE_ERRORS) != 0;
        take_byte(serial, (char)chip_read(serial->ports, CHIP_DATA));
    }
    serial->overruns += (line & CHIP_LINE_OVERRUN) != 0;
}

static void set_sending(struct serial *serial, bool on)
{
    serial->is_sending = on;
    chip_write(serial->ports, CHIP_INTERRUPT, INTERRUPTS_IN | (on ? CHIP_INTERRUPT_EMPTY : 0));
}

/* The chip is empty: it takes a FIFO's worth. With nothing to send it is told not to ask again. */
static void give_bytes(struct serial *serial)
{
    struct serial_buffer *out = &serial->out;

    for (unsigned i = 0; i < CHIP_FIFO_BYTES && held(out) > 0; i++) {
        chip_write(serial->ports, CHIP_DATA,
                   (uint8_t)out->byte[out->first++ % SERIAL_BUFFER_BYTES]);
    }
    if (held(out) == 0) {
        set_sending(serial, false);
    }
}

/* Whatever it says that it wants, both ways are looked at: that clears every cause there is. */
void serial_serve(struct serial *serial)
{
    for (unsigned turn = 0; turn < TURNS_MAX; turn++) {
        if (chip_read(serial->ports, CHIP_IDENTITY) & CHIP_IDENTITY_NONE) {
            return;
        }
        take_bytes(serial);
        (void)chip_read(serial->ports, CHIP_MODEM_STATUS);
        if (serial->is_sending &&
            (chip_read(serial->ports, CHIP_LINE_STATUS) & CHIP_LINE_EMPTY) != 0) {
            give_bytes(serial);
        }
    }
}

uint64_t serial_write(struct serial *serial, const char *bytes, uint64_t count)
{
    struct serial_buffer *out = &serial->out;
    uint64_t taken = 0;

    while (taken < count && held(out) < SERIAL_BUFFER_BYTES) {
        out->byte[out->end++ % SERIAL_BUFFER_BYTES] = bytes[taken++];
    }
    if (taken > 0 && !serial->is_sending) {
        set_sending(serial, true); /* an empty chip interrupts at once */
    }
    return taken;
}

uint64_t serial_peek(const struct serial *serial, char *out, uint64_t limit)
{
    uint64_t count = held(&serial->in) < limit ? held(&serial->in) : limit;

    for (uint64_t i = 0; i < count; i++) {
        out[i] = serial->in.byte[(serial->in.first + i) % SERIAL_BUFFER_BYTES];
    }
    return count;
}

void serial_drop(struct serial *serial, uint64_t count)
{
    serial->in.first += count;
}

status_t serial_open(struct serial *serial, uint64_t system, unsigned first_port)
{
    *serial = (struct serial){0};
    status_t status = chip_open(system, first_port, &serial->ports);

    if (status == OK) {
        chip_write(serial->ports, CHIP_MODEM_CONTROL, CHIP_MODEM_DTR_RTS | CHIP_MODEM_OUT2);
        set_sending(serial, false);
    }
    return status;
}
