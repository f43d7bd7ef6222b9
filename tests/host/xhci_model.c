/* SPDX-License-Identifier: MIT */
#include "tests/host/xhci_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/drivers/xhci/context.h"
#include "userspace/drivers/xhci/port.h"
#include "userspace/drivers/xhci/registers.h"

#define OPERATIONAL 0x40u
#define RUNTIME     0x1000u
#define DOORBELLS   0x2000u
#define EXTENDED    0x500u
#define SLOTS       32u
#define AREAS       64u
#define PHYSICAL    0x120000000ull /* of the first area: above 4 GiB */
#define QUEUE       64u
#define FOREVER     (~0ull)

enum endpoint_state { EP_NONE, EP_RUNNING, EP_HALTED, EP_STOPPED };

struct endpoint {
    enum endpoint_state state;
    bool is_stuck; /* with a transfer that does not end, until it is stopped */
    uint64_t dequeue;
    bool cycle;
    unsigned max_packet;
    enum completion failure;
    uint8_t reports[QUEUE][64];
    unsigned bytes[QUEUE], first, count;
};

struct slot_state {
    bool is_enabled, is_addressed;
    unsigned port;
    uint32_t route;
    struct endpoint endpoint[32];
};

static struct {
    struct model_options options;
    uint32_t command, status, config, legacy;
    uint64_t contexts, segment, erdp;
    uint32_t low[4]; /* lower halves on their way: command ring, contexts, segment, dequeue */
    uint64_t command_ring;
    bool command_cycle;
    uint64_t events;
    unsigned event_count, event_next;
    bool event_cycle, is_pending;
    bool is_busy; /* it has interrupted, and nobody has said that all is handled */
    uint32_t ports[MODEL_PORTS];
    struct model_device *devices[MODEL_PORTS];
    bool resetting[MODEL_PORTS];
    struct slot_state slots[SLOTS + 1];
} model;

static struct {
    uint64_t physical, bytes;
    char *memory;
} areas[AREAS];
static unsigned area_count;
static uint64_t next_physical;

bool model_is_idle;
uint64_t model_now;
unsigned model_commands;

/* ---- memory ---- */

static void *at(uint64_t physical, uint64_t bytes)
{
    for (unsigned i = 0; i < area_count; i++) {
        if (physical >= areas[i].physical &&
            physical + bytes <= areas[i].physical + areas[i].bytes) {
            return areas[i].memory + (physical - areas[i].physical);
        }
    }
    fail_msg("the controller reads %lx, which is nobody's", physical);
    return NULL;
}

status_t hardware_memory(uint64_t bytes, struct dma_piece *out)
{
    uint64_t whole = (bytes + 0xfff) & ~0xfffull;

    assert_true(model.status &
                STATUS_HALTED); /* it no longer writes where a driver before had it write */
    if (area_count > 0) {       /* what that driver had */
        assert_int_equal(whole, areas[0].bytes);
        memset(areas[0].memory, 0, whole);
        *out = (struct dma_piece){areas[0].memory, areas[0].physical};
        return OK;
    }
    assert_int_equal(bytes % 4096, 0);
    areas[area_count].physical = next_physical;
    areas[area_count].bytes = whole;
    areas[area_count].memory = aligned_alloc(4096, whole);
    memset(areas[area_count].memory, 0, whole);
    *out = (struct dma_piece){areas[area_count].memory, next_physical};
    area_count++;
    next_physical += whole + 0x10000;
    return OK;
}

/* ---- events ---- */

void model_event(const struct trb *event)
{
    struct trb *place = at(model.events + model.event_next * sizeof(*place), sizeof(*place));
    unsigned after = (model.event_next + 1) % model.event_count;

    assert_true(model.events + after * sizeof(*place) != (model.erdp & ~0xfull)); /* no room */
    *place = *event;
    place->control = (event->control & ~TRB_CYCLE) | (model.event_cycle ? TRB_CYCLE : 0);
    model.event_next = after;
    model.event_cycle ^= after == 0;
    model.is_pending |= !model.is_busy;
    model.is_busy = true;
    model_is_idle = false;
}

static void tell_port(unsigned port)
{
    if (model.status & STATUS_HALTED) {
        return;
    }
    model_event(&(struct trb){.parameter = (uint64_t)port << 24,
                              .status = (uint32_t)COMPLETION_SUCCESS << 24,
                              .control = TRB_TYPE(TRB_PORT_EVENT)});
}

static void tell_transfer(unsigned slot, unsigned dci, uint64_t trb, enum completion code,
                          unsigned left)
{
    model_event(&(struct trb){.parameter = trb,
                              .status = (uint32_t)code << 24 | left,
                              .control = TRB_TYPE(TRB_TRANSFER_EVENT) | TRB_SLOT(slot) |
                                         TRB_ENDPOINT(dci)});
}

static void tell_command(uint64_t trb, enum completion code, unsigned slot)
{
    model_event(&(struct trb){.parameter = trb,
                              .status = (uint32_t)code << 24,
                              .control = TRB_TYPE(TRB_COMMAND_EVENT) | TRB_SLOT(slot)});
}

/* ---- rings ---- */

/* The next block, past links; NULL: there is none. */
static const struct trb *next_trb(uint64_t *dequeue, bool *cycle, uint64_t *out_physical)
{
    const struct trb *trb = at(*dequeue, sizeof(*trb));

    if (((trb->control & TRB_CYCLE) != 0) != *cycle) {
        return NULL;
    }
    if (TRB_TYPE_OF(trb) == TRB_LINK) {
        *cycle ^= (trb->control & TRB_TOGGLE) != 0;
        *dequeue = trb->parameter;
        trb = at(*dequeue, sizeof(*trb));
        assert_true(TRB_TYPE_OF(trb) != TRB_LINK || ((trb->control & TRB_CYCLE) != 0) != *cycle);
        if (((trb->control & TRB_CYCLE) != 0) != *cycle) {
            return NULL;
        }
    }
    *out_physical = *dequeue;
    *dequeue += sizeof(*trb);
    return trb;
}

/* ---- devices ---- */

static struct model_device *device_of(const struct slot_state *slot)
{
    struct model_device *device =
        slot->port >= 1 && slot->port <= MODEL_PORTS ? model.devices[slot->port - 1] : NULL;

    for (uint32_t route = slot->route; device != NULL && route != 0; route >>= 4) {
        device = (route & 15) <= MODEL_HUB_PORTS ? device->behind[route & 15] : NULL;
    }
    return device;
}

static enum completion give_bytes(const uint8_t *from, unsigned have, void *to, unsigned wanted,
                                  unsigned *out_left)
{
    unsigned count = have < wanted ? have : wanted;

    memcpy(to, from, count);
    *out_left = wanted - count;
    return *out_left > 0 ? COMPLETION_SHORT : COMPLETION_SUCCESS;
}

/* ---- hubs ---- */

#define HUB_CONNECTED 1u
#define HUB_ENABLED   2u
#define HUB_POWER     (1u << 8)
#define HUB_HIGH      (1u << 10)
#define HUB_CHANGES   16

/* Its interrupt endpoint says so, once somebody listens. */
static void tell_hub(struct model_device *hub, unsigned port)
{
    const uint8_t report = (uint8_t)(1u << port);

    for (unsigned i = 1; i <= SLOTS; i++) {
        const struct slot_state *slot = &model.slots[i];

        if (slot->is_addressed && device_of(slot) == hub) {
            (void)model_report(MODEL_BEHIND(slot->port, slot->route), 0, &report, 1);
            return;
        }
    }
}

void model_plug_behind(struct model_device *hub, unsigned port, struct model_device *device)
{
    hub->behind[port] = device;
    hub->port[port] &= ~(HUB_CONNECTED | HUB_ENABLED | HUB_HIGH);
    hub->port[port] |= 1u << HUB_CHANGES;
    if (device != NULL) {
        hub->port[port] |= HUB_CONNECTED | (device->speed == USB_HIGH ? HUB_HIGH : 0);
    }
    tell_hub(hub, port);
}

static void reset_behind(struct model_device *hub, unsigned port)
{
    if (hub->behind[port] != NULL && !hub->behind[port]->never_resets) {
        hub->port[port] |= HUB_ENABLED | 1u << (HUB_CHANGES + 4);
        tell_hub(hub, port);
    }
}

static enum completion do_hub_request(struct model_device *hub, const uint8_t *setup, void *data,
                                      unsigned bytes, unsigned *out_left)
{
    static const uint8_t descriptor[] = {9, 0x29, MODEL_HUB_PORTS, 0, 0, 1, 0, 0, 0xff};
    unsigned port = setup[4], feature = setup[2];

    if (setup[0] == 0xa0) {
        return give_bytes(descriptor, sizeof(descriptor), data, bytes, out_left);
    }
    assert_in_range(port, 1, MODEL_HUB_PORTS);
    if (setup[0] == 0xa3) {
        return give_bytes((const uint8_t *)&hub->port[port], 4, data, bytes, out_left);
    }
    if (setup[1] == 3 && feature == 8) {
        hub->port[port] |= HUB_POWER;
    } else if (setup[1] == 3) {
        assert_int_equal(feature, 4);
        assert_true(hub->port[port] & HUB_POWER);
        reset_behind(hub, port);
    } else {
        assert_true(feature == 1 || (feature >= 16 && feature <= 20));
        hub->port[port] &= ~(1u << feature);
    }
    return COMPLETION_SUCCESS;
}

static enum completion do_request(struct model_device *device, const uint8_t *setup, void *data,
                                  unsigned *out_left)
{
    unsigned bytes = setup[6] | setup[7] << 8;

    *out_left = 0;
    switch (setup[0] << 8 | setup[1]) {
    case 0x8006:
        return setup[3] == 1
                   ? give_bytes(device->device, device->device_bytes, data, bytes, out_left)
                   : give_bytes(device->configuration, device->configuration_bytes, data, bytes,
                                out_left);
    case 0x0009:
        device->configured = setup[2];
        return COMPLETION_SUCCESS;
    case 0x0201:
        device->halts_cleared++;
        return COMPLETION_SUCCESS;
    case 0x210b:
        device->protocol = setup[2];
        return COMPLETION_SUCCESS;
    case 0x210a:
        return COMPLETION_STALL; /* as mice may */
    case 0x2109:
        device->lamps = *(const uint8_t *)data;
        device->lamps_told++;
        return COMPLETION_SUCCESS;
    case 0xa006:
    case 0xa300:
    case 0x2301:
    case 0x2303:
        return do_hub_request(device, setup, data, bytes, out_left);
    default:
        fail_msg("request %02x %02x", setup[0], setup[1]);
        return COMPLETION_STALL;
    }
}

static bool is_at_fault(const struct model_device *device)
{
    return device->fault != FAULT_NONE && device->transfers >= device->fault_at &&
           device->transfers - device->fault_at < device->fault_count;
}

/* COMPLETION_NONE: nothing comes. */
static enum completion do_transfer(struct slot_state *slot, const uint8_t *setup, void *data,
                                   unsigned *out_left)
{
    struct model_device *device = device_of(slot);

    if (device == NULL) {
        return COMPLETION_TRANSACTION_ERROR;
    }
    device->transfers++;
    if (!is_at_fault(device)) {
        return do_request(device, setup, data, out_left);
    }
    switch (device->fault) {
    case FAULT_STALL:
        return COMPLETION_STALL;
    case FAULT_TRANSACTION:
        return COMPLETION_TRANSACTION_ERROR;
    case FAULT_BABBLE:
        return COMPLETION_BABBLE;
    case FAULT_UNPLUG:
        model_unplug(slot->port);
        return COMPLETION_NONE;
    default:
        return COMPLETION_NONE;
    }
}

/* Setup, perhaps data, status: as they have to follow each other. */
static void run_control(unsigned number)
{
    struct slot_state *slot = &model.slots[number];
    struct endpoint *endpoint = &slot->endpoint[DCI_CONTROL];
    uint64_t place, last;
    const struct trb *setup;

    while (endpoint->state == EP_RUNNING && !endpoint->is_stuck &&
           (setup = next_trb(&endpoint->dequeue, &endpoint->cycle, &place)) != NULL) {
        uint8_t bytes[8];
        unsigned left = 0;
        memcpy(bytes, &setup->parameter, sizeof(bytes));
        unsigned length = bytes[6] | bytes[7] << 8;
        void *data = NULL;
        assert_int_equal(TRB_TYPE_OF(setup), TRB_SETUP);
        assert_true((setup->control & TRB_IMMEDIATE) && setup->status == 8);
        unsigned kind = setup->control >> 16 & 3;
        assert_int_equal(kind, length == 0 ? 0 : bytes[0] & 0x80 ? 3 : 2);
        last = place;
        if (length > 0) {
            const struct trb *stage = next_trb(&endpoint->dequeue, &endpoint->cycle, &last);
            assert_non_null(stage);
            assert_int_equal(TRB_TYPE_OF(stage), TRB_DATA);
            assert_int_equal(stage->status, length);
            assert_int_equal((stage->control & TRB_IN) != 0, (bytes[0] & 0x80) != 0);
            data = at(stage->parameter, length);
        }
        const struct trb *end = next_trb(&endpoint->dequeue, &endpoint->cycle, &place);
        assert_non_null(end);
        assert_int_equal(TRB_TYPE_OF(end), TRB_STATUS);
        assert_true(end->control & TRB_INTERRUPT);
        assert_int_equal((end->control & TRB_IN) != 0, length == 0 || !(bytes[0] & 0x80));
        enum completion code = do_transfer(slot, bytes, data, &left);
        if (code == COMPLETION_SUCCESS || code == COMPLETION_SHORT) {
            tell_transfer(number, DCI_CONTROL, place, code, 0);
        } else if (code != COMPLETION_NONE) {
            endpoint->state = EP_HALTED;
            tell_transfer(number, DCI_CONTROL, last, code, length);
        } else {
            endpoint->is_stuck = true;
        }
    }
}

static void run_interrupt(unsigned number, unsigned dci)
{
    struct endpoint *endpoint = &model.slots[number].endpoint[dci];
    uint64_t place;
    const struct trb *trb;

    while (endpoint->state == EP_RUNNING && (endpoint->count > 0 || endpoint->failure) &&
           (trb = next_trb(&endpoint->dequeue, &endpoint->cycle, &place)) != NULL) {
        assert_int_equal(TRB_TYPE_OF(trb), TRB_NORMAL);
        assert_int_equal(trb->status, endpoint->max_packet);
        if (endpoint->failure != COMPLETION_NONE) {
            endpoint->state = EP_HALTED;
            tell_transfer(number, dci, place, endpoint->failure, trb->status);
            endpoint->failure = COMPLETION_NONE;
            return;
        }
        unsigned bytes = endpoint->bytes[endpoint->first];
        memcpy(at(trb->parameter, trb->status), endpoint->reports[endpoint->first], bytes);
        endpoint->first = (endpoint->first + 1) % QUEUE;
        endpoint->count--;
        tell_transfer(number, dci, place,
                      bytes < trb->status ? COMPLETION_SHORT : COMPLETION_SUCCESS,
                      trb->status - bytes);
    }
}

static unsigned slot_at_port(unsigned port)
{
    for (unsigned i = 1; i <= SLOTS; i++) {
        if (model.slots[i].is_addressed &&
            MODEL_BEHIND(model.slots[i].port, model.slots[i].route) == port) {
            return i;
        }
    }
    return 0;
}

/* Its n-th interrupt endpoint; NULL: nobody has configured it. */
static struct endpoint *find_endpoint(unsigned port, unsigned index, unsigned *out_slot,
                                      unsigned *out_dci)
{
    *out_slot = slot_at_port(port);
    for (*out_dci = 2; *out_slot != 0 && *out_dci < 32; (*out_dci)++) {
        struct endpoint *endpoint = &model.slots[*out_slot].endpoint[*out_dci];
        if (endpoint->state != EP_NONE && index-- == 0) {
            return endpoint;
        }
    }
    return NULL;
}

bool model_report(unsigned port, unsigned index, const uint8_t *report, unsigned bytes)
{
    unsigned slot, dci;
    struct endpoint *endpoint = find_endpoint(port, index, &slot, &dci);

    model_is_idle = false;
    if (endpoint == NULL || endpoint->count == QUEUE) {
        return false;
    }
    assert_true(bytes <= 64);
    unsigned place = (endpoint->first + endpoint->count++) % QUEUE;
    memcpy(endpoint->reports[place], report, bytes);
    endpoint->bytes[place] = bytes;
    run_interrupt(slot, dci);
    return true;
}

void model_fail_endpoint(unsigned port, unsigned index, enum completion completion)
{
    unsigned slot, dci;
    struct endpoint *endpoint = find_endpoint(port, index, &slot, &dci);

    assert_non_null(endpoint);
    endpoint->failure = completion;
    model_is_idle = false;
    run_interrupt(slot, dci);
}

/* ---- commands ---- */

static const uint32_t *context(uint64_t input, unsigned index)
{
    unsigned stride = model.options.big_contexts ? 64 : 32;

    return at(input + index * stride, stride);
}

static void take_endpoint(struct endpoint *endpoint, const uint32_t *from, unsigned type)
{
    assert_int_equal(from[1] >> 3 & 7, type);
    assert_int_equal(from[1] >> 1 & 3, 3);
    uint64_t dequeue = from[2] | (uint64_t)from[3] << 32;
    *endpoint = (struct endpoint){.state = EP_RUNNING,
                                  .dequeue = dequeue & ~0xfull,
                                  .cycle = dequeue & 1,
                                  .max_packet = from[1] >> 16};
    assert_true(endpoint->max_packet > 0);
    assert_true((from[4] & 0xffff) > 0);
}

/* A fast hub, the nearest, speaks for slower devices behind it. */
static void check_translator(const struct slot_state *slot, uint32_t said, unsigned speed)
{
    uint32_t wanted = 0;
    struct slot_state way = {.port = slot->port};

    for (unsigned shift = 0; slot->route >> shift != 0; shift += 4) {
        const struct model_device *hub = device_of(&way);
        unsigned number = slot->route >> shift & 15;

        assert_non_null(hub);
        assert_true(hub->port[number] & HUB_ENABLED);
        assert_int_equal(hub->hub_ports, MODEL_HUB_PORTS);
        if (hub->speed == USB_HIGH) {
            wanted = slot_at_port(MODEL_BEHIND(way.port, way.route)) | number << 8;
        }
        way.route |= number << shift;
    }
    assert_int_equal(said, speed == USB_HIGH ? 0 : wanted);
}

static enum completion address_device(unsigned number, uint64_t input)
{
    struct slot_state *slot = &model.slots[number];
    const uint32_t *list = at(model.contexts + number * 8, 8);

    assert_true(slot->is_enabled && !slot->is_addressed);
    assert_non_null(at(list[0] | (uint64_t)list[1] << 32, 32 * 32)); /* its device context */
    assert_int_equal(context(input, 0)[1], 3);
    slot->port = context(input, 1)[1] >> 16 & 0xff;
    slot->route = context(input, 1)[0] & 0xfffff;
    assert_int_equal(context(input, 1)[0] >> 27, 1);
    struct model_device *device = device_of(slot);
    if (device == NULL || device->refuses_address) {
        return COMPLETION_TRANSACTION_ERROR;
    }
    assert_true(model.ports[slot->port - 1] & PORT_ENABLED);
    check_translator(slot, context(input, 1)[2], device->speed);
    assert_int_equal(context(input, 1)[0] >> 20 & 0xf, device->speed);
    assert_int_equal(slot_at_port(MODEL_BEHIND(slot->port, slot->route)), 0);
    slot->is_addressed = true;
    take_endpoint(&slot->endpoint[DCI_CONTROL], context(input, 2), ENDPOINT_CONTROL);
    return COMPLETION_SUCCESS;
}

static enum completion configure(unsigned number, uint64_t input)
{
    struct slot_state *slot = &model.slots[number];
    uint32_t adds = context(input, 0)[1];
    unsigned last = 1;

    assert_true(slot->is_addressed);
    assert_int_equal(context(input, 0)[0], 0);
    assert_int_equal(adds & 3, 1);
    for (unsigned dci = 2; dci < 32; dci++) {
        if (adds >> dci & 1) {
            take_endpoint(&slot->endpoint[dci], context(input, dci + 1), ENDPOINT_INTERRUPT_IN);
            last = dci;
        }
    }
    if (adds == 1) { /* only to say that it is a hub */
        assert_true(context(input, 1)[0] >> 26 & 1);
        device_of(slot)->hub_ports = context(input, 1)[1] >> 24;
        return COMPLETION_SUCCESS;
    }
    assert_int_equal(context(input, 1)[0] >> 27, last);
    return device_of(slot) != NULL ? COMPLETION_SUCCESS : COMPLETION_TRANSACTION_ERROR;
}

static enum completion evaluate(unsigned number, uint64_t input)
{
    assert_true(model.slots[number].is_addressed);
    assert_int_equal(context(input, 0)[1], 2);
    model.slots[number].endpoint[DCI_CONTROL].max_packet = context(input, 2)[1] >> 16;
    return COMPLETION_SUCCESS;
}

static enum completion change_endpoint(const struct trb *trb)
{
    struct endpoint *endpoint = &model.slots[TRB_SLOT_OF(trb)].endpoint[TRB_ENDPOINT_OF(trb)];
    enum endpoint_state wanted = TRB_TYPE_OF(trb) == TRB_RESET_ENDPOINT  ? EP_HALTED
                                 : TRB_TYPE_OF(trb) == TRB_STOP_ENDPOINT ? EP_RUNNING
                                                                         : EP_STOPPED;

    if (endpoint->state != wanted) {
        return COMPLETION_STATE_ERROR;
    }
    endpoint->state = EP_STOPPED;
    endpoint->is_stuck = false;
    if (TRB_TYPE_OF(trb) == TRB_SET_DEQUEUE) {
        endpoint->state = EP_RUNNING; /* once its doorbell rings; nothing is lost by being early */
        endpoint->dequeue = trb->parameter & ~0xfull;
        endpoint->cycle = trb->parameter & 1;
        (void)at(endpoint->dequeue, sizeof(struct trb));
    }
    return COMPLETION_SUCCESS;
}

static unsigned enable_slot(void)
{
    for (unsigned i = 1; i <= (model.config & 0xff); i++) {
        if (!model.slots[i].is_enabled) {
            assert_int_equal(*(const uint64_t *)at(model.contexts + i * 8, 8), 0);
            model.slots[i] = (struct slot_state){.is_enabled = true};
            return i;
        }
    }
    return 0;
}

static void do_command(const struct trb *trb, uint64_t place)
{
    unsigned slot = TRB_SLOT_OF(trb);
    enum completion code = COMPLETION_SUCCESS;

    assert_true(slot <= SLOTS);
    assert_true(TRB_TYPE_OF(trb) == TRB_ENABLE_SLOT || model.slots[slot].is_enabled);
    switch (TRB_TYPE_OF(trb)) {
    case TRB_ENABLE_SLOT:
        slot = enable_slot();
        code = slot != 0 ? COMPLETION_SUCCESS : COMPLETION_NO_SLOT;
        break;
    case TRB_DISABLE_SLOT:
        model.slots[slot] = (struct slot_state){0};
        break;
    case TRB_ADDRESS_DEVICE:
        code = address_device(slot, trb->parameter);
        break;
    case TRB_CONFIGURE_ENDPOINT:
        code = configure(slot, trb->parameter);
        break;
    case TRB_EVALUATE_CONTEXT:
        code = evaluate(slot, trb->parameter);
        break;
    case TRB_RESET_ENDPOINT:
    case TRB_STOP_ENDPOINT:
    case TRB_SET_DEQUEUE:
        code = change_endpoint(trb);
        break;
    default:
        fail_msg("command %u", TRB_TYPE_OF(trb));
    }
    model_commands++;
    tell_command(place, code, slot);
}

static void ring_doorbell(unsigned slot, uint32_t target)
{
    const struct trb *trb;
    uint64_t place;

    assert_true(model.command & COMMAND_RUN);
    if (slot == 0) {
        assert_int_equal(target, 0);
        while (!model.options.is_deaf &&
               (trb = next_trb(&model.command_ring, &model.command_cycle, &place)) != NULL) {
            do_command(trb, place);
        }
    } else if (target == DCI_CONTROL) {
        assert_true(slot <= SLOTS && model.slots[slot].is_addressed);
        run_control(slot);
    } else {
        assert_true(slot <= SLOTS && target < 32);
        assert_true(model.slots[slot].endpoint[target].state != EP_NONE);
        run_interrupt(slot, target);
    }
}

/* ---- ports ---- */

static uint32_t connected(unsigned port)
{
    const struct model_device *device = model.devices[port - 1];

    return PORT_POWER | (device != NULL ? PORT_CONNECTED | device->speed << 10 : 0);
}

static void change_port(unsigned port, uint32_t status, uint32_t change)
{
    model.ports[port - 1] = status | (model.ports[port - 1] & PORT_CHANGES) | change;
    model_is_idle = false;
    tell_port(port);
}

void model_plug(unsigned port, struct model_device *device)
{
    assert_null(model.devices[port - 1]);
    model.devices[port - 1] = device;
    device->transfers = 0;
    device->configured = 0;
    change_port(port, connected(port), PORT_CHANGED_CONNECTION);
}

void model_unplug(unsigned port)
{
    model.devices[port - 1] = NULL;
    model.resetting[port - 1] = false;
    change_port(port, connected(port), PORT_CHANGED_CONNECTION);
}

static void write_port(unsigned port, uint32_t value)
{
    uint32_t *status = &model.ports[port - 1];

    *status &= ~(value & PORT_CHANGES);
    if (value & PORT_ENABLED) {
        *status &= ~PORT_ENABLED;
    }
    assert_true(value & PORT_POWER); /* nobody switches it off */
    if ((value & PORT_RESET) && (*status & PORT_CONNECTED)) {
        *status = (*status & ~PORT_ENABLED) | PORT_RESET;
        model.resetting[port - 1] = true;
        model_is_idle = false;
    }
}

static void finish_resets(void)
{
    for (unsigned port = 1; port <= MODEL_PORTS; port++) {
        struct model_device *device = model.devices[port - 1];

        if (model.resetting[port - 1] && !device->never_resets) {
            model.resetting[port - 1] = false;
            change_port(port, connected(port) | PORT_ENABLED, PORT_CHANGED_RESET);
        }
    }
}

/* ---- registers ---- */

static void reset(void)
{
    model.command = 0;
    model.status = STATUS_HALTED;
    model.config = 0;
    model.is_pending = false;
    model.is_busy = false;
    model.events = 0;
    memset(model.slots, 0, sizeof(model.slots));
    for (unsigned port = 1; port <= MODEL_PORTS; port++) {
        model.resetting[port - 1] = false;
        model.ports[port - 1] =
            connected(port) | (model.devices[port - 1] != NULL ? PORT_CHANGED_CONNECTION : 0);
    }
}

static uint32_t read_capability(uint32_t offset)
{
    switch (offset) {
    case CAP_LENGTH:
        return 0x01100000 | OPERATIONAL;
    case CAP_STRUCTURAL1:
        return MODEL_PORTS << 24 | 1 << 8 | model.options.slots;
    case CAP_STRUCTURAL2:
        return model.options.scratch << 27;
    case CAP_PARAMETERS1:
        return (EXTENDED / 4) << 16 | (model.options.big_contexts ? PARAMETERS1_CONTEXT_64 : 0) |
               (model.options.is_32_bit ? 0 : PARAMETERS1_ADDRESS_64);
    case CAP_DOORBELLS:
        return DOORBELLS;
    case CAP_RUNTIME:
        return RUNTIME;
    default:
        fail_msg("capability %x", offset);
        return 0;
    }
}

uint32_t hardware_read(const struct hardware *hardware, uint32_t offset)
{
    (void)hardware;
    if (offset < OPERATIONAL) {
        return read_capability(offset);
    }
    if (offset >= EXTENDED && offset < RUNTIME) {
        return offset == EXTENDED        ? 2 | 4 << 8 /* a protocol, which nobody needs */
               : offset == EXTENDED + 16 ? model.legacy
                                         : 0x1f;
    }
    uint32_t op = offset - OPERATIONAL;
    if (op >= OP_PORT(1)) {
        assert_true((op - OP_PORT(1)) % 16 == 0 && op < OP_PORT(MODEL_PORTS + 1));
        return model.ports[(op - OP_PORT(1)) / 16];
    }
    switch (op) {
    case OP_COMMAND:
        return model.command;
    case OP_STATUS:
        return model.status;
    case OP_PAGE_SIZE:
        return PAGE_SIZE_4K;
    default:
        fail_msg("reads %x", offset);
        return 0;
    }
}

static void write_command(uint32_t value)
{
    if (value & COMMAND_RESET) {
        assert_true(model.status & STATUS_HALTED);
        reset();
        return;
    }
    if ((value & COMMAND_RUN) && !(model.command & COMMAND_RUN)) {
        const uint32_t *segment = at(model.segment, 16);
        model.events = segment[0] | (uint64_t)segment[1] << 32;
        model.event_count = segment[2];
        model.event_next = 0;
        model.event_cycle = true;
        assert_true(model.config > 0 && model.contexts != 0 && (value & COMMAND_INTERRUPTS));
        if (model.options.scratch > 0) {
            const uint64_t *list =
                at(*(const uint64_t *)at(model.contexts, 8), model.options.scratch * 8);
            for (unsigned i = 0; i < model.options.scratch; i++) {
                memset(at(list[i], 4096), 0x5a, 4096);
            }
        }
    }
    model.command = value;
    model.status = (model.status & ~STATUS_HALTED) | (value & COMMAND_RUN ? 0 : STATUS_HALTED);
    for (unsigned port = 1; (value & COMMAND_RUN) && port <= MODEL_PORTS; port++) {
        if (model.ports[port - 1] & PORT_CHANGES) {
            tell_port(port);
        }
    }
}

static void write_upper(uint32_t which, uint32_t value)
{
    uint64_t whole = model.low[which] | (uint64_t)value << 32;

    switch (which) {
    case 0:
        model.command_ring = whole & ~0x3full;
        model.command_cycle = whole & 1;
        break;
    case 1:
        model.contexts = whole;
        assert_int_equal(whole & 0x3f, 0);
        break;
    case 2:
        model.segment = whole;
        assert_int_equal(whole & 0x3f, 0);
        break;
    default:
        model.erdp = whole;
        (void)at(whole & ~0xfull, sizeof(struct trb));
        if (whole & DEQUEUE_HANDLED) {
            model.is_busy =
                model.events != 0 && (whole & ~0xfull) != model.events + model.event_next * 16;
            model.is_pending |= model.is_busy;
        }
    }
}

static void write_run(uint32_t offset, uint32_t value)
{
    switch (offset) {
    case RUN_MANAGEMENT:
    case RUN_MODERATION:
        break;
    case RUN_TABLE_SIZE:
        assert_int_equal(value, 1);
        break;
    case RUN_TABLE:
        model.low[2] = value;
        break;
    case RUN_TABLE + 4:
        write_upper(2, value);
        break;
    case RUN_DEQUEUE:
        model.low[3] = value;
        break;
    case RUN_DEQUEUE + 4:
        write_upper(3, value);
        break;
    default:
        fail_msg("writes runtime %x", offset);
    }
}

static void write_op(uint32_t op, uint32_t value)
{
    switch (op) {
    case OP_COMMAND:
        write_command(value);
        break;
    case OP_STATUS:
        model.status &= ~(value & STATUS_INTERRUPT);
        break;
    case OP_COMMAND_RING:
        model.low[0] = value;
        break;
    case OP_COMMAND_RING + 4:
        write_upper(0, value);
        break;
    case OP_CONTEXTS:
        model.low[1] = value;
        break;
    case OP_CONTEXTS + 4:
        write_upper(1, value);
        break;
    case OP_CONFIG:
        assert_true(value <= model.options.slots);
        model.config = value;
        break;
    default:
        assert_true(op >= OP_PORT(1) && (op - OP_PORT(1)) % 16 == 0 &&
                    op < OP_PORT(MODEL_PORTS + 1));
        write_port((op - OP_PORT(1)) / 16 + 1, value);
    }
}

void hardware_write(const struct hardware *hardware, uint32_t offset, uint32_t value)
{
    (void)hardware;
    if (offset >= DOORBELLS) {
        ring_doorbell((offset - DOORBELLS) / 4, value);
    } else if (offset >= RUNTIME) {
        write_run(offset - RUNTIME, value);
    } else if (offset == EXTENDED + 16) {
        model.legacy = value & ~LEGACY_FIRMWARE; /* it lets go at once */
    } else if (offset == EXTENDED + 20) {
        assert_int_equal(value & 0xe011, 0); /* no firmware interrupts any more */
    } else {
        write_op(offset - OPERATIONAL, value);
    }
}

/* ---- time ---- */

void hardware_wait(const struct hardware *hardware, uint64_t deadline)
{
    (void)hardware;
    finish_resets();
    if (model.is_pending) {
        model.is_pending = false;
    } else if (deadline == FOREVER) {
        model_is_idle = true;
    } else if (deadline > model_now) {
        model_now = deadline;
    }
}

uint64_t hardware_now(void)
{
    return model_now += 1000;
}

void hardware_sleep(uint64_t ns)
{
    model_now += ns;
}

/* ---- the whole ---- */

void model_init(const struct model_options *options)
{
    for (unsigned i = 0; i < area_count; i++) {
        free(areas[i].memory);
    }
    area_count = 0;
    next_physical = PHYSICAL;
    memset(&model, 0, sizeof(model));
    model.options = *options;
    model.legacy = EXTENDED_LEGACY | (options->firmware_holds ? LEGACY_FIRMWARE : 0);
    reset();
}

void model_break(void)
{
    model.status |= STATUS_BROKEN;
    model.is_pending = true;
    model_is_idle = false;
}

bool model_is_running(void)
{
    return (model.command & COMMAND_RUN) != 0;
}

unsigned model_slots_in_use(void)
{
    unsigned count = 0;

    for (unsigned i = 1; i <= SLOTS; i++) {
        count += model.slots[i].is_enabled;
    }
    return count;
}
