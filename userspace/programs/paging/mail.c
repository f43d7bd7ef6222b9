/* SPDX-License-Identifier: MIT */
/*
 * Messages between buffers that do not fit into memory: what arrives is what was sent, and no call fails because a page
 * of a buffer was away.
 *
 * Each core has a client and a server. The client sends a letter, the server keeps it in a slot of its own and sends it back from there;
 * all slots are used here and there, so most of them are with the pager when their turn comes.
 */
#include <stdio.h>
#include <string.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/message.h"
#include "userspace/lib/random.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/paging/paging.h"

#define SLOT_PAGES 8u
#define SLOT_WORDS (SLOT_PAGES * PAGE_WORDS)
#define SLOT_BYTES (SLOT_PAGES * PAGE_BYTES)
#define REPEAT     64u /* words: so that pages can be made small */
#define LABEL_END  1u
#define PATIENCE   (30 * NS_PER_S)

struct pair {
    struct thread client, server;
    uint64_t mailbox, slots, rounds, random;
    uint64_t *letters, *answers,
        *desk; /* of the client; of the client; of the server: `slots` each */
};

static uint64_t letter_word(const struct pair *pair, uint64_t slot, uint64_t word)
{
    return random_mix((pair->mailbox << 20 | slot) * REPEAT + word % REPEAT);
}

static void write_letters(const struct pair *pair)
{
    for (uint64_t slot = 0; slot < pair->slots; slot++) {
        for (unsigned word = 0; word < SLOT_WORDS; word++) {
            pair->letters[slot * SLOT_WORDS + word] = letter_word(pair, slot, word);
        }
    }
}

static void check_answer(const struct pair *pair, uint64_t slot, const uint64_t *answer,
                         uint64_t words)
{
    for (uint64_t word = 0; word < words; word++) {
        if (answer[word] != letter_word(pair, slot, word)) {
            die("letter %lu, word %lu of %lu: %lx", slot, word, words, answer[word]);
        }
    }
}

static void send_letters(void *argument)
{
    struct pair *pair = argument;
    struct message end = {.label = LABEL_END};

    write_letters(pair);
    for (uint64_t i = 0; i < pair->slots * pair->rounds; i++) {
        uint64_t from = random_next(&pair->random) % pair->slots;
        uint64_t to = random_next(&pair->random) % pair->slots;
        uint64_t words = random_next(&pair->random) % SLOT_WORDS + 1;
        uint64_t *answer = pair->answers + to * SLOT_WORDS;
        struct message message = {0};
        message_send_buffer(&message, pair->letters + from * SLOT_WORDS, words * sizeof(uint64_t));
        message_receive_buffer(&message, answer, SLOT_BYTES);
        must(message_call(pair->mailbox, &message, DEADLINE_FOREVER));
        VERIFY(message.word[1] == words * sizeof(uint64_t));
        check_answer(pair, from, answer, words);
    }
    must(message_call(pair->mailbox, &end, DEADLINE_FOREVER));
}

static void send_back(void *argument)
{
    struct pair *pair = argument;
    struct message message = {0};
    uint64_t random = ~pair->random;
    uint64_t *slot = pair->desk;

    message_receive_buffer(&message, slot, SLOT_BYTES);
    must(message_receive(pair->mailbox, &message, DEADLINE_FOREVER));
    while (message_label(&message) != LABEL_END) {
        struct message answer = {.token = message.token};
        message_send_buffer(&answer, slot, message.word[1]);
        slot = pair->desk + random_next(&random) % pair->slots * SLOT_WORDS;
        message_receive_buffer(&answer, slot, SLOT_BYTES);
        must(message_reply_receive(pair->mailbox, &answer));
        message = answer;
    }
    message = (struct message){.token = message.token};
    must(message_reply(pair->mailbox, &message));
}

/* The kernel's part of a thread does not wait for the pager, so while that is behind there may be no memory for it. */
static void start_patiently(struct thread *thread, void (*function)(void *), struct pair *pair,
                            uint64_t flags, const char *name)
{
    uint64_t deadline = clock_now() + PATIENCE;
    status_t status;

    while ((status = thread_start(thread, function, pair, flags, name)) == ERR_NO_MEMORY &&
           clock_now() < deadline) {
        clock_sleep(NS_PER_MS);
    }
    must(status);
}

static void start_pair(struct pair *pair, unsigned cpu)
{
    must(sys_mailbox_create("letters", strlen("letters"), &pair->mailbox));
    start_patiently(&pair->server, send_back, pair, THREAD_ANYWHERE, "server");
    start_patiently(&pair->client, send_letters, pair, THREAD_CORE(cpu), "client");
}

void mail_run(uint64_t *memory, uint64_t bytes, unsigned cores, uint64_t rounds)
{
    static struct pair pairs[FILL_THREADS_MAX];
    uint64_t slots = bytes / cores / (3 * SLOT_BYTES), letters = 0;

    for (unsigned i = 0; i < cores; i++) {
        uint64_t *own = memory + i * 3 * slots * SLOT_WORDS;
        pairs[i] = (struct pair){.slots = slots,
                                 .rounds = rounds,
                                 .random = i + 1,
                                 .letters = own,
                                 .answers = own + slots * SLOT_WORDS,
                                 .desk = own + 2 * slots * SLOT_WORDS};
        start_pair(&pairs[i], i);
    }
    for (unsigned i = 0; i < cores; i++) {
        thread_join(&pairs[i].client);
        thread_join(&pairs[i].server);
        letters += pairs[i].slots * pairs[i].rounds;
    }
    report("%lu letters came back as they were sent", letters);
}
