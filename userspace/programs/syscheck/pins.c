/* SPDX-License-Identifier: MIT */
/* Pages held for messages: charged up to the limit, refused beyond it, and back however the wait ends. */
#include "userspace/programs/syscheck/syscheck.h"

#include <stdalign.h>
#include <string.h>

#include "kernel/abi/quota.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/thread.h"

#define PINS    5u
#define A_WHILE (20 * NS_PER_MS)
#define LONG    (20 * NS_PER_S) /* who waits that long was forgotten */

static alignas(PAGE_BYTES) char pages[2 * PINS][PAGE_BYTES];

static uint64_t pinned(void)
{
    uint64_t used, limit;

    must(sys_process_get_quota(program.self, QUOTA_PINS, &used, &limit));
    return used;
}

#define EXPECT_PINNED(count) EXPECT(pinned() == (count) ? OK : ERR_CORRUPT, OK)

static status_t land(uint64_t mailbox, const void *at, uint64_t bytes)
{
    struct message message = {0};

    message_receive_buffer(&message, (void *)(uintptr_t)at, bytes);
    return message_receive(mailbox, &message, DEADLINE_POLL);
}

static status_t queue_with(uint64_t mailbox, uint64_t send_pages, uint64_t landing_pages)
{
    struct message message = {.label = 1};

    message_send_buffer(&message, pages, send_pages * PAGE_BYTES);
    if (landing_pages > 0) {
        message_receive_buffer(&message, pages[PINS], landing_pages * PAGE_BYTES);
    }
    return message_call(mailbox, &message, DEADLINE_POLL);
}

static void check_landing_places(uint64_t mailbox)
{
    EXPECT(land(mailbox, pages, (PINS + 1) * PAGE_BYTES), ERR_QUOTA);
    EXPECT_PINNED(0);
    EXPECT(land(mailbox, pages, PINS * PAGE_BYTES), ERR_TIMED_OUT);
    EXPECT_PINNED(PINS);
    EXPECT(land(mailbox, pages[PINS], 1),
           ERR_TIMED_OUT); /* the one before is idle and makes room */
    EXPECT_PINNED(1);
    EXPECT(land(mailbox, pages, 4 * PAGE_BYTES), ERR_TIMED_OUT);
    EXPECT_PINNED(5); /* two places */
    EXPECT(land(mailbox, NON_CANONICAL, 1), ERR_BAD_ADDRESS);
    EXPECT_PINNED(4);
    EXPECT(land(mailbox, pages[1] - 1, 2), ERR_TIMED_OUT); /* two bytes in two pages */
    EXPECT_PINNED(2);
}

static void check_queued_messages(uint64_t mailbox)
{
    EXPECT(queue_with(mailbox, 3, 0), ERR_TIMED_OUT);
    EXPECT_PINNED(2);
    EXPECT(queue_with(mailbox, 4, 0), ERR_TIMED_OUT); /* at the cost of the idle landing place */
    EXPECT_PINNED(0);
    EXPECT(queue_with(mailbox, PINS + 1, 0), ERR_QUOTA);
    EXPECT(queue_with(mailbox, 4, 2), ERR_QUOTA); /* which its own reply needs */
    EXPECT_PINNED(2);
    EXPECT(queue_with(mailbox, 3, 2), ERR_TIMED_OUT);
    EXPECT_PINNED(2);
}

/* ---- two pages held by another thread, which waits ---- */

struct holder {
    struct thread thread;
    uint64_t mailbox, deadline;
    status_t status;
};

static void call_with_two_pages(void *argument)
{
    struct holder *holder = argument;
    struct message message = {.label = 1};

    message_send_buffer(&message, pages, 2 * PAGE_BYTES);
    holder->status = message_call(holder->mailbox, &message, holder->deadline);
}

static void receive_into_two_pages(void *argument)
{
    struct holder *holder = argument;
    struct message message = {0};

    message_receive_buffer(&message, pages, 2 * PAGE_BYTES);
    holder->status = message_receive(holder->mailbox, &message, holder->deadline);
}

/* What this thread has pinned itself is idle and of no interest: it gives all of it up for a queued message. */
static void begin_holding(struct holder *holder, void (*function)(void *), uint64_t mailbox)
{
    uint64_t patience = clock_now() + LONG;

    EXPECT(queue_with(mailbox, PINS, 0), ERR_TIMED_OUT);
    EXPECT_PINNED(0);
    holder->mailbox = mailbox;
    must(thread_start(&holder->thread, function, holder, THREAD_ANYWHERE, "holder"));
    while (pinned() == 0 && clock_now() < patience) {
        (void)sys_thread_yield();
    }
    EXPECT_PINNED(2);
}

static void end_holding(struct holder *holder, status_t status)
{
    thread_join(&holder->thread);
    EXPECT(holder->status, status);
}

static void check_reply(uint64_t mailbox)
{
    struct holder holder = {.deadline = DEADLINE_FOREVER};
    struct message request = {0};

    begin_holding(&holder, call_with_two_pages, mailbox);
    EXPECT(queue_with(mailbox, PINS - 1, 0), ERR_QUOTA); /* one account for all threads */
    message_receive_buffer(&request, pages[PINS], 3 * PAGE_BYTES);
    EXPECT(message_receive(mailbox, &request, clock_now() + LONG), OK);
    EXPECT_PINNED(5);
    request.label = 2;
    EXPECT(message_reply(mailbox, &request), OK);
    end_holding(&holder, OK);
    EXPECT_PINNED(3); /* of this thread */
}

static void check_time_out(uint64_t mailbox)
{
    struct holder holder = {.mailbox = mailbox, .deadline = clock_now() + A_WHILE};

    must(thread_start(&holder.thread, call_with_two_pages, &holder, THREAD_ANYWHERE, "holder"));
    end_holding(&holder, ERR_TIMED_OUT);
    EXPECT_PINNED(0);
}

/* A call that is queued, and a landing place of a thread that waits. */
static void check_kill(uint64_t mailbox, void (*function)(void *))
{
    struct holder holder = {.deadline = DEADLINE_FOREVER, .status = ERR_CORRUPT};

    begin_holding(&holder, function, mailbox);
    EXPECT(sys_thread_kill(holder.thread.handle, 1), OK);
    end_holding(&holder, ERR_CORRUPT); /* it never came back */
    EXPECT_PINNED(0);
}

static void check_peer_death(void)
{
    struct holder holder = {.deadline = DEADLINE_FOREVER};
    uint64_t mailbox;

    must(sys_mailbox_create("closing", strlen("closing"), &mailbox));
    uint64_t sender = handle_with(mailbox, RIGHT_MAILBOX_SEND);
    begin_holding(&holder, call_with_two_pages, mailbox);
    EXPECT(sys_handle_close(mailbox), OK);
    end_holding(&holder, ERR_PEER_CLOSED);
    EXPECT_PINNED(0);
    EXPECT(sys_handle_close(sender), OK);
}

/* In a process with an account of its own. */
int run_pinned(void)
{
    uint64_t mailbox;

    must(sys_mailbox_create("pinned", strlen("pinned"), &mailbox));
    check_landing_places(mailbox);
    check_queued_messages(mailbox);
    check_reply(mailbox);
    check_kill(mailbox, call_with_two_pages);
    check_kill(mailbox, receive_into_two_pages);
    check_time_out(mailbox);
    check_peer_death();
    return end_of_checks();
}

void check_pins(void)
{
    static const struct spawn_quota quota = {24, 3, 64, PINS};
    const char *const args[] = {"role=pinned"};
    struct spawn spawn = {.name = "pinned", .args = args, .arg_count = 1, .quota = &quota};
    struct program_file file;
    uint64_t process;

    must(program_open("syscheck", &file));
    must(program_spawn(&file, &spawn, &process));
    EXPECT(process_end(process) == 0 ? OK : ERR_QUOTA, OK);
}
