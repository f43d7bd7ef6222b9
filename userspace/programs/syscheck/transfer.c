/* SPDX-License-Identifier: MIT */
/* Handles that travel with messages: each case with a receiver that waits already, and with a caller that has to queue. */
#include <string.h>

#include "kernel/abi/quota.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/syscheck/syscheck.h"

#define HEAD_START (5 * NS_PER_MS) /* of who is to wait first */
#define LONG       (20 * NS_PER_S) /* who waits that long was forgotten */
#define GOOD_BYE   77u
#define FOUR       (RIGHT_AREA_READ | RIGHT_AREA_WRITE | RIGHT_DUPLICATE | RIGHT_TRANSFER)

/* Who receives one message, notes what came, and answers. */
struct partner {
    struct thread thread;
    bool waits_first, accepts;
    struct message got, reply;
    status_t received, replied;
};

static void answer_once(void *argument)
{
    struct partner *partner = argument;
    struct message message = {0};

    if (!partner->waits_first) {
        clock_sleep(HEAD_START);
    }
    if (partner->accepts) {
        message_accept_handles(&message);
    }
    partner->received = message_receive(specimens.mailbox, &message, clock_now() + LONG);
    if (partner->received != OK) {
        return;
    }
    partner->got = message;
    partner->reply.token = message.token;
    partner->replied = message_reply(specimens.mailbox, &partner->reply);
    if (partner->replied != OK) {
        message.label = 0; /* the caller still waits */
        must(message_reply(specimens.mailbox, &message));
    }
}

/* Returns the caller's status; what the partner got is in *partner. If it got nothing, it is sent something harmless. */
static status_t exchange(struct message *call, struct partner *partner)
{
    struct message good_bye = {.label = GOOD_BYE};

    must(thread_start(&partner->thread, answer_once, partner, THREAD_ANYWHERE, "partner"));
    if (partner->waits_first) {
        clock_sleep(HEAD_START);
    }
    status_t status = message_call(specimens.mailbox, call, clock_now() + LONG);
    if (status != OK) {
        must(message_call(specimens.mailbox, &good_bye, clock_now() + LONG));
    }
    thread_join(&partner->thread);
    EXPECT(partner->received, OK);
    return status;
}

static status_t has_rights(uint64_t handle, uint32_t rights)
{
    uint64_t duplicate;
    status_t status = sys_handle_duplicate(handle, rights, 0, &duplicate);

    if (status == OK) {
        must(sys_handle_close(duplicate));
    }
    return status;
}

static uint64_t handles_used(void)
{
    uint64_t used, limit;

    must(sys_process_get_quota(program.self, QUOTA_HANDLES, &used, &limit));
    return used;
}

static void check_copy_and_move(bool waits_first)
{
    struct partner partner = {.waits_first = waits_first, .accepts = true};
    struct message call = {.label = 1, .word = {11, 12}};
    uint64_t moved = handle_with(specimens.area, FOUR & ~RIGHT_DUPLICATE);

    message_give_handle(&call, specimens.area, RIGHT_AREA_READ | RIGHT_DUPLICATE);
    message_give_handle(&call, moved | MESSAGE_HANDLE_MOVE, RIGHT_AREA_WRITE);
    EXPECT(exchange(&call, &partner), OK);
    EXPECT(message_handle_count(&partner.got) == 2 ? OK : ERR_CORRUPT, OK);
    EXPECT(partner.got.word[0] == 11 && partner.got.word[1] == 12 ? OK : ERR_CORRUPT, OK);
    uint64_t copy = message_handle(&partner.got, 1);
    EXPECT(has_rights(copy, RIGHT_AREA_READ | RIGHT_DUPLICATE), OK);
    EXPECT(has_rights(copy, RIGHT_AREA_WRITE), ERR_NO_RIGHTS);
    EXPECT(has_rights(specimens.area, FOUR), OK);
    EXPECT(sys_handle_close(moved), ERR_BAD_HANDLE);
    EXPECT(sys_handle_close(copy), OK);
    EXPECT(sys_handle_close(message_handle(&partner.got, 0)), OK);
}

static void check_eight(bool waits_first)
{
    struct partner partner = {.waits_first = waits_first, .accepts = true};
    struct message call = {.label = 1};
    uint64_t before = handles_used();

    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        message_give_handle(&call, specimens.area, RIGHT_AREA_READ);
    }
    EXPECT(exchange(&call, &partner), OK);
    EXPECT(message_handle_count(&partner.got) == MESSAGE_WORDS ? OK : ERR_CORRUPT, OK);
    EXPECT(handles_used() == before + MESSAGE_WORDS ? OK : ERR_CORRUPT, OK);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        EXPECT(sys_handle_close(message_handle(&partner.got, i)), OK);
    }
}

/* With a buffer, in both directions. */
static void check_beside_buffers(bool waits_first)
{
    static char text[] = "beside", room[16];
    struct partner partner = {.waits_first = waits_first, .accepts = true};
    struct message call = {.label = 1};

    memset(room, 0, sizeof(room));
    message_receive_buffer(&call, room, sizeof(room));
    message_accept_handles(&call);
    message_send_buffer(&partner.reply, text, sizeof(text));
    message_give_handle(&partner.reply, specimens.area, RIGHT_AREA_READ);
    message_give_handle(&partner.reply, specimens.mailbox, RIGHT_MAILBOX_SEND);
    EXPECT(exchange(&call, &partner), OK);
    EXPECT(partner.replied, OK);
    EXPECT(strcmp(room, text) == 0 && call.word[1] == sizeof(text) ? OK : ERR_CORRUPT, OK);
    EXPECT(message_handle_count(&call) == 2 ? OK : ERR_CORRUPT, OK);
    EXPECT(sys_handle_close(message_handle(&call, 0)), OK);
    EXPECT(sys_handle_close(message_handle(&call, 1)), OK);
}

/* A message that is refused as a whole: the receiver gets nothing and waits on, the sender keeps all. */
static void expect_no_gift(struct message call, bool waits_first, bool accepts, status_t wanted)
{
    struct partner partner = {.waits_first = waits_first, .accepts = accepts};
    uint64_t before = handles_used();

    EXPECT(exchange(&call, &partner), wanted);
    EXPECT(message_label(&partner.got) == GOOD_BYE ? OK : ERR_CORRUPT, OK);
    EXPECT(handles_used() == before ? OK : ERR_CORRUPT, OK);
}

static struct message gift(uint64_t handle, uint32_t rights)
{
    struct message call = {.label = 1};

    message_give_handle(&call, handle, rights);
    return call;
}

static void check_refusals(bool waits_first)
{
    uint64_t fixed = handle_with(specimens.area, FOUR & ~RIGHT_TRANSFER);
    uint64_t single = handle_with(specimens.area, FOUR & ~RIGHT_DUPLICATE);
    uint64_t leased, lease;
    struct message call;

    expect_no_gift(gift(specimens.area, 0), waits_first, false, ERR_TOO_BIG);
    expect_no_gift(gift(fixed, RIGHT_AREA_READ), waits_first, true, ERR_NO_RIGHTS);
    expect_no_gift(gift(fixed | MESSAGE_HANDLE_MOVE, RIGHT_AREA_READ), waits_first, true,
                   ERR_NO_RIGHTS);
    expect_no_gift(gift(single, RIGHT_AREA_READ), waits_first, true, ERR_NO_RIGHTS);
    expect_no_gift(gift(single | MESSAGE_HANDLE_MOVE, RIGHT_AREA_EXEC), waits_first, true,
                   ERR_NO_RIGHTS);
    /* The second is none: the first is neither lost nor given. */
    call = gift(specimens.area + (1ull << 12), 0);
    message_give_handle(&call, single | MESSAGE_HANDLE_MOVE, RIGHT_AREA_READ);
    expect_no_gift(call, waits_first, true, ERR_BAD_HANDLE);
    must(sys_handle_lease(specimens.area, FOUR, 0, &leased, &lease));
    must(sys_lease_revoke(lease));
    expect_no_gift(gift(leased, 0), waits_first, true, ERR_REVOKED);
    EXPECT(sys_handle_close(leased), OK);
    EXPECT(sys_handle_close(lease), OK);
    EXPECT(sys_handle_close(fixed), OK);
    EXPECT(sys_handle_close(single), OK);
}

/* What may be moved once is moved once. */
static void check_moved_twice(void)
{
    struct partner partner = {.waits_first = true, .accepts = true};
    uint64_t single = handle_with(specimens.area, FOUR & ~RIGHT_DUPLICATE);
    struct message call = gift(single | MESSAGE_HANDLE_MOVE, RIGHT_AREA_READ);
    uint64_t before = handles_used();

    message_give_handle(&call, single | MESSAGE_HANDLE_MOVE, RIGHT_AREA_READ);
    EXPECT(exchange(&call, &partner), ERR_BAD_HANDLE);
    EXPECT(handles_used() == before - 1 ? OK : ERR_CORRUPT, OK);
}

static void check_reply_not_accepted(void)
{
    struct partner partner = {.waits_first = true};
    struct message call = {.label = 1};

    message_give_handle(&partner.reply, specimens.area, 0);
    EXPECT(exchange(&call, &partner), OK);
    EXPECT(partner.replied, ERR_TOO_BIG);
}

static void check_counts(void)
{
    static char buffer[16];
    struct message call = {.label = 9ull << MESSAGE_HANDLES_SHIFT};

    EXPECT(message_call(specimens.mailbox, &call, DEADLINE_POLL), ERR_BAD_ARGUMENT);
    call.label = 7ull << MESSAGE_HANDLES_SHIFT;
    message_send_buffer(&call, buffer, sizeof(buffer));
    EXPECT(message_call(specimens.mailbox, &call, DEADLINE_POLL), ERR_BAD_ARGUMENT);
    EXPECT(message_reply(specimens.mailbox, &call), ERR_BAD_ARGUMENT);
    call.label = 5ull << MESSAGE_HANDLES_SHIFT;
    message_receive_buffer(&call, buffer, sizeof(buffer));
    EXPECT(message_call(specimens.mailbox, &call, DEADLINE_POLL), ERR_BAD_ARGUMENT);
}

void check_transfer(void)
{
    for (int first = 0; first < 2; first++) {
        check_copy_and_move(first);
        check_eight(first);
        check_beside_buffers(first);
        check_refusals(first);
    }
    check_moved_twice();
    check_reply_not_accepted();
    check_counts();
}
