/* SPDX-License-Identifier: MIT */
/*
 * slowcall: a call that is slow for a reason, for whoever learns to find reasons.
 *
 *   calls=N (60)   slow=N (40) the one that is slow   pages=N (1024) that it touches first   each=N (0) that any other touches
 *
 *     main ----> desk ----> archive
 *          ASK        LOOK_UP, but FETCH once: touches pages that nobody has touched before
 *
 * So the slowest call is one of desk's, because of its call FETCH of archive, because of page faults there:
 *   spoor trace record --icount 4 --cpus 1 --workload slowcall
 *   spoor report --slowest-call build/trace/out.spoor
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/message.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"

enum label { ASK = 1, LOOK_UP, FETCH, CLOSE };

static uint64_t desk;
static uint64_t archive;

static uint64_t create_mailbox(const char *name)
{
    uint64_t mailbox;

    must(sys_mailbox_create(name, strlen(name), &mailbox));
    return mailbox;
}

static volatile uint64_t *map_fresh(uint64_t pages)
{
    uint64_t area, address;

    must(sys_area_create(pages * PAGE_BYTES, 0, &area));
    must(sys_area_map(program.self, area, 0, pages * PAGE_BYTES, 0, PROT_READ | PROT_WRITE,
                      &address));
    return (volatile uint64_t *)address;
}

/* What is in the pages, which is nothing, but it takes a page fault for each to find out. */
static uint64_t touch(volatile uint64_t *shelf, uint64_t pages)
{
    uint64_t sum = 0;

    for (uint64_t page = 0; page < pages; page++) {
        shelf[page * PAGE_BYTES / 8] += 1;
        sum += shelf[page * PAGE_BYTES / 8];
    }
    return sum;
}

static void serve_archive(void *argument)
{
    uint64_t pages = option_u64("pages", 1024), each = option_u64("each", 0);
    volatile uint64_t *shelf = map_fresh(pages + each * option_u64("calls", 60));
    volatile uint64_t *others = shelf + pages * PAGE_BYTES / 8;
    struct message m = {0};

    (void)argument;
    must(message_receive(archive, &m, DEADLINE_FOREVER));
    while (message_label(&m) != CLOSE) {
        bool is_slow = message_label(&m) == FETCH;
        uint64_t found = is_slow ? touch(shelf, pages) : pages - each + touch(others, each);
        others += is_slow ? 0 : each * PAGE_BYTES / 8;
        m = (struct message){.token = m.token, .word = {found}};
        must(message_reply_receive(archive, &m));
    }
    m = (struct message){.token = m.token};
    must(message_reply(archive, &m));
}

static void serve_desk(void *argument)
{
    struct message m = {0};

    (void)argument;
    must(message_receive(desk, &m, DEADLINE_FOREVER));
    while (message_label(&m) != CLOSE) {
        struct message asked = {.label = m.word[0] != 0 ? FETCH : LOOK_UP};
        must(message_call(archive, &asked, DEADLINE_FOREVER));
        m = (struct message){.token = m.token, .word = {asked.word[0]}};
        must(message_reply_receive(desk, &m));
    }
    m = (struct message){.token = m.token};
    must(message_reply(desk, &m));
}

static void close_server(uint64_t mailbox, struct thread *thread)
{
    struct message m = {.label = CLOSE};

    must(message_call(mailbox, &m, DEADLINE_FOREVER));
    thread_join(thread);
}

int main(int argc, char **argv)
{
    static struct thread threads[2];
    uint64_t calls = option_u64("calls", 60);
    uint64_t slow = option_u64("slow", 40);
    uint64_t pages = option_u64("pages", 1024);

    (void)argc;
    (void)argv;
    desk = create_mailbox("desk");
    archive = create_mailbox("archive");
    must(thread_start(&threads[0], serve_archive, NULL, THREAD_ANYWHERE, "archive"));
    must(thread_start(&threads[1], serve_desk, NULL, THREAD_ANYWHERE, "desk"));
    for (uint64_t i = 0; i < calls; i++) {
        struct message m = {.label = ASK, .word = {i == slow}};
        must(message_call(desk, &m, DEADLINE_FOREVER));
        VERIFY(m.word[0] == pages);
    }
    close_server(desk, &threads[1]);
    close_server(archive, &threads[0]);
    report("%lu calls, number %lu touched %lu pages", calls, slow, pages);
    return 0;
}
