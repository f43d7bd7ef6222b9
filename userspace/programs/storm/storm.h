/* SPDX-License-Identifier: MIT */
/*
 * What the parts of storm agree on.
 *
 * A chain is a client thread, a middle process and a back process, all on one core, so that their calls go directly from one
 * to the next (kernel/ipc/direct.c). Any of them is killed at any moment:
 *
 *      client ──call──> middle ──call──> back          killed: the client alone, and a new one goes on where it was;
 *      (thread)         (process)        (process)     or one of the processes, and the chain gets two new ones
 *
 * Requests are numbered by the client. Each number is given once, received at most once by each process, and answered at
 * most once; the ledger, in memory that all share and nobody's death takes away, says how often.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "userspace/lib/check.h"
#include "userspace/lib/message.h"
#include "userspace/lib/random.h"

#define STORM_FILE    "storm"
#define CHAINS_MAX    8u
#define STAGES        2u /* middle, back */
#define LEDGER_BYTES  (CHAINS_MAX * PAGE_BYTES)
#define PAYLOAD_WORDS 64u
#define PAYLOAD_EACH  4u /* every fourth request takes a buffer along */
#define HASH_STEP     0x9e3779b97f4a7c15ull

enum storm_label { STORM_WORK = 1, STORM_PEER_GONE };

/* One writer for each: whoever stands in for the client, the middle or the back just now. */
struct ledger {
    atomic_ullong sent, answered, failed; /* the client's */
    struct {
        atomic_ullong received; /* requests */
        atomic_ullong last;     /* number of the last */
    } stage[STAGES];
};

static inline struct ledger *ledger_of(uint64_t base, unsigned chain)
{
    return (struct ledger *)(base + chain * PAGE_BYTES);
}

/* Words 0 to 3 are for buffers; 4 to 7, and the buffer, follow from the number. */
static inline void storm_write(struct message *message, uint64_t number,
                               uint64_t payload[PAYLOAD_WORDS])
{
    *message = (struct message){.label = STORM_WORK};
    for (unsigned i = 4; i < MESSAGE_WORDS; i++) {
        message->word[i] = i == 4 ? number : random_mix(number + i * HASH_STEP);
    }
    if (payload != NULL && number % PAYLOAD_EACH == 0) {
        for (unsigned i = 0; i < PAYLOAD_WORDS; i++) {
            payload[i] = random_mix(number ^ i * HASH_STEP);
        }
        message_send_buffer(message, payload, PAYLOAD_WORDS * sizeof(uint64_t));
    }
}

static inline bool storm_is_good(const struct message *message, const uint64_t *payload)
{
    uint64_t number = message->word[4], damage = 0;
    for (unsigned i = 5; i < MESSAGE_WORDS; i++) {
        damage |= message->word[i] ^ random_mix(number + i * HASH_STEP);
    }
    for (unsigned i = 0; payload != NULL && number % PAYLOAD_EACH == 0 && i < PAYLOAD_WORDS; i++) {
        damage |= payload[i] ^ random_mix(number ^ i * HASH_STEP);
    }
    return damage == 0;
}

static inline uint64_t storm_answer(uint64_t number)
{
    return random_mix(number);
}

/* The program behind role=middle and role=back. */
int server_main(void);
