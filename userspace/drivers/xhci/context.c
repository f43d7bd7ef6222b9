/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/xhci/context.h"

#include <string.h>

#include "userspace/drivers/xhci/port.h"

#define SLOT_ENTRIES_SHIFT   27
#define SLOT_SPEED_SHIFT     20
#define SLOT_PORT_SHIFT      16
#define SLOT_IS_HUB          (1u << 26)
#define SLOT_HUB_PORTS_SHIFT 24
#define SLOT_TT_PORT_SHIFT   8
#define EP_INTERVAL_SHIFT    16
#define EP_ERRORS_3          (3u << 1) /* tries before an error is told */
#define EP_TYPE_SHIFT        3
#define EP_PACKET_SHIFT      16
#define EP_PAYLOAD_SHIFT     16
#define CONTROL_AVERAGE      8u
#define INTERVAL_PER_MS      3u /* 2^3 * 125 us */
#define INTERVAL_SLOW_MAX    10u
#define INTERVAL_FAST_MAX    15u
#define DIRECTION_IN         0x80u
#define ENDPOINT_NUMBER      0x0fu

static uint32_t *context_at(const struct input_context *input, unsigned index)
{
    return (uint32_t *)((char *)input->memory + index * input->stride);
}

static uint32_t *endpoint_at(const struct input_context *input, unsigned dci)
{
    return context_at(input, 1 + dci);
}

void context_begin(const struct input_context *input, uint32_t brings)
{
    memset(input->memory, 0, (size_t)input->stride * (CONTEXTS + 1));
    context_at(input, 0)[1] = brings;
}

void context_set_slot(const struct input_context *input, const struct slot_facts *facts)
{
    uint32_t *slot = context_at(input, 1);

    slot[0] = facts->last_dci << SLOT_ENTRIES_SHIFT | facts->place.speed << SLOT_SPEED_SHIFT |
              facts->place.route | (facts->hub_ports != 0 ? SLOT_IS_HUB : 0);
    slot[1] = facts->hub_ports << SLOT_HUB_PORTS_SHIFT | facts->place.port << SLOT_PORT_SHIFT;
    slot[2] = facts->place.translator_port << SLOT_TT_PORT_SHIFT | facts->place.translator;
}

void context_set_endpoint(const struct input_context *input, unsigned dci,
                          const struct endpoint_facts *facts)
{
    uint32_t *endpoint = endpoint_at(input, dci);
    bool is_control = facts->type == ENDPOINT_CONTROL;

    endpoint[0] = facts->interval << EP_INTERVAL_SHIFT;
    endpoint[1] =
        EP_ERRORS_3 | (uint32_t)facts->type << EP_TYPE_SHIFT | facts->max_packet << EP_PACKET_SHIFT;
    endpoint[2] = (uint32_t)facts->dequeue;
    endpoint[3] = (uint32_t)(facts->dequeue >> 32);
    endpoint[4] =
        is_control ? CONTROL_AVERAGE : facts->max_packet | facts->max_packet << EP_PAYLOAD_SHIFT;
}

/* Slow devices say milliseconds, of which there is the next lower power of two; fast ones an exponent plus one. */
unsigned context_interval(unsigned speed, unsigned said)
{
    unsigned interval = INTERVAL_PER_MS;

    said = said != 0 ? said : 1;
    if (speed == USB_HIGH || speed >= USB_SUPER) {
        return said - 1 < INTERVAL_FAST_MAX ? said - 1 : INTERVAL_FAST_MAX;
    }
    while (said >>= 1) {
        interval++;
    }
    return interval < INTERVAL_SLOW_MAX ? interval : INTERVAL_SLOW_MAX;
}

unsigned context_dci(unsigned address)
{
    return 2 * (address & ENDPOINT_NUMBER) + ((address & DIRECTION_IN) != 0);
}
