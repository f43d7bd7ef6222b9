/* SPDX-License-Identifier: MIT */
/*
 * What the parts of mesh agree on: a request is one number, and all else follows from it.
 *
 * The nodes are servers with mailboxes 0 to n - 1. A node calls only nodes with higher numbers, so
 * no two wait for each other. What it does with a request, how often it calls whom and who answers,
 * is a function of the request and the node, and so is the right answer: client and server both
 * know it without a word about it being sent.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/lib/clock.h"
#include "userspace/lib/message.h"
#include "userspace/lib/random.h"

#define MESH_FILE   "mesh"
#define NODES_MAX   8u
#define CALLERS_MAX 16u /* nodes, then clients: the badges of their handles are number + 1 */
#define THREADS_MAX 4u  /* of a node */
#define MESH_CALLS  2u  /* a node makes for one request, at most */
#define PATIENCE    (60 * NS_PER_S)
#define HASH_STEP   0x9e3779b97f4a7c15ull

enum mesh_label {
    MESH_WORK = 1, /* word 0 the request, the others made of it; the same with the answer */
    MESH_REPORT, /* word 0 a caller's number: how many calls of it were served, how many made to it */
    MESH_QUIT,   /* ends one thread of the node */
};

struct mesh_step {
    unsigned calls;              /* that the node makes before it answers */
    unsigned target[MESH_CALLS]; /* whom */
    bool has_deadline;           /* they take one: then they do not take the direct path */
    bool is_forwarded;           /* another thread of the node answers */
};

static inline struct mesh_step mesh_step(uint64_t request, unsigned node, unsigned nodes)
{
    uint64_t hash = random_mix(request + node * HASH_STEP);
    unsigned above = nodes - node - 1;
    struct mesh_step step = {
        .calls = above == 0 ? 0 : (unsigned)(hash % (MESH_CALLS + 1)),
        .has_deadline = (hash >> 8) % 4 == 0,
        .is_forwarded = (hash >> 16) % 8 == 0,
    };
    for (unsigned i = 0; i < step.calls; i++) {
        step.target[i] = node + 1 + (unsigned)((hash >> (24 + 8 * i)) % above);
    }
    return step;
}

/* The request that a node makes of its own for its call number i. */
static inline uint64_t mesh_onward(uint64_t request, unsigned i)
{
    return random_mix(request ^ (i + 1) * HASH_STEP);
}

/* mesh_fold() - take the answer to one of its calls into a node's own answer, which begins as mesh_begin(). */
static inline uint64_t mesh_begin(uint64_t request, unsigned node)
{
    return random_mix(~request + node);
}

static inline uint64_t mesh_fold(uint64_t answer, uint64_t part)
{
    return random_mix(answer ^ part);
}

/* mesh_write() / mesh_is_good() - all words of a message follow from the first. */
static inline void mesh_write(struct message *message, uint64_t first)
{
    message->label = MESH_WORK;
    message->word[0] = first;
    for (unsigned i = 1; i < MESSAGE_WORDS; i++) {
        message->word[i] = random_mix(first + i * HASH_STEP);
    }
}

static inline bool mesh_is_good(const struct message *message)
{
    uint64_t damage = 0;
    for (unsigned i = 1; i < MESSAGE_WORDS; i++) {
        damage |= message->word[i] ^ random_mix(message->word[0] + i * HASH_STEP);
    }
    return message_label(message) == MESH_WORK && damage == 0;
}

static inline uint64_t mesh_deadline(bool has_deadline)
{
    return has_deadline ? clock_now() + PATIENCE : DEADLINE_FOREVER;
}

/* The program behind role=node. Returns the exit code. */
int node_main(void);
