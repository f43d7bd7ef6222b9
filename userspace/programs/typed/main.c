/* SPDX-License-Identifier: MIT */
/*
 * typed: calls through generated stubs, found through the name service; each of the three is a process.
 *
 *     typed (supervisor and client) ---names---> names <---names--- typed role=server
 *                                   ------------sample------------>
 *
 *   rounds=N (5)   how often the server is ended, started again and waited for
 *
 * Whatever a client sends, right or wrong, the server goes on; and what is taken comes back: handles and places of the
 * name service are the same at the end of each round. The name service ends in each round, too, and is told everything again.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gen/interface/lifecycle_client.h"
#include "gen/interface/names_client.h"
#include "gen/interface/sample_client.h"
#include "kernel/abi/quota.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/option.h"
#include "userspace/lib/service.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/typed/typed.h"
#include "userspace/services/names/access.h"

#define LONG       (clock_now() + 20 * NS_PER_S) /* who waits that long was forgotten */
#define SHORT      (clock_now() + NS_PER_MS)
#define EXIT_ASKED 7u
#define WAITS      9u /* more than the name service keeps for a client */

#define EXPECT(call, wanted) expect((call), (wanted), #call)

static struct program_file names_file, server_file;
static uint64_t supervisor, client, server_names; /* handles of the name service, by badge */
static uint64_t server_mailbox;                   /* the supervisor's handle of the server */
static uint64_t names_process, server_process, waited_for;

static void expect(status_t status, status_t wanted, const char *what)
{
    if (status != wanted) {
        die("%s: %s, not %s", what, status_name(status), status_name(wanted));
    }
}

static uint64_t handles_used(void)
{
    uint64_t used, limit;

    must(sys_process_get_quota(program.self, QUOTA_HANDLES, &used, &limit));
    return used;
}

/* ---- the processes ---- */

static void start_names(void)
{
    uint64_t mailbox;

    must(sys_mailbox_create("names", strlen("names"), &mailbox));
    must(sys_handle_duplicate(mailbox, RIGHT_MAILBOX_SEND, BADGE_SUPERVISOR, &supervisor));
    must(sys_handle_duplicate(mailbox, RIGHT_MAILBOX_SEND, BADGE_CLIENT, &client));
    must(sys_handle_duplicate(mailbox, RIGHT_MAILBOX_SEND | RIGHT_TRANSFER, BADGE_SERVER,
                              &server_names));
    const struct spawn_grant grants[] = {{"requests", mailbox, 0, RIGHT_MAILBOX_RECEIVE}};
    const struct spawn spawn = {.name = "names", .grants = grants, .grant_count = 1};
    must(program_open("names", &names_file));
    must(program_spawn(&names_file, &spawn, &names_process));
    must(sys_handle_close(mailbox));
}

static void end_names(void)
{
    must(lifecycle_stop(supervisor, LONG));
    VERIFY(process_end(names_process) == 0);
    must(sys_handle_close(supervisor));
    must(sys_handle_close(client));
    must(sys_handle_close(server_names));
}

/* Only the server receives; the supervisor keeps what it needs to stop it, and to offer it to another name service. */
static void start_server(void)
{
    static const char *const args[] = {"role=server"};
    const uint32_t offered =
        RIGHT_MAILBOX_SEND | RIGHT_MAILBOX_BADGE | RIGHT_DUPLICATE | RIGHT_TRANSFER;
    uint64_t mailbox;

    must(sys_mailbox_create("sample", strlen("sample"), &mailbox));
    must(sys_handle_duplicate(mailbox, offered, BADGE_SUPERVISOR, &server_mailbox));
    const struct spawn_grant grants[] = {{"names", server_names, BADGE_SERVER, RIGHT_MAILBOX_SEND},
                                         {"requests", mailbox, 0, offered | RIGHT_MAILBOX_RECEIVE}};
    const struct spawn spawn = {
        .name = "sample", .args = args, .arg_count = 1, .grants = grants, .grant_count = 2};
    must(program_spawn(&server_file, &spawn, &server_process));
    must(sys_handle_close(mailbox));
}

/* In turns by itself, and because its supervisor wishes so: nobody else is obeyed. */
static void end_server(uint64_t sample, bool is_asked)
{
    uint64_t sum;
    uint32_t low;

    if (is_asked) {
        must(lifecycle_stop(sample, LONG));
        must(sample_add(sample, 1, 2, LONG, &sum, &low));
        must(lifecycle_stop(server_mailbox, LONG));
    } else {
        must(sample_die(sample, EXIT_ASKED, LONG));
    }
    VERIFY(process_end(server_process) == (is_asked ? 0 : EXIT_ASKED));
    must(names_withdraw(supervisor, BADGE_SERVER, LONG));
    must(sys_handle_close(server_mailbox));
}

/* Whoever made the handle known, the server sees who calls. */
static void check_badge(uint64_t sample)
{
    uint64_t badge, process;

    must(sample_whoami(sample, LONG, &badge, &process));
    VERIFY(badge == BADGE_CLIENT);
}

/* ---- the name service ---- */

static void admit_all(void)
{
    must(names_admit(supervisor, BADGE_SERVER, NAMES_OFFER, TYPED_NAME, LONG));
    must(names_admit(supervisor, BADGE_CLIENT, NAMES_USE, TYPED_NAME, LONG));
    must(names_admit(supervisor, BADGE_SERVER, NAMES_OFFER, TYPED_NONE, LONG));
}

static void check_admission(void)
{
    uint64_t found;

    EXPECT(names_find(client, TYPED_NAME, LONG, &found), ERR_NO_RIGHTS);
    EXPECT(names_admit(client, BADGE_CLIENT, NAMES_USE, TYPED_NAME, LONG), ERR_NO_RIGHTS);
    EXPECT(names_admit(client, BADGE_CLIENT, 0, TYPED_NAME, LONG), ERR_NO_RIGHTS);
    EXPECT(names_withdraw(client, BADGE_SERVER, LONG), ERR_NO_RIGHTS);
    EXPECT(names_offer(client, BADGE_CLIENT, TYPED_NAME, server_names, LONG), ERR_NO_RIGHTS);
    EXPECT(names_admit(supervisor, BADGE_SERVER, 4, TYPED_NAME, LONG), ERR_BAD_ARGUMENT);
    EXPECT(names_admit(supervisor, 0, NAMES_USE, TYPED_NAME, LONG), ERR_BAD_ARGUMENT);
    EXPECT(names_admit(supervisor, BADGE_SERVER, NAMES_OFFER, "a name too long to be", LONG),
           ERR_TOO_BIG);
    admit_all();
    EXPECT(names_find(client, TYPED_NONE, LONG, &found), ERR_NO_RIGHTS);
    EXPECT(names_find(client, TYPED_NAME, LONG, &found), ERR_NOT_FOUND);
    EXPECT(names_register(client, TYPED_NAME, server_names, LONG), ERR_NO_RIGHTS);
    EXPECT(names_wait(client, TYPED_NAME, SHORT, &found), ERR_TIMED_OUT);
}

/* The name service ends while a server is registered: the next one is told by the supervisor, not by the server. */
static void restart_names(void)
{
    uint64_t found;

    end_names();
    start_names();
    EXPECT(names_find(client, TYPED_NAME, LONG, &found), ERR_NO_RIGHTS);
    admit_all();
    EXPECT(names_find(client, TYPED_NAME, LONG, &found), ERR_NOT_FOUND);
    must(names_offer(supervisor, BADGE_SERVER, TYPED_NAME, server_mailbox, LONG));
    EXPECT(names_offer(supervisor, BADGE_CLIENT, TYPED_NAME, server_mailbox, LONG), ERR_EXISTS);
    must(names_find(client, TYPED_NAME, LONG, &found));
    check_badge(found);
    must(sys_handle_close(found));
}

static void wait_for_server(void *argument)
{
    status_t *status = argument;

    *status = names_wait(client, TYPED_NAME, LONG, &waited_for);
}

/* A wait that began before the server is there is answered when it is; those given up take no place. */
static uint64_t await_server(void)
{
    struct thread waiter;
    status_t status = ERR_BUSY;
    uint64_t found;

    for (unsigned i = 0; i < WAITS; i++) {
        EXPECT(names_wait(client, TYPED_NAME, SHORT, &found), ERR_TIMED_OUT);
    }
    must(thread_start(&waiter, wait_for_server, &status, THREAD_ANYWHERE, "waiter"));
    start_server();
    thread_join(&waiter);
    must(status);
    must(names_find(client, TYPED_NAME, LONG, &found));
    must(sys_handle_close(found));
    return waited_for;
}

/* ---- the server ---- */

/* wanted: pages of the area that the server has to swap: its own at first, then the one given last. */
static void check_calls(uint64_t sample, uint64_t wanted)
{
    static char text[] = "stressed", back[16];
    uint64_t sum, bytes, area, taken;
    uint32_t low;

    must(sample_add(sample, 1ull << 40, 2, LONG, &sum, &low));
    VERIFY(sum == (1ull << 40) + 2 && low == 2);
    must(sample_reverse(sample, text, 8, 0, LONG, back, sizeof(back), &bytes, &sum));
    VERIFY(bytes == 8 && memcmp(back, "desserts", 8) == 0 && sum != 0);
    check_badge(sample);
    must(sys_area_create(PAGE_BYTES, 0, &area));
    must(sample_swap(sample, area, LONG, &taken));
    EXPECT(sys_handle_close(area), ERR_BAD_HANDLE); /* it has moved */
    uint64_t physical;
    must(sys_area_query(taken, &bytes, &physical));
    VERIFY(bytes == wanted * PAGE_BYTES);
    must(sys_handle_close(taken));
}

/* A raw message; the answer's label is the status. */
static void expect_answer(uint64_t sample, struct message message, status_t wanted)
{
    must(message_call(sample, &message, LONG));
    expect((status_t)message_label(&message), wanted, "raw call");
}

static void check_malformed(uint64_t sample)
{
    static char data[SAMPLE_REVERSE_DATA_MAX + 2], back[4];
    uint64_t bytes, sum, area;
    struct message message = {.label = SAMPLE_ADD};

    expect_answer(sample, (struct message){.label = 0}, ERR_NO_OPERATION);
    expect_answer(sample, (struct message){.label = SAMPLE_ADD + 200}, ERR_NO_OPERATION);
    expect_answer(sample, (struct message){.label = NAMES_FIND}, ERR_NO_OPERATION);
    expect_answer(sample, (struct message){.label = SAMPLE_ADD + 0x100}, ERR_VERSION);
    expect_answer(sample, (struct message){.label = SAMPLE_SWAP}, ERR_BAD_ARGUMENT);
    expect_answer(sample, (struct message){.label = SAMPLE_REVERSE}, ERR_BAD_ARGUMENT);
    expect_answer(sample, (struct message){.label = SAMPLE_ADD, .word = {1, ~0ull}},
                  ERR_BAD_ARGUMENT);
    must(sys_area_create(PAGE_BYTES, 0, &area));
    message_give_handle(&message, area, RIGHT_AREA_READ);
    expect_answer(sample, message, ERR_BAD_ARGUMENT);
    EXPECT(sample_reverse(sample, data, sizeof(data), 0, LONG, back, 4, &bytes, &sum), ERR_TOO_BIG);
    EXPECT(sample_reverse(sample, data, 8, 9, LONG, back, 4, &bytes, &sum), ERR_RANGE);
    EXPECT(sample_reverse(sample, data, 8, 0, LONG, back, 4, &bytes, &sum), ERR_TOO_BIG);
    message =
        (struct message){.label = SAMPLE_SWAP}; /* whose reply is not taken: it brings a handle */
    message_give_handle(&message, area, RIGHTS_AREA & ~RIGHT_AREA_PHYSICAL);
    expect_answer(sample, message, ERR_TOO_BIG);
    must(message_send(sample, &(struct message){.label = SAMPLE_ADD}, LONG)); /* wants no answer */
    must(sys_handle_close(area));
}

int main(int argc, char **argv)
{
    uint64_t rounds = option_u64("rounds", 5), used = 0, found;

    (void)argc;
    (void)argv;
    if (option_text("role", NULL) != NULL) {
        return server_main();
    }
    must(program_open(TYPED_FILE, &server_file));
    start_names();
    check_admission();
    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t sample = await_server(), sum;
        uint32_t low;

        check_calls(sample, 2);
        check_malformed(sample);
        restart_names();
        check_calls(sample, 1);
        end_server(sample, i % 2 != 0);
        EXPECT(sample_add(sample, 1, 2, LONG, &sum, &low), ERR_PEER_CLOSED);
        EXPECT(names_find(client, TYPED_NAME, LONG, &found), ERR_NOT_FOUND);
        must(sys_handle_close(sample));
        VERIFY(i == 0 || handles_used() == used);
        used = handles_used();
    }
    end_names();
    report("%lu rounds", rounds);
    return 0;
}
