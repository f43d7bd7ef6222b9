/* SPDX-License-Identifier: MIT */
/* Reset and start of an xHCI controller, its commands and events. */
#include "userspace/drivers/xhci/controller.h"

#include <stddef.h>
#include <string.h>

#include "userspace/drivers/xhci/registers.h"

#define NS_PER_MS       1000000ull
#define PATIENCE        (1000 * NS_PER_MS) /* with what takes a controller milliseconds */
#define POLL            (1 * NS_PER_MS)
#define COMMAND_LIMIT   (5000 * NS_PER_MS)
#define EXTENDED_MAX    64u /* capabilities: a longer list goes in circles */
#define COMMAND_TRBS    64u
#define EVENT_TRBS      128u
#define PAGE            4096u
#define SCRATCH_MAX     256u
#define MODERATION_NONE 0u

struct segment {
    uint64_t physical;
    uint32_t count, reserved;
};

/* All that the controller uses but for its own scratch pages. Every member is aligned as it wants. */
struct xhci_memory {
    uint64_t contexts[256]; /* of each slot; [0]: list of scratch pages */
    uint64_t scratch[SCRATCH_MAX];
    struct trb events[EVENT_TRBS];
    struct trb commands[COMMAND_TRBS];
    struct segment segment __attribute__((aligned(64)));
    uint8_t control[CONTROL_BYTES_MAX];
    uint8_t input[(CONTEXTS + 1) * CONTEXT_BYTES_MAX] __attribute__((aligned(PAGE)));
    struct slot_memory slots[XHCI_SLOTS_MAX];
} __attribute__((aligned(4096)));

#define PHYSICAL(xhci, member) ((xhci)->dma.physical + offsetof(struct xhci_memory, member))

/* ---- registers ---- */

static uint32_t read_op(const struct xhci *xhci, uint32_t reg)
{
    return hardware_read(xhci->hardware, xhci->operational + reg);
}

static void write_op(const struct xhci *xhci, uint32_t reg, uint32_t value)
{
    hardware_write(xhci->hardware, xhci->operational + reg, value);
}

static void write_run(const struct xhci *xhci, uint32_t reg, uint32_t value)
{
    hardware_write(xhci->hardware, xhci->runtime + reg, value);
}

/* The lower half first: the controller takes over with the upper one. */
static void write_pair(const struct xhci *xhci, uint32_t at, uint64_t value)
{
    hardware_write(xhci->hardware, at, (uint32_t)value);
    hardware_write(xhci->hardware, at + 4, (uint32_t)(value >> 32));
}

static bool wait_for(const struct xhci *xhci, uint32_t reg, uint32_t mask, uint32_t wanted)
{
    uint64_t limit = hardware_now() + PATIENCE;

    while ((read_op(xhci, reg) & mask) != wanted) {
        if (hardware_now() > limit) {
            return false;
        }
        hardware_sleep(POLL);
    }
    return true;
}

uint32_t xhci_port(const struct xhci *xhci, unsigned port)
{
    return read_op(xhci, OP_PORT(port));
}

void xhci_set_port(const struct xhci *xhci, unsigned port, uint32_t value)
{
    write_op(xhci, OP_PORT(port), value);
}

void xhci_ring_doorbell(const struct xhci *xhci, unsigned slot, unsigned dci)
{
    hardware_write(xhci->hardware, xhci->doorbells + 4 * slot, dci);
}

/* ---- starting ---- */

/* Firmware that does not let go in time has lost it: a reset follows. */
static void take_from_firmware(const struct xhci *xhci, uint32_t at)
{
    uint64_t limit = hardware_now() + PATIENCE;

    hardware_write(xhci->hardware, at, hardware_read(xhci->hardware, at) | LEGACY_OURS);
    while ((hardware_read(xhci->hardware, at) & LEGACY_FIRMWARE) && hardware_now() < limit) {
        hardware_sleep(POLL);
    }
    uint32_t control = hardware_read(xhci->hardware, at + LEGACY_CONTROL);
    hardware_write(xhci->hardware, at + LEGACY_CONTROL,
                   (control & LEGACY_CONTROL_KEEP) | LEGACY_CONTROL_DONE);
}

static void look_for_firmware(const struct xhci *xhci, uint32_t at)
{
    for (unsigned i = 0; at != 0 && i < EXTENDED_MAX; i++) {
        uint32_t head = hardware_read(xhci->hardware, at);

        if (EXTENDED_ID(head) == EXTENDED_LEGACY) {
            take_from_firmware(xhci, at);
            return;
        }
        at = EXTENDED_NEXT(head) != 0 ? at + EXTENDED_NEXT(head) : 0;
    }
}

static status_t reset_controller(struct xhci *xhci)
{
    write_op(xhci, OP_COMMAND, read_op(xhci, OP_COMMAND) & ~(COMMAND_RUN | COMMAND_INTERRUPTS));
    if (!wait_for(xhci, OP_STATUS, STATUS_HALTED, STATUS_HALTED)) {
        return ERR_TIMED_OUT;
    }
    write_op(xhci, OP_COMMAND, COMMAND_RESET);
    if (!wait_for(xhci, OP_COMMAND, COMMAND_RESET, 0) ||
        !wait_for(xhci, OP_STATUS, STATUS_NOT_READY, 0)) {
        return ERR_TIMED_OUT;
    }
    return (read_op(xhci, OP_PAGE_SIZE) & PAGE_SIZE_4K) ? OK : ERR_NOT_SUPPORTED;
}

static status_t read_capabilities(struct xhci *xhci)
{
    uint32_t length = hardware_read(xhci->hardware, CAP_LENGTH);
    uint32_t structural = hardware_read(xhci->hardware, CAP_STRUCTURAL1);
    uint32_t parameters = hardware_read(xhci->hardware, CAP_PARAMETERS1);

    if (length == CAP_ALL_GONE) {
        return ERR_NOT_FOUND;
    }
    xhci->operational = length & 0xff;
    xhci->doorbells = hardware_read(xhci->hardware, CAP_DOORBELLS) & ~3u;
    xhci->runtime = hardware_read(xhci->hardware, CAP_RUNTIME) & ~31u;
    xhci->ports = STRUCTURAL1_PORTS(structural);
    xhci->ports = xhci->ports < XHCI_PORTS_MAX ? xhci->ports : XHCI_PORTS_MAX;
    xhci->context_bytes = parameters & PARAMETERS1_CONTEXT_64 ? 64 : 32;
    look_for_firmware(xhci, PARAMETERS1_EXTENDED(parameters));
    return xhci->ports > 0 ? OK : ERR_NOT_SUPPORTED;
}

/* One piece for all that the controller reaches, scratch pages behind the rest. */
static status_t take_memory(struct xhci *xhci)
{
    uint32_t scratch = STRUCTURAL2_SCRATCH(hardware_read(xhci->hardware, CAP_STRUCTURAL2));

    if (scratch > SCRATCH_MAX) {
        return ERR_NOT_SUPPORTED;
    }
    uint64_t bytes = sizeof(struct xhci_memory) + (uint64_t)scratch * PAGE;
    status_t status = hardware_memory(bytes, &xhci->dma);
    if (status != OK) {
        return status;
    }
    if (xhci->dma.physical > UINT32_MAX - bytes &&
        !(hardware_read(xhci->hardware, CAP_PARAMETERS1) & PARAMETERS1_ADDRESS_64)) {
        return ERR_NOT_SUPPORTED; /* out of its reach */
    }
    xhci->memory = xhci->dma.memory;
    for (uint32_t i = 0; i < scratch; i++) {
        xhci->memory->scratch[i] =
            xhci->dma.physical + sizeof(struct xhci_memory) + (uint64_t)i * PAGE;
    }
    xhci->memory->contexts[0] = scratch > 0 ? PHYSICAL(xhci, scratch) : 0;
    return OK;
}

static void set_up_rings(struct xhci *xhci)
{
    struct xhci_memory *memory = xhci->memory;
    uint32_t slots = STRUCTURAL1_SLOTS(hardware_read(xhci->hardware, CAP_STRUCTURAL1));

    ring_init(&xhci->commands, memory->commands, PHYSICAL(xhci, commands), COMMAND_TRBS);
    event_ring_init(&xhci->events, memory->events, PHYSICAL(xhci, events), EVENT_TRBS);
    memory->segment = (struct segment){PHYSICAL(xhci, events), EVENT_TRBS, 0};
    write_op(xhci, OP_CONFIG, slots < XHCI_SLOTS_MAX ? slots : XHCI_SLOTS_MAX);
    write_pair(xhci, xhci->operational + OP_CONTEXTS, PHYSICAL(xhci, contexts));
    write_pair(xhci, xhci->operational + OP_COMMAND_RING,
               PHYSICAL(xhci, commands) | COMMAND_RING_CYCLE);
    write_run(xhci, RUN_TABLE_SIZE, 1);
    write_pair(xhci, xhci->runtime + RUN_DEQUEUE, PHYSICAL(xhci, events));
    write_pair(xhci, xhci->runtime + RUN_TABLE, PHYSICAL(xhci, segment));
    write_run(xhci, RUN_MODERATION, MODERATION_NONE);
    write_run(xhci, RUN_MANAGEMENT, MANAGEMENT_ON);
}

status_t xhci_start(struct xhci *xhci, struct hardware *hardware)
{
    *xhci = (struct xhci){.hardware = hardware};
    status_t status = read_capabilities(xhci);

    if (status == OK) {
        status = reset_controller(xhci);
    }
    if (status == OK) {
        status = take_memory(xhci);
    }
    if (status != OK) {
        return status;
    }
    set_up_rings(xhci);
    write_op(xhci, OP_COMMAND, COMMAND_RUN | COMMAND_INTERRUPTS);
    xhci->port_changes = ~0ull >> (64 - xhci->ports);
    return wait_for(xhci, OP_STATUS, STATUS_HALTED, 0) ? OK : ERR_TIMED_OUT;
}

void xhci_stop(const struct xhci *xhci)
{
    write_op(xhci, OP_COMMAND, 0);
    (void)wait_for(xhci, OP_STATUS, STATUS_HALTED, STATUS_HALTED);
}

/* ---- events ---- */

static void take_port_event(struct xhci *xhci, const struct trb *event)
{
    unsigned port = TRB_PORT_OF(event);

    if (port >= 1 && port <= xhci->ports) {
        xhci->port_changes |= 1ull << (port - 1);
    } else {
        xhci->strays++;
    }
}

/* G3 holds for commands, too. */
static void take_command_event(struct xhci *xhci, const struct trb *event)
{
    unsigned index;

    if (!ring_complete(&xhci->commands, event->parameter, &index)) {
        xhci->strays++;
    } else if (event->parameter == xhci->command) {
        xhci->answer = *event;
        xhci->command = 0;
    }
}

static void take_transfer_event(struct xhci *xhci, const struct trb *event)
{
    unsigned number = TRB_SLOT_OF(event);
    bool is_ours =
        number >= 1 && number <= XHCI_SLOTS_MAX && slot_take_event(&xhci->slots[number - 1], event);

    xhci->strays += !is_ours;
}

static void take_event(struct xhci *xhci, const struct trb *event)
{
    switch (TRB_TYPE_OF(event)) {
    case TRB_TRANSFER_EVENT:
        take_transfer_event(xhci, event);
        break;
    case TRB_COMMAND_EVENT:
        take_command_event(xhci, event);
        break;
    case TRB_PORT_EVENT:
        take_port_event(xhci, event);
        break;
    case TRB_CONTROLLER_EVENT: /* above all: no room for events, so some are missing */
        xhci->is_broken = true;
        break;
    default:
        break;
    }
}

/* At most a round: a controller that always has one more does not hold us up. */
static bool take_events(struct xhci *xhci)
{
    struct trb event;
    unsigned count = 0;

    while (count < EVENT_TRBS && event_ring_take(&xhci->events, &event)) {
        take_event(xhci, &event);
        count++;
    }
    if (count > 0) {
        write_pair(xhci, xhci->runtime + RUN_DEQUEUE,
                   event_ring_dequeue(&xhci->events) | DEQUEUE_HANDLED);
    }
    return count > 0;
}

/* The status is cleared before the ring is looked at: an event after that raises the interrupt again. */
static bool acknowledge_and_take(struct xhci *xhci)
{
    uint32_t status = read_op(xhci, OP_STATUS);

    xhci->is_broken |= status == CAP_ALL_GONE || (status & STATUS_BROKEN) != 0;
    write_op(xhci, OP_STATUS, STATUS_INTERRUPT);
    write_run(xhci, RUN_MANAGEMENT, MANAGEMENT_ON);
    return take_events(xhci);
}

void xhci_serve(struct xhci *xhci, uint64_t deadline)
{
    if (acknowledge_and_take(xhci) || xhci->is_broken) {
        return;
    }
    hardware_wait(xhci->hardware, deadline);
    (void)acknowledge_and_take(xhci);
}

/* ---- commands ---- */

status_t xhci_command(struct xhci *xhci, uint64_t parameter, uint32_t control, struct trb *answer)
{
    uint64_t limit = hardware_now() + COMMAND_LIMIT;

    if (xhci->is_broken || ring_room(&xhci->commands) == 0) {
        return ERR_PEER_CLOSED;
    }
    xhci->command = ring_put(&xhci->commands, parameter, 0, control);
    xhci_ring_doorbell(xhci, 0, 0);
    while (xhci->command != 0 && !xhci->is_broken) {
        xhci_serve(xhci, limit);
        xhci->is_broken |= xhci->command != 0 && hardware_now() >= limit;
    }
    if (xhci->is_broken) {
        return ERR_PEER_CLOSED;
    }
    *answer = xhci->answer;
    return TRB_COMPLETION_OF(answer) == COMPLETION_SUCCESS ? OK : ERR_NOT_SUPPORTED;
}

/* ---- memory ---- */

struct input_context xhci_input(const struct xhci *xhci)
{
    return (struct input_context){xhci->memory->input, xhci->context_bytes};
}

uint64_t xhci_input_physical(const struct xhci *xhci)
{
    return PHYSICAL(xhci, input);
}

struct slot_memory *xhci_slot_memory(const struct xhci *xhci, unsigned slot, uint64_t *out_physical)
{
    *out_physical = PHYSICAL(xhci, slots) + (slot - 1) * sizeof(struct slot_memory);
    return &xhci->memory->slots[slot - 1];
}

void xhci_set_context(const struct xhci *xhci, unsigned slot, uint64_t physical)
{
    xhci->memory->contexts[slot] = physical;
}

void *xhci_control_buffer(const struct xhci *xhci, uint64_t *out_physical)
{
    *out_physical = PHYSICAL(xhci, control);
    return xhci->memory->control;
}
