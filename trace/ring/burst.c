/* SPDX-License-Identifier: MIT */
/* More than so many within so long: see burst.h. Pure code, also built on the host. */
#include "trace/ring/burst.h"

#define SINCE_BITS 8u
#define SINCE_MASK ((1ull << SINCE_BITS) - 1)
#define FIRED      1ull

static_assert(SINCE_MASK >= TRACE_BURST_MAX, "a head that counts so far");

static _Atomic uint64_t *place_of(struct trace_burst *burst, uint64_t number)
{
    return &burst->at[number % TRACE_BURST_PLACES];
}

/* Each load is before the next: B2. */
static uint64_t load(const _Atomic uint64_t *from)
{
    return atomic_load_explicit(from, memory_order_acquire);
}

/* head after an event behind it; whoever moves it comes to the same. */
static uint64_t next_head(uint64_t head, uint64_t event)
{
    uint64_t since = head & SINCE_MASK;
    uint64_t number = (head >> SINCE_BITS) + 1;
    return number << SINCE_BITS | (event & FIRED ? 0 : MIN(since + 1, SINCE_MASK));
}

static void move_head(struct trace_burst *burst, uint64_t head, uint64_t event)
{
    atomic_compare_exchange_strong_explicit(&burst->head, &head, next_head(head, event),
                                            memory_order_acq_rel, memory_order_relaxed);
}

bool trace_burst_try(struct trace_burst *burst, const struct trace_burst_limit *limit, tsc_t now,
                     struct trace_burst_event *out)
{
    uint64_t head = load(&burst->head), number = (head >> SINCE_BITS) + 1;
    _Atomic uint64_t *place = place_of(burst, number);
    uint64_t last = load(place_of(burst, number - 1));
    uint64_t first = load(place_of(burst, number - limit->more));
    uint64_t old = load(place);
    if (load(&burst->head) != head) {
        return false;
    }
    if (old >> 1 > last >> 1) { /* times grow (B1), so this one is filled already */
        move_head(burst, head, old);
        return false;
    }
    now = MAX(now, (last >> 1) + 1);
    tsc_t elapsed = limit->more == 0 ? 0 : now - (first >> 1);
    bool fires = (head & SINCE_MASK) >= limit->more && elapsed <= limit->within;
    uint64_t event = now << 1 | fires;
    if (!atomic_compare_exchange_strong_explicit(place, &old, event, memory_order_acq_rel,
                                                 memory_order_relaxed)) {
        return false;
    }
    move_head(burst, head, event);
    *out = (struct trace_burst_event){
        .number = number, .time = now, .elapsed = elapsed, .fires = fires};
    return true;
}

uint64_t trace_burst_counted(const struct trace_burst *burst)
{
    return load(&burst->head) >> SINCE_BITS;
}
