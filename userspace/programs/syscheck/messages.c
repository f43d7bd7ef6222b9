/* SPDX-License-Identifier: MIT */
/* Messages: forged tokens, buffers that are not there, partners that go away. */
#include "userspace/programs/syscheck/syscheck.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "userspace/lib/clock.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/thread.h"

#define A_WHILE (20 * NS_PER_MS)
#define LONG    (20 * NS_PER_S) /* who waits that long was forgotten */

static status_t call_with_buffers(const void *out, uint64_t out_bytes, void *in, uint64_t in_bytes)
{
    struct message message = {.label = 1};

    message_send_buffer(&message, out, out_bytes);
    message_receive_buffer(&message, in, in_bytes);
    return message_call(specimens.mailbox, &message, DEADLINE_POLL);
}

static status_t receive_with_buffer(void *in, uint64_t bytes)
{
    struct message message = {0};

    message_receive_buffer(&message, in, bytes);
    return message_receive(specimens.mailbox, &message, DEADLINE_POLL);
}

static void check_buffers(void)
{
    static char buffer[64];
    void *const bad[] = {(void *)1,
                         (void *)0x600000000000ull,
                         NON_CANONICAL,
                         (void *)DIRECT_MAP_BASE,
                         KERNEL_POINTER,
                         LAST_BYTE,
                         (void *)(USER_END - 8),
                         (void *)(uintptr_t)check_buffers};
    const unsigned writable_only = 1; /* the last can be read */

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (i < sizeof(bad) / sizeof(bad[0]) - writable_only) {
            EXPECT(call_with_buffers(bad[i], 16, buffer, sizeof(buffer)), ERR_BAD_ADDRESS);
        }
        EXPECT(call_with_buffers(buffer, 16, bad[i], 16), ERR_BAD_ADDRESS);
        EXPECT(receive_with_buffer(bad[i], 16), ERR_BAD_ADDRESS);
    }
    EXPECT(call_with_buffers(buffer, MESSAGE_BUFFER_MAX + 1, buffer, 64), ERR_TOO_BIG);
    EXPECT(call_with_buffers(buffer, ~0ull, buffer, 64), ERR_TOO_BIG);
    EXPECT(call_with_buffers(buffer, 64, buffer, ~0ull), ERR_TOO_BIG);
    EXPECT(receive_with_buffer(buffer, MESSAGE_BUFFER_MAX + 1), ERR_TOO_BIG);
    EXPECT(call_with_buffers(NULL, 0, NULL, 0), ERR_TIMED_OUT);
    EXPECT(call_with_buffers(buffer, 64, buffer, 64), ERR_TIMED_OUT);
    EXPECT(receive_with_buffer(buffer, 64), ERR_TIMED_OUT);
    EXPECT(receive_with_buffer(NULL, 0), ERR_TIMED_OUT);
}

static void check_forged_tokens(void)
{
    const uint64_t tokens[] = {0,
                               1,
                               2,
                               0xffffffff,
                               1ull << 32,
                               1ull << 63,
                               ~0ull,
                               KERNEL_IMAGE_BASE,
                               DIRECT_MAP_BASE + 0x1000};

    for (unsigned i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        struct message reply = {.token = tokens[i]};

        EXPECT(message_reply(specimens.mailbox, &reply), ERR_BAD_TOKEN);
        if (tokens[i] != 0) { /* 0 there means: only receive */
            EXPECT(message_reply_receive(specimens.mailbox, &reply), ERR_BAD_TOKEN);
        }
    }
}

/* ---- with a partner: another thread, or another process ---- */

struct caller {
    struct thread thread;
    uint64_t mailbox;
    const void *buffer;
    uint64_t bytes;
    struct message message;
    status_t status;
    atomic_bool finished; /* status is set */
};

static void call_once(void *argument)
{
    struct caller *caller = argument;

    if (caller->bytes > 0) {
        message_send_buffer(&caller->message, caller->buffer, caller->bytes);
    }
    caller->status = message_call(caller->mailbox, &caller->message, clock_now() + LONG);
    atomic_store_explicit(&caller->finished, true, memory_order_release);
}

static void start_caller(struct caller *caller, uint64_t mailbox)
{
    caller->mailbox = mailbox;
    caller->message = (struct message){.label = 7};
    atomic_init(&caller->finished, false);
    must(thread_start(&caller->thread, call_once, caller, THREAD_ANYWHERE, "caller"));
}

static void check_token_used_twice(void)
{
    struct caller caller = {0};
    struct message request = {0};
    uint64_t other;

    must(sys_mailbox_create("other", strlen("other"), &other));
    start_caller(&caller, specimens.mailbox);
    EXPECT(message_receive(specimens.mailbox, &request, clock_now() + LONG), OK);
    request.label = 8;
    EXPECT(message_reply(other, &request), ERR_BAD_TOKEN);
    request.token ^= 1;
    EXPECT(message_reply(specimens.mailbox, &request), ERR_BAD_TOKEN);
    request.token ^= 1;
    EXPECT(message_reply(specimens.mailbox, &request), OK);
    EXPECT(message_reply(specimens.mailbox, &request), ERR_BAD_TOKEN);
    thread_join(&caller.thread);
    EXPECT(caller.status, OK);
    EXPECT(message_label(&caller.message) == 8 ? OK : ERR_CORRUPT, OK);
    must(sys_handle_close(other));
}

/*
 * A message that the receiver has no room for comes back to its sender; the receiver goes on
 * waiting.
 */
static void expect_too_small(void *room, uint64_t bytes)
{
    static char buffer[64];
    struct caller caller = {.buffer = buffer, .bytes = sizeof(buffer)};

    start_caller(&caller, specimens.mailbox);
    while (!atomic_load_explicit(&caller.finished, memory_order_acquire)) {
        struct message request = {0};

        if (bytes > 0) {
            message_receive_buffer(&request, room, bytes);
        }
        EXPECT(message_receive(specimens.mailbox, &request, clock_now() + A_WHILE), ERR_TIMED_OUT);
    }
    thread_join(&caller.thread);
    EXPECT(caller.status, ERR_TOO_BIG);
}

static void check_too_small_receiver(void)
{
    static char small[16];

    expect_too_small(small, sizeof(small));
    expect_too_small(NULL, 0);
}

/*
 * While a message is being refused its receiver waits nowhere: a caller that comes just then must not be forgotten.
 */
#define REFUSALS 1000u

#define BAD_BYTES 0x8000u /* present, and more that is not: above the first thread's stack */

static atomic_bool stop_refusing;

static void send_what_is_not_there(void *argument)
{
    (void)argument;
    while (!atomic_load_explicit(&stop_refusing, memory_order_relaxed)) {
        struct message message = {.label = 1};

        message_send_buffer(&message, (void *)(SPAWN_STACK_TOP - BAD_BYTES), BAD_BYTES + 8);
        EXPECT(message_call(specimens.mailbox, &message, clock_now() + LONG), ERR_BAD_ADDRESS);
    }
}

static void serve_words(void *argument)
{
    static char room[2 * BAD_BYTES];
    struct message message = {0};

    (void)argument;
    message_receive_buffer(&message, room, sizeof(room));
    must(message_receive(specimens.mailbox, &message, DEADLINE_FOREVER));
    while (message_label(&message) != 0) {
        message_receive_buffer(&message, room, sizeof(room));
        must(message_reply_receive(specimens.mailbox, &message));
    }
    must(message_reply(specimens.mailbox, &message));
}

static void check_forgotten_caller(void)
{
    struct thread server, refused[2];
    struct message message;

    must(thread_start(&server, serve_words, NULL, THREAD_ANYWHERE, "server"));
    for (unsigned i = 0; i < 2; i++) {
        must(thread_start(&refused[i], send_what_is_not_there, NULL, THREAD_ANYWHERE, "refused"));
    }
    for (unsigned i = 0; i < REFUSALS; i++) {
        message = (struct message){.label = 2};
        EXPECT(message_call(specimens.mailbox, &message, clock_now() + LONG), OK);
    }
    atomic_store_explicit(&stop_refusing, true, memory_order_relaxed);
    thread_join(&refused[0]);
    thread_join(&refused[1]);
    message = (struct message){.label = 0};
    EXPECT(message_call(specimens.mailbox, &message, clock_now() + LONG), OK);
    thread_join(&server);
}

static void receive_once(void *argument)
{
    struct caller *caller = argument;

    caller->message = (struct message){0};
    caller->status = message_receive(caller->mailbox, &caller->message, clock_now() + LONG);
}

/*
 * The last handle with the right to receive is closed under those who wait; or just before they
 * would have.
 */
static void check_closing(void)
{
    struct caller caller = {0}, receiver = {0};
    uint64_t mailbox;

    must(sys_mailbox_create("closing", strlen("closing"), &receiver.mailbox));
    must(thread_start(&receiver.thread, receive_once, &receiver, THREAD_ANYWHERE, "receiver"));
    clock_sleep(A_WHILE);
    EXPECT(sys_handle_close(receiver.mailbox), OK);
    thread_join(&receiver.thread);
    EXPECT_EITHER(receiver.status, ERR_PEER_CLOSED, ERR_BAD_HANDLE);

    must(sys_mailbox_create("closing", strlen("closing"), &mailbox));
    start_caller(&caller, handle_with(mailbox, RIGHT_MAILBOX_SEND));
    clock_sleep(A_WHILE);
    EXPECT(sys_handle_close(mailbox), OK);
    thread_join(&caller.thread);
    EXPECT(caller.status, ERR_PEER_CLOSED);
    EXPECT(sys_handle_close(caller.mailbox), OK);
}

/*
 * A server that dies while it holds a caller, and with it the last right to receive. The caller
 * keeps its right to send.
 */
static void check_dying_server(void)
{
    uint64_t mailbox;

    must(sys_mailbox_create("dying server", strlen("dying server"), &mailbox));
    uint64_t sender = handle_with(mailbox, RIGHT_MAILBOX_SEND);
    const char *const args[] = {"role=dying_server"};
    const struct spawn_grant grants[] = {{"mailbox", mailbox, 0, RIGHT_MAILBOX_RECEIVE}};
    const struct spawn spawn = {
        .name = "dying server", .args = args, .arg_count = 1, .grants = grants, .grant_count = 1};
    struct message message = {.label = 1};
    struct program_file file;
    uint64_t process;

    must(program_open("syscheck", &file));
    must(program_spawn(&file, &spawn, &process));
    must(sys_handle_close(mailbox));
    EXPECT(message_call(sender, &message, clock_now() + LONG), ERR_PEER_CLOSED);
    EXPECT(process_end(process) == 5 ? OK : ERR_CORRUPT, OK);
    EXPECT(message_call(sender, &message, clock_now() + LONG), ERR_PEER_CLOSED);
    EXPECT(sys_handle_close(sender), OK);
}

/* A caller that is killed while its call is served: its token is worth nothing any more. */
static void check_dying_caller(void)
{
    const char *const args[] = {"role=caller"};
    const struct spawn_grant grants[] = {{"mailbox", specimens.mailbox, 99, RIGHT_MAILBOX_SEND}};
    const struct spawn spawn = {
        .name = "dying caller", .args = args, .arg_count = 1, .grants = grants, .grant_count = 1};
    struct message request = {0};
    struct program_file file;
    uint64_t process;

    must(program_open("syscheck", &file));
    must(program_spawn(&file, &spawn, &process));
    EXPECT(message_receive(specimens.mailbox, &request, clock_now() + LONG), OK);
    EXPECT(request.badge == 99 ? OK : ERR_CORRUPT, OK);
    EXPECT(sys_process_kill(process, 6), OK);
    EXPECT(process_end(process) == 6 ? OK : ERR_CORRUPT, OK);
    EXPECT(message_reply(specimens.mailbox, &request), ERR_BAD_TOKEN);
}

/*
 * A call whose deadline passes while it is served. The first call only makes sure that the server
 * is there.
 */
static void check_late_reply(void)
{
    const char *const args[] = {"role=late_server"};
    uint64_t over, process;

    must(sys_event_create("call over", strlen("call over"), &over));
    const struct spawn_grant grants[] = {{"mailbox", specimens.mailbox, 0, RIGHT_MAILBOX_RECEIVE},
                                         {"over", over, 0, RIGHT_EVENT_WAIT}};
    const struct spawn spawn = {
        .name = "late server", .args = args, .arg_count = 1, .grants = grants, .grant_count = 2};
    struct message message = {.label = 1};
    struct program_file file;

    must(program_open("syscheck", &file));
    must(program_spawn(&file, &spawn, &process));
    EXPECT(message_call(specimens.mailbox, &message, clock_now() + LONG), OK);
    EXPECT(message_call(specimens.mailbox, &message, clock_now() + A_WHILE), ERR_TIMED_OUT);
    must(sys_event_signal(over, 1, 0));
    EXPECT(process_end(process) == 0 ? OK : ERR_CORRUPT, OK);
    must(sys_handle_close(over));
}

/*
 * Exit code 0 also when the second call was over before it could be received: the machine may be
 * slow.
 */
static int run_late_server(uint64_t mailbox)
{
    const uint64_t over = program_handle("over");
    struct message message = {0};
    uint64_t signals;
    status_t status;

    must(message_receive(mailbox, &message, DEADLINE_FOREVER));
    must(message_reply(mailbox, &message));
    do {
        status = message_receive(mailbox, &message, clock_now() + A_WHILE);
        if (status == ERR_TIMED_OUT && sys_event_wait(over, 1, DEADLINE_POLL, 0, &signals) == OK) {
            return 0;
        }
    } while (status == ERR_TIMED_OUT);
    must(status);
    must(sys_event_wait(over, 1, DEADLINE_FOREVER, 0, &signals));
    return message_reply(mailbox, &message) == ERR_BAD_TOKEN ? 0 : 2;
}

int run_role(const char *role)
{
    uint64_t mailbox = program_handle("mailbox");
    struct message message = {0};

    if (strcmp(role, "caller") == 0) {
        must(message_call(mailbox, &message, DEADLINE_FOREVER));
        return 0;
    }
    if (strcmp(role, "late_server") == 0) {
        return run_late_server(mailbox);
    }
    must(message_receive(mailbox, &message, DEADLINE_FOREVER));
    return 5; /* without an answer */
}

void check_messages(void)
{
    check_buffers();
    check_forged_tokens();
    check_token_used_twice();
    check_too_small_receiver();
    check_forgotten_caller();
    check_closing();
    check_dying_server();
    check_dying_caller();
    check_late_reply();
}
