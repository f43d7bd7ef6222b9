/* SPDX-License-Identifier: MIT */
#include "userspace/services/input/queue.h"

static struct input_event ring[QUEUE_EVENTS];
static uint64_t end;

void queue_add(const struct input_event *event)
{
    ring[end++ % QUEUE_EVENTS] = *event;
}

uint64_t queue_end(void)
{
    return end;
}

unsigned queue_read(uint64_t from, struct input_event *out, unsigned limit, uint64_t *out_next,
                    uint64_t *out_missed)
{
    uint64_t first = end > QUEUE_EVENTS ? end - QUEUE_EVENTS : 0;
    uint64_t start = from < first ? first : from < end ? from : end;
    unsigned count = 0;

    for (; count < limit && start + count < end; count++) {
        out[count] = ring[(start + count) % QUEUE_EVENTS];
    }
    *out_next = start + count;
    *out_missed = from < start ? start - from : 0;
    return count;
}
