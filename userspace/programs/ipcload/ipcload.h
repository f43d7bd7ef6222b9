/* SPDX-License-Identifier: MIT */
/*
 * What the parts of ipcload agree on: the messages, and what a right answer is.
 *
 *     client ---> server                 words or a buffer; the answer is a function of the
 *                                        request and the client's badge
 *     client ---> middle ---> server 0   the same, and the middle server adds its part
 *
 * A request's label holds its kind in bits 0-7 and the number of its words in bits 8-15.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/lib/clock.h"
#include "userspace/lib/message.h"

#define IPCLOAD_FILE "ipcload"

enum ipcload_kind {
    KIND_WORDS = 1, /* words in registers */
    KIND_BUFFER,    /* word 4 = seed of the buffer's contents; words 5 to 7 as they come */
    KIND_HOLD,      /* words; the server answers only after the next message, or a while later */
    KIND_QUIT,      /* ends a thread of the server; reply word 0 = calls it has served */
    KIND_BAD,       /* only as a reply: the server found the request damaged */
};

/* No answer within this time is a lost wake-up. Time spent in kdebug does not count. */
#define PATIENCE (60 * NS_PER_S)

#define BUFFER_BYTES_MAX   0x10000u
#define SERVER_THREADS_MAX 4u
#define BADGE_MIDDLE       0xfffu /* of the calls that the middle server makes */
#define NESTED_EVERY       8u /* of a client's calls the last of so many goes through the middle */

static inline uint32_t ipcload_label(enum ipcload_kind kind, unsigned words)
{
    return (uint32_t)kind | words << 8;
}

static inline enum ipcload_kind ipcload_kind(uint32_t label)
{
    return (enum ipcload_kind)(label & 0xff);
}

static inline unsigned ipcload_words(uint32_t label)
{
    return label >> 8 & 0xff;
}

/*
 * answer_word() - what a server makes of word number 'index' of a call through a handle with this
 * badge.
 */
static inline uint64_t answer_word(uint64_t word, unsigned index, uint64_t badge)
{
    return (word ^ badge) * 0x9e3779b97f4a7c15ull + index;
}

/* answer_seed() - the seed of the buffer in the answer, from the one of the request. */
static inline uint64_t answer_seed(uint64_t seed, uint64_t badge)
{
    return answer_word(seed, 99, badge);
}

/* payload_fill() / payload_is_good() - write / check the bytes that belong to a seed. */
void payload_fill(uint8_t *buffer, uint64_t bytes, uint64_t seed);
bool payload_is_good(const uint8_t *buffer, uint64_t bytes, uint64_t seed);

/* The programs behind role=client, role=server and role=middle. Return the exit code. */
int client_main(void);
int server_main(void);
int middle_main(void);
