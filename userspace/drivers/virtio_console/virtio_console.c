/* SPDX-License-Identifier: MIT */
/*
 * Virtio console, port 0.
 *
 * No feature is accepted, so the device has one port with queue 0 for receiving and queue 1 for
 * sending. send() has one chain in flight and waits for it: emulators carry it out inside the
 * notifying port write, so waiting costs nothing there, and the caller must know when the device
 * has read memory that others go on writing (the trace rings).
 *
 * Memory of the driver, one physically contiguous area that outlives it (drivers/dma.h):
 *
 *     | receive queue | transmit queue | receive buffers | bounce buffer |
 *
 * Source: Virtual I/O Device (VIRTIO) 1.1, "Console Device".
 */
#include "userspace/drivers/virtio_console/virtio_console.h"

#include <string.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "userspace/drivers/dma.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"

#define DEVICE 0x1003u

#define QUEUE_RECEIVE  0u
#define QUEUE_TRANSMIT 1u

#define RECEIVE_BUFFERS      8u
#define RECEIVE_BUFFER_BYTES 512u
#define BOUNCE_BYTES         0x4000u
#define CHAIN_MAX            8u

#define BUSY_POLLS 1000 /* before sleeping */
#define BUSY_SLEEP (500 * NS_PER_US)

/* ---- sending ---- */

struct chain {
    struct virtio_console *console;
    unsigned length;
    uint64_t bounced;
};

static status_t wait_sent(struct virtio_console *console)
{
    uint16_t head;
    uint32_t bytes;

    for (unsigned polls = 0; !virtqueue_take(&console->transmit_queue, &head, &bytes); polls++) {
        if (polls < BUSY_POLLS) {
            __builtin_ia32_pause();
            continue;
        }
        if (virtio_is_broken(&console->virtio)) {
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
    virtio_notify(&chain->console->virtio, QUEUE_TRANSMIT);
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
    virtio_notify(&console->virtio, QUEUE_RECEIVE);
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

/* What a predecessor had, if there was one; the device has been reset. */
static status_t take_memory(struct virtio_console *console, uint64_t bytes)
{
    struct dma dma;
    status_t status = dma_open(&dma, bytes);

    if (status == OK) {
        struct dma_piece piece = dma_take(&dma, bytes, PAGE_BYTES);

        console->memory = (uint64_t)piece.memory;
        console->physical = piece.physical;
    }
    return status;
}

static status_t set_up_queues(struct virtio_console *console)
{
    const struct virtio *virtio = &console->virtio;
    unsigned receive = virtio_queue_size(virtio, QUEUE_RECEIVE);
    unsigned transmit = virtio_queue_size(virtio, QUEUE_TRANSMIT);

    if (receive < RECEIVE_BUFFERS || transmit < CHAIN_MAX || receive > VIRTQUEUE_SIZE_MAX ||
        transmit > VIRTQUEUE_SIZE_MAX) {
        return ERR_NOT_SUPPORTED;
    }
    uint64_t transmit_offset = virtqueue_bytes(receive);
    console->receive_offset = transmit_offset + virtqueue_bytes(transmit);
    console->bounce_offset = console->receive_offset + RECEIVE_BUFFERS * RECEIVE_BUFFER_BYTES;
    status_t status = take_memory(console, console->bounce_offset + BOUNCE_BYTES);
    if (status == OK) { /* only what comes in is worth an interrupt: send() waits */
        virtio_place_queue(virtio, QUEUE_RECEIVE, &console->receive_queue, receive,
                           (void *)console->memory, console->physical, true);
        virtio_place_queue(virtio, QUEUE_TRANSMIT, &console->transmit_queue, transmit,
                           (void *)(console->memory + transmit_offset),
                           console->physical + transmit_offset, false);
    }
    return status;
}

status_t virtio_console_open(struct virtio_console *console, uint64_t system)
{
    *console = (struct virtio_console){
        .transport = {"virtio console", HANDLE_NONE, send_pieces, receive_bytes}};
    status_t status = virtio_open(&console->virtio, system, DEVICE, 0, 0);

    if (status != OK) {
        return status;
    }
    uint32_t features;
    status = virtio_begin(&console->virtio, 0, &features);
    if (status == OK) {
        status = set_up_queues(console);
    }
    if (status != OK) {
        virtio_close(&console->virtio);
        return status;
    }
    console->transport.interrupt = console->virtio.interrupt;
    virtio_start(&console->virtio);
    fill_receive_queue(console);
    return OK;
}
