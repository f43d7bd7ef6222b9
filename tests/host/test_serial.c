/* SPDX-License-Identifier: MIT */
/* The serial driver against a model of the chip: 16 bytes each way, its interrupt, and a line that is as fast as one likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/syscall_user.h"
#include "userspace/drivers/uart/chip.h"
#include "userspace/drivers/uart/serial.h"

#define LINE_BYTES 200000u

static struct {
    uint8_t in[CHIP_FIFO_BYTES], out[CHIP_FIFO_BYTES];
    unsigned in_count, out_count;
    uint8_t enabled, scratch, control, modem;
    bool overrun, wants_empty, is_absent;
} chip;
static uint8_t went[LINE_BYTES];
static unsigned went_count;
static struct serial serial;

/* ---- the chip ---- */

static bool interrupts(void)
{
    return ((chip.enabled & CHIP_INTERRUPT_RECEIVED) && chip.in_count > 0) ||
           ((chip.enabled & CHIP_INTERRUPT_LINE) && chip.overrun) ||
           ((chip.enabled & CHIP_INTERRUPT_EMPTY) && chip.wants_empty);
}

static uint8_t line_status(void)
{
    uint8_t status = (chip.in_count > 0 ? CHIP_LINE_RECEIVED : 0) |
                     (chip.overrun ? CHIP_LINE_OVERRUN : 0) |
                     (chip.out_count == 0 ? CHIP_LINE_EMPTY : 0);
    chip.overrun = false;
    return status;
}

static uint8_t take_from_fifo(void)
{
    uint8_t byte = chip.in[0];

    assert_true(chip.in_count > 0);
    memmove(chip.in, chip.in + 1, --chip.in_count);
    return byte;
}

status_t sys_ports_create(uint64_t system, uint32_t first, uint32_t count, uint64_t *out_ports)
{
    assert_int_equal(system, 7);
    assert_int_equal(first, 0x2f8);
    assert_int_equal(count, CHIP_PORTS);
    *out_ports = 9;
    return OK;
}

status_t sys_handle_close(uint64_t handle)
{
    assert_int_equal(handle, 9);
    return OK;
}

status_t sys_ports_read(uint64_t ports, uint32_t offset, uint32_t width, uint64_t *out_value)
{
    assert_true(ports == 9 && width == 1);
    switch (offset) {
    case CHIP_DATA:
        *out_value = take_from_fifo();
        break;
    case CHIP_IDENTITY:
        *out_value = interrupts() ? 0 : CHIP_IDENTITY_NONE;
        break;
    case CHIP_LINE_STATUS:
        *out_value = line_status();
        break;
    case CHIP_SCRATCH:
        *out_value = chip.is_absent ? 0xff : chip.scratch;
        break;
    default:
        *out_value = 0;
        break;
    }
    return OK;
}

status_t sys_ports_write(uint64_t ports, uint32_t offset, uint32_t width, uint32_t value)
{
    bool is_divisor = (chip.control & 0x80) != 0;

    assert_true(ports == 9 && width == 1);
    if (offset == CHIP_SCRATCH) {
        chip.scratch = (uint8_t)value;
    } else if (offset == CHIP_LINE_CONTROL) {
        chip.control = (uint8_t)value;
    } else if (offset == CHIP_MODEM_CONTROL) {
        chip.modem = (uint8_t)value;
    } else if (offset == CHIP_INTERRUPT && !is_divisor) {
        chip.wants_empty |= !(chip.enabled & CHIP_INTERRUPT_EMPTY) && chip.out_count == 0;
        chip.enabled = (uint8_t)value;
    } else if (offset == CHIP_DATA && !is_divisor) {
        assert_true(chip.out_count < CHIP_FIFO_BYTES); /* else a byte would be lost */
        chip.out[chip.out_count++] = (uint8_t)value;
        chip.wants_empty = false;
    }
    return OK;
}

/* The line takes what is in the chip. */
static void send_out(void)
{
    assert_true(went_count + chip.out_count <= LINE_BYTES);
    memcpy(went + went_count, chip.out, chip.out_count);
    went_count += chip.out_count;
    chip.wants_empty |= chip.out_count > 0;
    chip.out_count = 0;
}

static void come_in(uint8_t byte)
{
    if (chip.in_count == CHIP_FIFO_BYTES) {
        chip.overrun = true;
        return;
    }
    chip.in[chip.in_count++] = byte;
}

/* ---- tests ---- */

static int start(void **state)
{
    (void)state;
    memset(&chip, 0, sizeof(chip));
    went_count = 0;
    return serial_open(&serial, 7, 0x2f8) == OK ? 0 : -1;
}

static void test_setup(void **state)
{
    (void)state;
    assert_int_equal(chip.control, 3);
    assert_int_equal(chip.modem, CHIP_MODEM_DTR_RTS | CHIP_MODEM_OUT2);
    assert_int_equal(chip.enabled, CHIP_INTERRUPT_RECEIVED | CHIP_INTERRUPT_LINE);
    chip.is_absent = true;
    assert_int_equal(serial_open(&serial, 7, 0x2f8), ERR_NOT_FOUND);
}

static uint8_t byte_number(unsigned i)
{
    return (uint8_t)(i * 7 + i / 256);
}

static void test_all_bytes_go_out_in_order(void **state)
{
    char piece[777];
    unsigned given = 0;
    (void)state;

    srand(3);
    while (went_count < 100000) {
        unsigned count = (unsigned)rand() % sizeof(piece), taken;
        for (unsigned i = 0; i < count; i++) {
            piece[i] = (char)byte_number(given + i);
        }
        taken = (unsigned)serial_write(&serial, piece, count);
        assert_true(taken <= count);
        given += taken;
        assert_true(!interrupts() || serial.is_sending);
        for (unsigned turns = (unsigned)rand() % 60; turns > 0; turns--) {
            send_out();
            serial_serve(&serial);
            assert_false(interrupts());
        }
    }
    while (serial.is_sending) {
        send_out();
        serial_serve(&serial);
    }
    send_out();
    assert_int_equal(went_count, given);
    for (unsigned i = 0; i < went_count; i++) {
        assert_int_equal(went[i], byte_number(i));
    }
    assert_false(chip.enabled & CHIP_INTERRUPT_EMPTY); /* nothing to send: it does not ask */
}

static void test_a_full_buffer_takes_no_more(void **state)
{
    static char much[SERIAL_BUFFER_BYTES + 100];
    (void)state;

    assert_int_equal(serial_write(&serial, much, sizeof(much)), SERIAL_BUFFER_BYTES);
    assert_int_equal(serial_write(&serial, much, 1), 0);
    serial_serve(&serial);
    assert_int_equal(serial_write(&serial, much, 100), CHIP_FIFO_BYTES);
}

static void test_what_comes_is_kept_until_it_has_arrived(void **state)
{
    char data[100];
    unsigned came = 0, seen = 0;
    (void)state;

    for (unsigned round = 0; round < 5000; round++) {
        for (unsigned i = 0; i < round % (CHIP_FIFO_BYTES + 1); i++) {
            come_in(byte_number(came++));
        }
        serial_serve(&serial);
        uint64_t count = serial_peek(&serial, data, round % sizeof(data));
        assert_int_equal(serial_peek(&serial, data, count), count);
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal((uint8_t)data[i], byte_number(seen + i));
        }
        serial_drop(&serial, count);
        seen += (unsigned)count;
    }
    assert_int_equal(serial.in.end, came);
    assert_int_equal(serial.overruns + serial.dropped, 0);
}

static void test_what_is_lost_is_counted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CHIP_FIFO_BYTES + 5; i++) {
        come_in((uint8_t)i);
    }
    serial_serve(&serial);
    assert_int_equal(serial.overruns, 1);
    assert_int_equal(serial.in.end, CHIP_FIFO_BYTES);
    for (unsigned i = CHIP_FIFO_BYTES; i < SERIAL_BUFFER_BYTES + 10; i++) {
        come_in((uint8_t)i);
        serial_serve(&serial);
    }
    assert_int_equal(serial.dropped, 10);
    assert_int_equal(serial.in.end, SERIAL_BUFFER_BYTES);
}

#define CASE(function) cmocka_unit_test_setup(function, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_setup),
        CASE(test_all_bytes_go_out_in_order),
        CASE(test_a_full_buffer_takes_no_more),
        CASE(test_what_comes_is_kept_until_it_has_arrived),
        CASE(test_what_is_lost_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
