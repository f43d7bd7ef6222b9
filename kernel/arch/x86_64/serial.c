/* SPDX-License-Identifier: MIT */
/*
 * COM1, an 8250-family UART with FIFOs.
 *
 * Input. The chip's line arrives as NMI, edge triggered: if the handler leaves while the chip still
 * has a reason, the line never falls and no further edge comes. So serial_drain() goes on until the
 * chip says that it has none (IIR bit 0), except after a BREAK or the escape byte: what follows
 * those was typed to kdebug, stays in the chip, and is read by polling; kdebug shuts the interrupt
 * meanwhile, and opening it again makes a new edge.
 *
 *     chip FIFO --serial_drain() [NMI]--> ring --serial_take() [console lock]--> console object
 *          \---serial_get() [kdebug, polled]
 *
 * S1  One producer at a time: a drain that interrupts a drain, or meets one of another core, only
 *     leaves word and returns. It leaves word before it looks, and the drainer looks after it has
 *     stopped: so one of them sees the other's.
 * S2  head is stored with release after the byte and read with acquire by the consumer; tail the
 *     other way round.
 *
 * Output waits for the chip alone, at most 87 us per byte at 115200 baud, so it does not call
 * core_poll(): it also runs in NMI class. Whoever prints many bytes with interrupts off polls in
 * between (sync/log.c).
 *
 * Source: National Semiconductor PC16550D data sheet.
 */
#include "arch/serial.h"

#include "arch/cpu.h"

#define COM1 0x3f8u

#define UART_DATA             (COM1 + 0)
#define UART_INTERRUPT_ENABLE (COM1 + 1)
#define UART_INTERRUPT_ID     (COM1 + 2)
#define UART_FIFO_CONTROL     (COM1 + 2)
#define UART_LINE_CONTROL     (COM1 + 3)
#define UART_MODEM_CONTROL    (COM1 + 4)
#define UART_LINE_STATUS      (COM1 + 5)

#define INTERRUPT_RECEIVED    0x01u
#define INTERRUPT_LINE_STATUS 0x04u
#define INTERRUPT_NONE        0x01u /* in UART_INTERRUPT_ID */
#define FIFO_ON_CLEAR                                                                              \
    0x07u /* enable, clear both, trigger at one byte: a key press must not wait for others */
#define LINE_8N1       0x03u
#define LINE_DIVISOR   0x80u
#define MODEM_READY    0x0bu /* DTR, RTS, and OUT2, which lets the interrupt line through */
#define STATUS_DATA    0x01u
#define STATUS_BREAK   0x10u
#define STATUS_ROOM    0x20u
#define DIVISOR_115200 1u
#define NO_CHIP        0xffu

#define FIFO_BYTES 16
/* Then the line counts as dead, and bytes are dropped until it has room: it must not stop the
 * kernel. Some seconds, as who reads an emulated line may have to wait for a turn on a busy host. */
#define ROOM_POLLS_MAX  4000000u
#define DRAIN_STEPS_MAX 4096u /* likewise */

#define RING_BYTES 1024u
static uint8_t ring[RING_BYTES];
static atomic_uint ring_head; /* written by serial_drain() */
static atomic_uint ring_tail; /* written by serial_take() */
static uint64_t ring_lost;

static bool is_present;
static bool is_dead; /* had no room for so long that nobody waits any more; a race costs a wait */
static int escape_byte = SERIAL_ESCAPE;
static atomic_bool is_draining;
static atomic_bool drain_wanted;

static uint8_t read_port(uint16_t port)
{
    return (uint8_t)port_read(port, 1);
}

static void write_port(uint16_t port, uint8_t value)
{
    port_write(port, 1, value);
}

void serial_init(void)
{
    write_port(UART_INTERRUPT_ENABLE, 0);
    write_port(UART_LINE_CONTROL, LINE_DIVISOR | LINE_8N1);
    write_port(UART_DATA, DIVISOR_115200);
    write_port(UART_INTERRUPT_ENABLE, 0); /* high byte of the divisor */
    write_port(UART_LINE_CONTROL, LINE_8N1);
    write_port(UART_FIFO_CONTROL, FIFO_ON_CLEAR);
    write_port(UART_MODEM_CONTROL, MODEM_READY);
    is_present = read_port(UART_LINE_STATUS) != NO_CHIP;
}

void serial_put(char c)
{
    if (!is_present) {
        return;
    }
    for (unsigned i = 0; i < (is_dead ? 1 : ROOM_POLLS_MAX); i++) {
        if (read_port(UART_LINE_STATUS) & STATUS_ROOM) {
            is_dead = false;
            write_port(UART_DATA, (uint8_t)c);
            return;
        }
        cpu_relax();
    }
    is_dead = true;
}

static void push_byte(uint8_t byte)
{
    unsigned head = atomic_load_explicit(&ring_head, memory_order_relaxed);
    if (head - atomic_load_explicit(&ring_tail, memory_order_acquire) == RING_BYTES) {
        ring_lost++;
        return;
    }
    ring[head % RING_BYTES] = byte;
    atomic_store_explicit(&ring_head, head + 1,
                          memory_order_release); /* pairs with the acquire in serial_take() */
}

/*
 * A BREAK is a NUL in the FIFO and a status bit. On the chip the bit shows when the NUL is next to
 * be read; QEMU shows it at once, with older bytes still in front. Both ways the bytes before the
 * NUL are plain input.
 *
 * Reading the line status clears the bit, and a core that prints reads it all the time, so the bit
 * alone would miss every BREAK that meets output. So a NUL counts by itself (and typing one, Ctrl-@,
 * breaks in, too); the bit matters when the FIFO has no room for the NUL.
 */
static void read_through_break(void)
{
    for (int i = 0; i < FIFO_BYTES; i++) {
        uint8_t byte = read_port(UART_DATA);
        if (byte == 0 || (read_port(UART_LINE_STATUS) & STATUS_DATA) == 0) {
            return;
        }
        push_byte(byte);
    }
}

static enum serial_event drain_chip(void)
{
    enum serial_event event = SERIAL_NOTHING;
    for (unsigned i = 0; i < DRAIN_STEPS_MAX; i++) {
        uint8_t status = read_port(UART_LINE_STATUS);
        if (status & STATUS_BREAK) {
            read_through_break();
            return SERIAL_BREAK;
        }
        if (status & STATUS_DATA) {
            uint8_t byte = read_port(UART_DATA);
            if (byte == 0) {
                return SERIAL_BREAK;
            }
            if (byte == escape_byte) {
                return SERIAL_ESCAPED;
            }
            push_byte(byte);
            event = SERIAL_BYTES;
        } else if (read_port(UART_INTERRUPT_ID) & INTERRUPT_NONE) {
            break;
        }
    }
    return event;
}

enum serial_event serial_drain(void)
{
    if (!is_present) {
        return SERIAL_NOTHING;
    }
    enum serial_event all = SERIAL_NOTHING;
    atomic_store(&drain_wanted, true);
    while (atomic_load(&drain_wanted) && all < SERIAL_BREAK) {
        if (atomic_exchange(&is_draining, true)) {
            break;
        }
        atomic_store(&drain_wanted, false);
        enum serial_event event = drain_chip();
        all = MAX(all, event);
        atomic_store(&is_draining, false);
    }
    return all;
}

void serial_give_back(uint8_t byte)
{
    if (!atomic_exchange(&is_draining, true)) { /* S1 */
        push_byte(byte);
        atomic_store(&is_draining, false);
    }
}

int serial_take(void)
{
    unsigned tail = atomic_load_explicit(&ring_tail, memory_order_relaxed);
    if (tail == atomic_load_explicit(&ring_head, memory_order_acquire)) {
        return -1;
    }
    int byte = ring[tail % RING_BYTES];
    atomic_store_explicit(&ring_tail, tail + 1,
                          memory_order_release); /* pairs with the acquire in push_byte() */
    return byte;
}

int serial_get(void)
{
    if (!is_present) {
        return -1;
    }
    uint8_t status = read_port(UART_LINE_STATUS);
    if (status & STATUS_BREAK) {
        read_through_break();
        return 0;
    }
    return status & STATUS_DATA ? read_port(UART_DATA) : -1;
}

void serial_interrupt_enable(bool on)
{
    write_port(UART_INTERRUPT_ENABLE, on ? INTERRUPT_RECEIVED | INTERRUPT_LINE_STATUS : 0);
}

void serial_set_escape(int byte)
{
    escape_byte = byte;
}

uint64_t serial_lost(void)
{
    return ring_lost;
}
