/* SPDX-License-Identifier: MIT */
/*
 * churn: creates short-lived processes, several at a time, and looks how each ends.
 *
 *   processes=N (72)   parallel=N (4)
 *
 * A child writes to a page and exits with a code that follows from its number. Every sixth waits
 * for a message that never comes and every sixth sleeps for ever; those are killed.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/message.h"
#include "userspace/lib/option.h"
#include "userspace/lib/random.h"
#include "userspace/lib/spawn.h"

#define PARALLEL_MAX 32u
#define CODE_KILLED  77u

enum child_kind { CHILD_EXITS, CHILD_RECEIVES, CHILD_SLEEPS };

static struct program_file file;
static uint64_t process[PARALLEL_MAX];
static char page[4096];

static enum child_kind kind_of(uint64_t number)
{
    return number % 6 == 2 ? CHILD_RECEIVES : number % 6 == 4 ? CHILD_SLEEPS : CHILD_EXITS;
}

static uint64_t code_of(uint64_t number)
{
    return random_mix(number) % 1000 + 100;
}

static int child_main(uint64_t number)
{
    struct message message = {0};
    uint64_t mailbox;

    memset(page, (int)number, sizeof(page));
    switch (kind_of(number)) {
    case CHILD_RECEIVES:
        must(sys_mailbox_create("nobody", strlen("nobody"), &mailbox));
        must(message_receive(mailbox, &message, DEADLINE_FOREVER));
        break;
    case CHILD_SLEEPS:
        must(sys_thread_sleep(DEADLINE_FOREVER));
        break;
    case CHILD_EXITS:
        break;
    }
    return (int)code_of(number);
}

static uint64_t start_child(uint64_t number)
{
    char number_text[32];
    const char *const args[] = {number_text};
    const struct spawn spawn = {.name = "churned", .args = args, .arg_count = 1};
    uint64_t child;

    snprintf(number_text, sizeof(number_text), "child=%lu", number);
    must(program_spawn(&file, &spawn, &child));
    return child;
}

static void end_child(uint64_t child, uint64_t number)
{
    bool kill = kind_of(number) != CHILD_EXITS;

    if (kill) {
        must(sys_process_kill(child, CODE_KILLED));
    }
    uint64_t end = process_end(child);
    if (end != (kill ? CODE_KILLED : code_of(number))) {
        die("process %lu ended with %lx", number, end);
    }
}

int main(int argc, char **argv)
{
    uint64_t number = option_u64("child", UINT64_MAX);
    uint64_t processes = option_u64("processes", 72);
    uint64_t parallel = option_u64("parallel", 4);

    (void)argc;
    (void)argv;
    if (number != UINT64_MAX) {
        return child_main(number);
    }
    VERIFY(parallel >= 1 && parallel <= PARALLEL_MAX);
    must(program_open("churn", &file));
    for (uint64_t i = 0; i < processes + parallel; i++) {
        if (i >= parallel) {
            end_child(process[i % parallel], i - parallel);
        }
        if (i < processes) {
            mark(MARK_ROUND, i);
            process[i % parallel] = start_child(i);
        }
    }
    mark(MARK_CHECKED, processes);
    report("%lu processes", processes);
    return 0;
}
