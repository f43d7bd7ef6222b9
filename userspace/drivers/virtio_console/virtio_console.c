/* SPDX-License-Identifier: MIT */
/*
 * Virtio console, port 0.
 *
 * No feature is accepted, so the device has one port with queue 0 for receiving and queue 1 for
 * sending. send() has one chain in flight and waits for it: emulators carry it out inside the
 * notifying port write, so waiting costs nothing there, and the caller must know when the device
 * has read memory that others go on writing (the trace rings).
 *
 * Memory of the driver, one physically contiguous area:
 *
 *     | receive queue | transmit queue | receive buffers | bounce buffer |
 *
 * Source: Virtual I/O Device (VIRTIO) 1.1, "Virtio Over PCI Bus", "Legacy Interfaces: A Note on PCI
 * Device Layout", "Console Device".
 */
#include "userspace/drivers/virtio_console/virtio_console.h"

#include <string.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/drivers/pci/msi.h"
#include "userspace/drivers/pci/pci.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"

#define VENDOR 0x1af4u
#define DEVICE 0x1003u

#define REG_DRIVER_FEATURES 0x04u
#define REG_QUEUE_PAGE      0x08u
#define REG_QUEUE_SIZE      0x0cu
#define REG_QUEUE_SELECT    0x0eu
#define REG_QUEUE_NOTIFY    0x10u
#define REG_STATUS          0x12u
#define REG_CONFIG_VECTOR   0x14u /* these two are there while MSI-X is enabled */
#define REG_QUEUE_VECTOR    0x16u
#define REG_PORTS           0x18u

#define VECTOR_FIRST 0u
#define VECTOR_NONE  0xffffu

#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER      2u
#define STATUS_DRIVER_OK   4u
#define STATUS_NEEDS_RESET 0x40u
#define STATUS_GONE        0xffu

#define QUEUE_RECEIVE  0u
#define QUEUE_TRANSMIT 1u

#define RECEIVE_BUFFERS      8u
#define RECEIVE_BUFFER_BYTES 512u
#define BOUNCE_BYTES         0x4000u
#define CHAIN_MAX            8u

#define BUSY_POLLS 1000 /* before sleeping */
#define BUSY_SLEEP (500 * NS_PER_US)

static uint32_t read_reg(const struct virtio_console *console, uint32_t reg, uint32_t width)
{
    uint64_t value = UINT32_MAX;

    (void)sys_ports_read(console->ports, reg, width, &value);
    return (uint32_t)value;
}

static void write_reg(const struct virtio_console *console, uint32_t reg, uint32_t width,
                      uint32_t value)
{
    (void)sys_ports_write(console->ports, reg, width, value);
}

/* ---- sending ---- */

struct chain {
    struct virtio_console *console;
    unsigned length;
    uint64_t bounced;
};

static bool is_broken(const struct virtio_console *console)
{
    uint32_t status = read_reg(console, REG_STATUS, 1);

    return status == STATUS_GONE || (status & STATUS_NEEDS_RESET) != 0;
}

static status_t wait_sent(struct virtio_console *console)
{
    uint16_t head;
    uint32_t bytes;

    for (unsigned polls = 0; !virtqueue_take(&console->transmit_queue, &head, &bytes); polls++) {
        if (polls < BUSY_POLLS) {
            __builtin_ia32_pause();
            continue;
        }
        if (is_broken(console)) {
            return ERR_PEER_CLOSED;
        }
        clock_sleep(BUSY_SLEEP);
    }
    return OK;
}

static status_t submit(struct chain *chain)
{
    struct virtqueue *queue = &chain->console->transmit_queue;

    if (chain->length == 0) {
        return OK;
    }
    queue->descriptors[chain->length - 1].flags = 0;
    chain->length = 0;
    chain->bounced = 0;
    virtqueue_offer(queue, 0);
    write_reg(chain->console, REG_QUEUE_NOTIFY, 2, QUEUE_TRANSMIT);
    return wait_sent(chain->console);
}

static void add_descriptor(struct chain *chain, uint64_t physical, uint64_t bytes)
{
    struct virtqueue_descriptor *descriptor =
        &chain->console->transmit_queue.descriptors[chain->length++];

    *descriptor = (struct virtqueue_descriptor){physical, (uint32_t)bytes, VIRTQUEUE_NEXT,
                                                (uint16_t)chain->length};
}

/* Put as much of a piece as fits into the bounce buffer. Returns how much. */
static uint64_t bounce(struct chain *chain, const void *bytes, uint64_t length)
{
    struct virtio_console *console = chain->console;
    uint64_t offset = console->bounce_offset + chain->bounced;
    uint64_t room = BOUNCE_BYTES - chain->bounced;
    uint64_t part = length < room ? length : room;

    memcpy((void *)(console->memory + offset), bytes, part);
    chain->bounced += part;
    add_descriptor(chain, console->physical + offset, part);
    return part;
}

static status_t send_piece(struct chain *chain, const struct transport_piece *piece)
{
    uint64_t at = 0;

    while (at < piece->length) {
        if (chain->length == CHAIN_MAX || chain->bounced == BOUNCE_BYTES) {
            status_t status = submit(chain);
            if (status != OK) {
                return status;
            }
        }
        if (piece->physical != 0) {
            add_descriptor(chain, piece->physical, piece->length);
            return OK;
        }
        at += bounce(chain, (const char *)piece->bytes + at, piece->length - at);
    }
    return OK;
}

static status_t send_pieces(struct transport *transport, const struct transport_piece *pieces,
                            unsigned count)
{
    struct chain chain = {.console = (struct virtio_console *)transport};

    for (unsigned i = 0; i < count; i++) {
        status_t status = send_piece(&chain, &pieces[i]);
        if (status != OK) {
            return status;
        }
    }
    return submit(&chain);
}

/* ---- receiving ---- */

static void offer_receive_buffer(struct virtio_console *console, uint16_t index)
{
    virtqueue_offer(&console->receive_queue, index);
    write_reg(console, REG_QUEUE_NOTIFY, 2, QUEUE_RECEIVE);
}

static unsigned receive_bytes(struct transport *transport, char *buffer, unsigned bytes)
{
    struct virtio_console *console = (struct virtio_console *)transport;

    if (console->current_at == console->current_bytes) {
        if (!virtqueue_take(&console->receive_queue, &console->current, &console->current_bytes)) {
            return 0;
        }
        console->current_at = 0;
    }
    uint32_t left = console->current_bytes - console->current_at;
    uint32_t part = left < bytes ? left : bytes;
    uint64_t from =
        console->memory + console->receive_offset + console->current * RECEIVE_BUFFER_BYTES;

    memcpy(buffer, (const char *)from + console->current_at, part);
    console->current_at += part;
    if (console->current_at == console->current_bytes) {
        offer_receive_buffer(console, console->current);
    }
    return part;
}

static void fill_receive_queue(struct virtio_console *console)
{
    for (uint16_t i = 0; i < RECEIVE_BUFFERS; i++) {
        console->receive_queue.descriptors[i] = (struct virtqueue_descriptor){
            console->physical + console->receive_offset + i * RECEIVE_BUFFER_BYTES,
            RECEIVE_BUFFER_BYTES, VIRTQUEUE_WRITE, 0};
        offer_receive_buffer(console, i);
    }
}

/* ---- setting up ---- */

/* The device's interrupt, or HANDLE_NONE: then it is polled. */
static uint64_t enable_interrupt(struct pci *pci, uint64_t system, pci_function_t function)
{
    const struct msi msi = {pci, system, function};
    uint64_t interrupt;

    return msi_enable(&msi, 0, 0, &interrupt) == OK ? interrupt : HANDLE_NONE;
}

/* Switch the device's ports and bus mastering on and take its ports. */
static status_t open_ports(struct virtio_console *console, uint64_t system)
{
    struct pci pci;
    pci_function_t function;
    status_t status = pci_open(&pci, system);

    if (status != OK) {
        return status;
    }
    status = pci_find(&pci, VENDOR, DEVICE, &function);
    if (status == OK) {
        uint32_t bar = pci_read(&pci, function, PCI_BAR0);
        uint32_t command = pci_read(&pci, function, PCI_COMMAND) & 0xffff;

        pci_write(&pci, function, PCI_COMMAND,
                  command | PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER |
                      PCI_COMMAND_NO_INTX);
        console->transport.interrupt = enable_interrupt(&pci, system, function);
        status = (bar & PCI_BAR_IO) == 0
                     ? ERR_NOT_SUPPORTED
                     : sys_ports_create(system, bar & ~3u, REG_PORTS, &console->ports);
    }
    pci_close(&pci);
    return status;
}

static unsigned queue_size(const struct virtio_console *console, uint32_t queue)
{
    write_reg(console, REG_QUEUE_SELECT, 2, queue);
    return read_reg(console, REG_QUEUE_SIZE, 2);
}

static void place_queue(struct virtio_console *console, uint32_t index, struct virtqueue *queue,
                        uint64_t offset, unsigned size)
{
    virtqueue_init(queue, (void *)(console->memory + offset), size);
    write_reg(console, REG_QUEUE_SELECT, 2, index);
    write_reg(console, REG_QUEUE_PAGE, 4, (uint32_t)((console->physical + offset) / PAGE_BYTES));
}

/* Only what comes in is worth an interrupt: send() waits, and the configuration does not change. */
static void route_interrupt(struct virtio_console *console)
{
    if (console->transport.interrupt == HANDLE_NONE) {
        return;
    }
    write_reg(console, REG_CONFIG_VECTOR, 2, VECTOR_NONE);
    write_reg(console, REG_QUEUE_SELECT, 2, QUEUE_TRANSMIT);
    write_reg(console, REG_QUEUE_VECTOR, 2, VECTOR_NONE);
    write_reg(console, REG_QUEUE_SELECT, 2, QUEUE_RECEIVE);
    write_reg(console, REG_QUEUE_VECTOR, 2, VECTOR_FIRST);
    virtqueue_ask_interrupts(&console->receive_queue);
}

static status_t map_memory(struct virtio_console *console, uint64_t bytes)
{
    uint64_t area, size;
    status_t status = sys_area_create(bytes, AREA_CONTIGUOUS, &area);

    if (status != OK) {
        return status;
    }
    status = sys_area_query(area, &size, &console->physical);
    if (status == OK) {
        status =
            sys_area_map(program.self, area, 0, bytes, 0, PROT_READ | PROT_WRITE, &console->memory);
    }
    (void)sys_handle_close(area); /* the mapping keeps it, for as long as the device may use it */
    return status;
}

static status_t set_up_queues(struct virtio_console *console)
{
    unsigned receive = queue_size(console, QUEUE_RECEIVE);
    unsigned transmit = queue_size(console, QUEUE_TRANSMIT);

    if (receive < RECEIVE_BUFFERS || transmit < CHAIN_MAX || receive > VIRTQUEUE_SIZE_MAX ||
        transmit > VIRTQUEUE_SIZE_MAX) {
        return ERR_NOT_SUPPORTED;
    }
    uint64_t transmit_offset = virtqueue_bytes(receive);
    console->receive_offset = transmit_offset + virtqueue_bytes(transmit);
    console->bounce_offset = console->receive_offset + RECEIVE_BUFFERS * RECEIVE_BUFFER_BYTES;
    status_t status = map_memory(console, console->bounce_offset + BOUNCE_BYTES);
    if (status == OK) {
        place_queue(console, QUEUE_RECEIVE, &console->receive_queue, 0, receive);
        place_queue(console, QUEUE_TRANSMIT, &console->transmit_queue, transmit_offset, transmit);
    }
    return status;
}

status_t virtio_console_open(struct virtio_console *console, uint64_t system)
{
    *console = (struct virtio_console){
        .transport = {"virtio console", HANDLE_NONE, send_pieces, receive_bytes}};
    status_t status = open_ports(console, system);

    if (status != OK) {
        return status;
    }
    write_reg(console, REG_STATUS, 1, 0); /* reset */
    write_reg(console, REG_STATUS, 1, STATUS_ACKNOWLEDGE);
    write_reg(console, REG_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    write_reg(console, REG_DRIVER_FEATURES, 4, 0);
    status = set_up_queues(console);
    if (status != OK) {
        write_reg(console, REG_STATUS, 1, 0);
        (void)sys_handle_close(console->ports);
        return status;
    }
    route_interrupt(console);
    write_reg(console, REG_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
    fill_receive_queue(console);
    return OK;
}
