/* SPDX-License-Identifier: MIT */
/* The client: makes calls of all sizes in turn and checks every word and byte of the answers. */
#include <stdio.h>
#include <string.h>

#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/option.h"
#include "userspace/lib/random.h"
#include "userspace/lib/start.h"
#include "userspace/programs/ipcload/ipcload.h"

#define SIZES_MAX 16u

#define HOLD_EVERY 16u
#define MARK_EVERY 256u

struct size {
    bool is_buffer;
    uint64_t count; /* words or bytes */
};

static struct size sizes[SIZES_MAX];
static unsigned size_count;
static uint8_t in[BUFFER_BYTES_MAX] __attribute__((aligned(16)));
static uint8_t out[BUFFER_BYTES_MAX] __attribute__((aligned(16)));

/* "0w+8w+512": words with a w, else bytes. */
static void parse_sizes(const char *text)
{
    while (*text != '\0') {
        const char *plus = strchr(text, '+');
        unsigned length = (unsigned)(plus == NULL ? strlen(text) : (size_t)(plus - text));
        struct size *size = &sizes[size_count++];

        VERIFY(size_count <= SIZES_MAX && length > 0);
        size->is_buffer = text[length - 1] != 'w';
        VERIFY(number_parse(text, size->is_buffer ? length : length - 1, &size->count));
        VERIFY(size->count <= (size->is_buffer ? BUFFER_BYTES_MAX : MESSAGE_WORDS));
        text += plus == NULL ? length : length + 1;
    }
    VERIFY(size_count > 0);
}

/* What one server, or two in a row, make of a word. */
static uint64_t expected_word(uint64_t word, unsigned index, uint64_t badge, bool is_nested)
{
    if (!is_nested) {
        return answer_word(word, index, badge);
    }
    return answer_word(answer_word(word, index, BADGE_MIDDLE), index, badge);
}

static void call_words(uint64_t mailbox, uint64_t number, uint64_t badge, unsigned words,
                       enum ipcload_kind kind, bool is_nested)
{
    struct message message = {.label = ipcload_label(kind, words)};
    uint64_t sent[MESSAGE_WORDS] = {0};
    uint64_t state = number ^ badge << 48;

    for (unsigned i = 0; i < words; i++) {
        sent[i] = message.word[i] = random_next(&state);
    }
    must(message_call(mailbox, &message, clock_now() + PATIENCE));
    VERIFY(message_label(&message) == ipcload_label(kind, words));
    for (unsigned i = 0; i < words; i++) {
        VERIFY(message.word[i] == expected_word(sent[i], i, badge, is_nested));
    }
}

static void call_buffer(uint64_t mailbox, uint64_t number, uint64_t badge, uint64_t bytes,
                        bool is_nested)
{
    struct message message = {.label = ipcload_label(KIND_BUFFER, MESSAGE_WORDS)};
    uint64_t sent[MESSAGE_WORDS] = {0};
    uint64_t state = number ^ badge << 48;

    for (unsigned i = 4; i < MESSAGE_WORDS; i++) {
        sent[i] = message.word[i] = random_next(&state);
    }
    payload_fill(out, bytes, sent[4]);
    memset(in, 0, bytes);
    message_send_buffer(&message, out, bytes);
    message_receive_buffer(&message, in, sizeof(in));
    must(message_call(mailbox, &message, clock_now() + PATIENCE));
    VERIFY(message_label(&message) == ipcload_label(KIND_BUFFER, MESSAGE_WORDS));
    VERIFY(message.word[0] == 0 && message.word[1] == bytes);
    VERIFY(message.word[2] == 0 && message.word[3] == 0);
    VERIFY(payload_is_good(in, bytes, answer_seed(sent[4], is_nested ? BADGE_MIDDLE : badge)));
    for (unsigned i = 4; i < MESSAGE_WORDS; i++) {
        VERIFY(message.word[i] == expected_word(sent[i], i, badge, is_nested));
    }
}

int client_main(void)
{
    uint64_t server = program_handle("server");
    uint64_t middle = program_handle("middle");
    uint64_t badge = option_u64("badge", 0);
    uint64_t calls = option_u64("calls", 0);

    parse_sizes(option_text("sizes", ""));
    for (uint64_t n = 0; n < calls; n++) {
        const struct size *size = &sizes[n % size_count];
        bool is_nested = n % NESTED_EVERY == NESTED_EVERY - 1;
        uint64_t mailbox = is_nested ? middle : server;

        if (n % MARK_EVERY == 0) {
            mark(MARK_ROUND, n);
        }
        if (size->is_buffer) {
            call_buffer(mailbox, n, badge, size->count, is_nested);
        } else {
            enum ipcload_kind kind = n % HOLD_EVERY == 1 ? KIND_HOLD : KIND_WORDS;
            call_words(mailbox, n, badge, (unsigned)size->count, kind, is_nested);
        }
    }
    mark(MARK_CHECKED, calls);
    return 0;
}
