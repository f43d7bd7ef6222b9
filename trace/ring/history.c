/* SPDX-License-Identifier: MIT */
/* First events that wait for their second: see history.h. Pure code, also built on the host. */
#include "trace/ring/history.h"

#define PROBES      8u
#define HASH_FACTOR 0x9e3779b97f4a7c15ull /* 2^64 / golden ratio */

/* Forms of trace_place_kept.key: keys have their lowest bit set, so they are never one of these. */
#define FREE    0ull
#define CLAIMED 2ull

static uint64_t mark_key(uint64_t key)
{
    return key << 1 | 1;
}

static struct trace_place_kept *place_of(struct trace_history *history, uint64_t key, unsigned i)
{
    unsigned at = (unsigned)(key * HASH_FACTOR >> 32);
    return &history->place[(at + i) % TRACE_HISTORY_PLACES];
}

static bool claim(struct trace_place_kept *place, uint64_t expected)
{
    return atomic_compare_exchange_strong_explicit(&place->key, &expected, CLAIMED,
                                                   memory_order_acquire, memory_order_relaxed);
}

/* Ends a claim; pairs with the acquire in claim(). */
static void release(struct trace_place_kept *place, uint64_t key)
{
    atomic_store_explicit(&place->key, key, memory_order_release);
}

static struct trace_place_kept *claim_one(struct trace_history *history, uint64_t key,
                                          uint64_t expected)
{
    for (unsigned i = 0; i < PROBES; i++) {
        struct trace_place_kept *place = place_of(history, key, i);
        if (claim(place, expected)) {
            return place;
        }
    }
    return NULL;
}

void trace_history_put(struct trace_history *history, uint64_t key,
                       const struct trace_moment *moment)
{
    key = mark_key(key);
    struct trace_place_kept *place = claim_one(history, key, key);
    if (place == NULL) {
        place = claim_one(history, key, FREE);
    }
    if (place == NULL) {
        atomic_fetch_add_explicit(&history->left_out, 1, memory_order_relaxed);
        return;
    }
    place->moment = *moment;
    release(place, key);
}

bool trace_history_take(struct trace_history *history, uint64_t key, struct trace_moment *out)
{
    key = mark_key(key);
    struct trace_place_kept *place = claim_one(history, key, key);
    if (place == NULL) {
        return false;
    }
    *out = place->moment;
    release(place, FREE);
    return true;
}

bool trace_history_take_old(struct trace_history *history, tsc_t before, struct trace_moment *out,
                            tsc_t *out_next)
{
    *out_next = 0;
    for (unsigned i = 0; i < TRACE_HISTORY_PLACES; i++) {
        struct trace_place_kept *place = &history->place[i];
        uint64_t key = atomic_load_explicit(&place->key, memory_order_relaxed);
        if (key == FREE || key == CLAIMED || !claim(place, key)) {
            continue;
        }
        *out = place->moment;
        bool is_old = out->tsc <= before;
        release(place, is_old ? FREE : key);
        if (is_old) {
            return true;
        }
        *out_next = *out_next == 0 ? out->tsc : MIN(*out_next, out->tsc);
    }
    return false;
}
