/* SPDX-License-Identifier: MIT */
/* Devices as the controller knows them, and transfers from and to them. */
#include "userspace/drivers/xhci/slot.h"

#include <stddef.h>
#include <string.h>

#include "userspace/drivers/xhci/controller.h"
#include "userspace/drivers/xhci/port.h"

#define NS_PER_MS      1000000ull
#define CONTROL_LIMIT  (1000 * NS_PER_MS) /* a device has half a second for data */
#define SETUP_BYTES    8u
#define REQUEST_IN     0x80u
#define BUFFERS_OFFSET offsetof(struct slot_memory, reports)

/* ---- opening ---- */

status_t slot_open(struct xhci *xhci, const struct slot_place *place, struct slot **out)
{
    struct trb answer;
    uint64_t physical;
    status_t status = xhci_command(xhci, 0, TRB_TYPE(TRB_ENABLE_SLOT), &answer);

    if (status != OK) {
        return status == ERR_NOT_SUPPORTED ? ERR_NO_MEMORY : status;
    }
    unsigned number = TRB_SLOT_OF(&answer);
    if (number < 1 || number > XHCI_SLOTS_MAX || xhci->slots[number - 1].number != 0) {
        xhci->is_broken = true;
        return ERR_PEER_CLOSED;
    }
    struct slot *slot = &xhci->slots[number - 1];
    struct slot_memory *memory = xhci_slot_memory(xhci, number, &physical);
    memset(memory, 0, sizeof(*memory));
    *slot = (struct slot){.xhci = xhci, .number = number, .place = *place};
    ring_init(&slot->control, memory->control, physical + offsetof(struct slot_memory, control),
              SLOT_RING_TRBS);
    xhci_set_context(xhci, number, physical + offsetof(struct slot_memory, context));
    *out = slot;
    return OK;
}

static status_t give_contexts(const struct slot *slot, enum trb_type type)
{
    struct trb answer;

    return xhci_command(slot->xhci, xhci_input_physical(slot->xhci),
                        TRB_TYPE(type) | TRB_SLOT(slot->number), &answer);
}

static void write_control_endpoint(struct slot *slot, const struct input_context *input,
                                   unsigned max_packet)
{
    context_set_endpoint(input, DCI_CONTROL,
                         &(struct endpoint_facts){.type = ENDPOINT_CONTROL,
                                                  .max_packet = max_packet,
                                                  .dequeue = ring_restart(&slot->control)});
}

status_t slot_address(struct slot *slot, unsigned max_packet)
{
    struct input_context input = xhci_input(slot->xhci);

    context_begin(&input, CONTEXT_SLOT_BIT | CONTEXT_ENDPOINT(DCI_CONTROL));
    context_set_slot(&input, &(struct slot_facts){slot->place, DCI_CONTROL, 0});
    write_control_endpoint(slot, &input, max_packet);
    return give_contexts(slot, TRB_ADDRESS_DEVICE);
}

/* Only the packet size is looked at. */
status_t slot_set_packet(struct slot *slot, unsigned max_packet)
{
    struct input_context input = xhci_input(slot->xhci);

    context_begin(&input, CONTEXT_ENDPOINT(DCI_CONTROL));
    write_control_endpoint(slot, &input, max_packet);
    return give_contexts(slot, TRB_EVALUATE_CONTEXT);
}

static bool is_usable(const struct slot_endpoint *endpoint)
{
    return context_dci(endpoint->address) > DCI_CONTROL && endpoint->max_packet > 0 &&
           endpoint->max_packet <= INTERRUPT_PACKET_MAX;
}

static void add_interrupt(struct slot *slot, const struct input_context *input, unsigned index,
                          const struct slot_endpoint *endpoint)
{
    struct slot_interrupt *interrupt = &slot->interrupt[index];
    uint64_t physical;
    struct slot_memory *memory = xhci_slot_memory(slot->xhci, slot->number, &physical);

    *interrupt = (struct slot_interrupt){.dci = context_dci(endpoint->address),
                                         .max_packet = endpoint->max_packet};
    ring_init(&interrupt->ring, memory->interrupt[index],
              physical + offsetof(struct slot_memory, interrupt) +
                  index * sizeof(memory->interrupt[0]),
              SLOT_RING_TRBS);
    context_set_endpoint(input, interrupt->dci,
                         &(struct endpoint_facts){
                             .type = ENDPOINT_INTERRUPT_IN,
                             .max_packet = endpoint->max_packet,
                             .interval = context_interval(slot->place.speed, endpoint->interval),
                             .dequeue = ring_restart(&interrupt->ring)});
}

status_t slot_configure(struct slot *slot, const struct slot_endpoint *endpoints, unsigned count)
{
    struct input_context input = xhci_input(slot->xhci);
    uint32_t brings = CONTEXT_SLOT_BIT;
    unsigned last = DCI_CONTROL;

    for (unsigned i = 0; i < count; i++) {
        unsigned dci = context_dci(endpoints[i].address);

        if (i >= SLOT_INTERRUPTS_MAX || !is_usable(&endpoints[i]) ||
            (brings & CONTEXT_ENDPOINT(dci)) != 0) {
            return ERR_NOT_SUPPORTED;
        }
        brings |= CONTEXT_ENDPOINT(dci);
        last = dci > last ? dci : last;
    }
    context_begin(&input, brings);
    context_set_slot(&input, &(struct slot_facts){slot->place, last, 0});
    slot->last_dci = last;
    for (unsigned i = 0; i < count; i++) {
        add_interrupt(slot, &input, i, &endpoints[i]);
    }
    return give_contexts(slot, TRB_CONFIGURE_ENDPOINT);
}

status_t slot_set_hub(struct slot *slot, unsigned ports)
{
    struct input_context input = xhci_input(slot->xhci);

    context_begin(&input, CONTEXT_SLOT_BIT);
    context_set_slot(&input, &(struct slot_facts){slot->place, slot->last_dci, ports});
    return give_contexts(slot, TRB_CONFIGURE_ENDPOINT);
}

/* ---- reports ---- */

static void offer_buffer(struct slot *slot, unsigned index, unsigned buffer)
{
    struct slot_interrupt *interrupt = &slot->interrupt[index];
    uint64_t physical;

    (void)xhci_slot_memory(slot->xhci, slot->number, &physical);
    physical += BUFFERS_OFFSET + (index * INTERRUPT_BUFFERS + buffer) * INTERRUPT_PACKET_MAX;
    interrupt->buffer_of[interrupt->ring.next] = (uint8_t)buffer;
    (void)ring_put(&interrupt->ring, physical, interrupt->max_packet,
                   TRB_TYPE(TRB_NORMAL) | TRB_INTERRUPT);
}

static void offer_all(struct slot *slot, unsigned index)
{
    for (unsigned buffer = 0; buffer < INTERRUPT_BUFFERS; buffer++) {
        offer_buffer(slot, index, buffer);
    }
    xhci_ring_doorbell(slot->xhci, slot->number, slot->interrupt[index].dci);
}

void slot_listen(struct slot *slot, slot_report_fn report, void *owner)
{
    slot->report = report;
    slot->owner = owner;
    for (unsigned i = 0; i < SLOT_INTERRUPTS_MAX; i++) {
        if (slot->interrupt[i].dci != 0) {
            offer_all(slot, i);
        }
    }
}

/* What the device says next may overwrite the buffer only when the report has been read. */
static void take_report(struct slot *slot, unsigned index, unsigned block, const struct trb *event)
{
    struct slot_interrupt *interrupt = &slot->interrupt[index];
    unsigned buffer = interrupt->buffer_of[block];
    unsigned left = TRB_LEFT_OF(event);
    uint64_t physical;
    struct slot_memory *memory = xhci_slot_memory(slot->xhci, slot->number, &physical);

    interrupt->errors = 0;
    if (slot->report != NULL && left <= interrupt->max_packet) {
        slot->report(slot, index, memory->reports[index][buffer], interrupt->max_packet - left);
    }
    offer_buffer(slot, index, buffer);
    xhci_ring_doorbell(slot->xhci, slot->number, interrupt->dci);
}

static bool take_interrupt_event(struct slot *slot, unsigned index, const struct trb *event)
{
    struct slot_interrupt *interrupt = &slot->interrupt[index];
    unsigned completion = TRB_COMPLETION_OF(event), block;

    if (!ring_complete(&interrupt->ring, event->parameter, &block)) {
        return false;
    }
    if (completion == COMPLETION_SUCCESS || completion == COMPLETION_SHORT) {
        take_report(slot, index, block, event);
    } else if (completion < COMPLETION_STOPPED || completion > COMPLETION_STOPPED_SHORT) {
        interrupt->is_halted = true;
        interrupt->errors++;
    }
    return true;
}

/* ---- control transfers ---- */

/* Only the last block and errors are told. */
static bool take_control_event(struct slot *slot, const struct trb *event)
{
    unsigned completion = TRB_COMPLETION_OF(event), block;
    bool is_good = completion == COMPLETION_SUCCESS || completion == COMPLETION_SHORT;

    if (!ring_complete(&slot->control, event->parameter, &block)) {
        return false;
    }
    if (slot->waits_for != 0 && (!is_good || event->parameter == slot->waits_for)) {
        slot->completion = completion;
        slot->waits_for = 0;
    }
    return true;
}

bool slot_take_event(struct slot *slot, const struct trb *event)
{
    unsigned dci = TRB_ENDPOINT_OF(event);

    if (slot->number == 0 || slot->is_closing) {
        return slot->is_closing;
    }
    if (dci == DCI_CONTROL) {
        return take_control_event(slot, event);
    }
    for (unsigned i = 0; i < SLOT_INTERRUPTS_MAX; i++) {
        if (dci != 0 && slot->interrupt[i].dci == dci) {
            return take_interrupt_event(slot, i, event);
        }
    }
    return false;
}

static void put_control(struct slot *slot, const struct usb_request *request)
{
    uint64_t setup, physical;
    bool is_in = (request->type & REQUEST_IN) != 0;
    uint32_t kind = request->bytes == 0 ? 0 : is_in ? TRB_SETUP_IN : TRB_SETUP_OUT;

    _Static_assert(sizeof(*request) == SETUP_BYTES, "a setup packet");
    memcpy(&setup, request, sizeof(setup));
    (void)xhci_control_buffer(slot->xhci, &physical);
    (void)ring_put(&slot->control, setup, SETUP_BYTES, TRB_TYPE(TRB_SETUP) | TRB_IMMEDIATE | kind);
    if (request->bytes > 0) {
        (void)ring_put(&slot->control, physical, request->bytes,
                       TRB_TYPE(TRB_DATA) | (is_in ? TRB_IN : 0));
    }
    slot->waits_for =
        ring_put(&slot->control, 0, 0,
                 TRB_TYPE(TRB_STATUS) | TRB_INTERRUPT | (is_in && request->bytes > 0 ? 0 : TRB_IN));
    xhci_ring_doorbell(slot->xhci, slot->number, DCI_CONTROL);
}

static bool is_unplugged(const struct slot *slot)
{
    uint32_t port = 0;

    if (slot->xhci->port_changes >> (slot->place.port - 1) & 1) {
        port = xhci_port(slot->xhci, slot->place.port);
    } else {
        return false;
    }
    return !(port & PORT_CONNECTED) || (port & PORT_CHANGED_CONNECTION);
}

/* Late is who has looked once more after the limit: we may have stood still ourselves while the device answered. */
static status_t wait_for_control(struct slot *slot)
{
    struct xhci *xhci = slot->xhci;
    uint64_t limit = hardware_now() + CONTROL_LIMIT;

    while (slot->waits_for != 0) {
        if (xhci->is_broken || is_unplugged(slot)) {
            return ERR_PEER_CLOSED;
        }
        bool is_late = hardware_now() >= limit;
        xhci_serve(xhci, limit);
        if (is_late && slot->waits_for != 0) {
            return ERR_TIMED_OUT;
        }
    }
    switch (slot->completion) {
    case COMPLETION_SUCCESS:
    case COMPLETION_SHORT:
        return OK;
    case COMPLETION_STALL:
        return ERR_NOT_SUPPORTED;
    default:
        return ERR_CORRUPT;
    }
}

/* ---- errors ---- */

static status_t command_endpoint(struct slot *slot, enum trb_type type, unsigned dci,
                                 uint64_t parameter)
{
    struct trb answer;

    return xhci_command(slot->xhci, parameter,
                        TRB_TYPE(type) | TRB_SLOT(slot->number) | TRB_ENDPOINT(dci), &answer);
}

/* An endpoint that has had an error is halted, and wants a reset; one that is running, to be stopped. Then it goes on behind all it had. */
static status_t restart_endpoint(struct slot *slot, unsigned dci, struct ring *ring)
{
    status_t status = command_endpoint(slot, TRB_RESET_ENDPOINT, dci, 0);

    if (status == ERR_NOT_SUPPORTED) {
        status = command_endpoint(slot, TRB_STOP_ENDPOINT, dci, 0);
    }
    uint64_t dequeue = ring_restart(ring);
    return status == ERR_PEER_CLOSED ? status
                                     : command_endpoint(slot, TRB_SET_DEQUEUE, dci, dequeue);
}

status_t slot_control(struct slot *slot, const struct usb_request *request, void *data)
{
    uint64_t physical;
    void *buffer = xhci_control_buffer(slot->xhci, &physical);
    bool is_in = (request->type & REQUEST_IN) != 0;

    if (request->bytes > CONTROL_BYTES_MAX) {
        return ERR_TOO_BIG;
    }
    if (is_in) {
        memset(buffer, 0,
               CONTROL_BYTES_MAX); /* who says less than it was asked for, says nothing wrong */
    } else if (request->bytes > 0) {
        memcpy(buffer, data, request->bytes);
    }
    put_control(slot, request);
    status_t status = wait_for_control(slot);
    slot->waits_for = 0;
    if (status == OK && is_in) {
        memcpy(data, buffer, request->bytes);
    } else if (status != OK && status != ERR_PEER_CLOSED) {
        status_t repaired = restart_endpoint(slot, DCI_CONTROL, &slot->control);
        status = repaired == ERR_PEER_CLOSED ? repaired : status;
    }
    return status;
}

bool slot_needs_repair(const struct slot *slot)
{
    for (unsigned i = 0; slot->number != 0 && i < SLOT_INTERRUPTS_MAX; i++) {
        if (slot->interrupt[i].is_halted) {
            return true;
        }
    }
    return false;
}

/* The reset sets the controller's data toggle back; the request does the same to the device's. */
static status_t repair_interrupt(struct slot *slot, unsigned index)
{
    static const struct usb_request clear_halt = {.type = 0x02, .request = 1};
    struct slot_interrupt *interrupt = &slot->interrupt[index];
    struct usb_request request = clear_halt;

    if (interrupt->errors > SLOT_ERRORS_MAX) {
        return ERR_CORRUPT;
    }
    interrupt->is_halted = false;
    status_t status = restart_endpoint(slot, interrupt->dci, &interrupt->ring);
    if (status == OK) {
        request.index = (uint16_t)(interrupt->dci / 2 | REQUEST_IN);
        status = slot_control(slot, &request, NULL);
    }
    if (status == OK) {
        offer_all(slot, index);
    }
    return status;
}

status_t slot_repair(struct slot *slot)
{
    status_t status = OK;

    for (unsigned i = 0; status == OK && i < SLOT_INTERRUPTS_MAX; i++) {
        if (slot->interrupt[i].is_halted) {
            status = repair_interrupt(slot, i);
        }
    }
    return status;
}

/* ---- the end ---- */

void slot_close(struct slot *slot)
{
    struct trb answer;

    slot->is_closing = true;
    (void)xhci_command(slot->xhci, 0, TRB_TYPE(TRB_DISABLE_SLOT) | TRB_SLOT(slot->number), &answer);
    xhci_set_context(slot->xhci, slot->number, 0);
    *slot = (struct slot){0};
}
