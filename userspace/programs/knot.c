/* SPDX-License-Identifier: MIT */
/*
 * knot: threads that wait for each other for ever, for whoever learns to find that out.
 *
 *     left ---call "right"---> served by right ---call "left"---> nobody receives there any more
 *     main ---joins left
 *     tick ---waits for an event that only this process may signal---> tock ---the same---> tick
 *
 * It never ends. At kdebug's prompt: deadlock, why, waits.
 */
#include <stdio.h>
#include <string.h>

#include "gen/syscall_user.h"
#include "userspace/lib/check.h"
#include "userspace/lib/message.h"
#include "userspace/lib/thread.h"

static uint64_t left, right; /* mailboxes */

static uint64_t create_mailbox(const char *name)
{
    uint64_t mailbox;

    must(sys_mailbox_create(name, strlen(name), &mailbox));
    return mailbox;
}

static void call_right(void *argument)
{
    struct message message = {.label = 1};

    (void)argument;
    must(message_call(right, &message, DEADLINE_FOREVER));
}

static void serve_right(void *argument)
{
    struct message message = {0};

    (void)argument;
    must(message_receive(right, &message, DEADLINE_FOREVER));
    printf("knot: tied\n");
    message = (struct message){.label = 2};
    must(message_call(left, &message, DEADLINE_FOREVER));
}

static void wait_event(void *event)
{
    uint64_t signals;

    must(sys_event_wait(*(const uint64_t *)event, 1, DEADLINE_FOREVER, 0, &signals));
}

static void tie_by_events(void)
{
    static uint64_t tick_event, tock_event;
    static struct thread tick, tock;

    must(sys_event_create("tick", 4, &tick_event));
    must(sys_event_create("tock", 4, &tock_event));
    must(thread_start(&tick, wait_event, &tock_event, THREAD_ANYWHERE, "tick"));
    must(thread_start(&tock, wait_event, &tick_event, THREAD_ANYWHERE, "tock"));
}

int main(int argc, char **argv)
{
    static struct thread caller, server;

    (void)argc;
    (void)argv;
    left = create_mailbox("left");
    right = create_mailbox("right");
    tie_by_events();
    must(thread_start(&server, serve_right, NULL, THREAD_ANYWHERE, "right"));
    must(thread_start(&caller, call_right, NULL, THREAD_ANYWHERE, "left"));
    thread_join(&caller);
    return 0;
}
