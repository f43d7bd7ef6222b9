/* SPDX-License-Identifier: MIT */
/*
 * files: what programs may count on of files, through the library (userspace/files/client).
 *
 *   damaged                     only read /boot, of which a file is damaged
 *   bench                       only say what transfers cost
 *   account                     the RAM file system was told to hold more than it may
 *   role=client|leaver|filler|hoarder   children of its own, with a file system of their own at /own
 */
#include "userspace/programs/files/files.h"

#include <stdio.h>
#include <string.h>

#include "gen/interface/supervisor_client.h"
#include "kernel/abi/services.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/option.h"
#include "userspace/lib/random.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/start.h"

#define LONG (clock_now() + 60 * NS_PER_S) /* who waits that long was forgotten */

void expect(status_t status, status_t wanted, const char *what)
{
    if (status != wanted) {
        die("%s: %s, not %s", what, status_name(status), status_name(wanted));
    }
}

void pattern(void *data, uint64_t bytes, uint64_t seed)
{
    uint8_t *to = data;

    for (uint64_t i = 0; i < bytes; i++) {
        to[i] = (uint8_t)random_mix(seed + i / 8);
    }
}

bool is_pattern(const void *data, uint64_t bytes, uint64_t seed)
{
    const uint8_t *from = data;
    uint64_t i = 0;

    while (i < bytes && from[i] == (uint8_t)random_mix(seed + i / 8)) {
        i++;
    }
    return i == bytes;
}

/* ---- file systems of our own ---- */

struct own_server start_server(const char *argument, uint64_t memory_pages)
{
    const char *const args[] = {argument};
    const struct spawn_quota quota = {64, 16, memory_pages, 64};
    struct own_server server;
    struct program_file file;
    uint64_t whole;

    must(sys_mailbox_create("own", strlen("own"), &whole));
    must(sys_handle_duplicate(
        whole, RIGHT_MAILBOX_SEND | RIGHT_MAILBOX_BADGE | RIGHT_TRANSFER | RIGHT_DUPLICATE, 0,
        &server.mailbox));
    const struct spawn_grant grants[] = {{"requests", whole, 0, RIGHTS_MAILBOX}};
    const struct spawn spawn = {.name = "own",
                                .args = args,
                                .arg_count = 1,
                                .grants = grants,
                                .grant_count = 1,
                                .quota = memory_pages > 0 ? &quota : NULL};
    must(program_open("ramfs", &file));
    must(program_spawn(&file, &spawn, &server.process));
    must(sys_handle_close(whole)); /* only the server receives */
    return server;
}

void end_server(struct own_server *server)
{
    must(sys_process_kill(server->process, 0));
    (void)process_end(server->process);
    must(sys_handle_close(server->mailbox));
}

uint64_t start_client(const struct own_server *server, const char *role, uint64_t badge)
{
    const char *const args[] = {role};
    static const char *const environment[] = {"MOUNTS=/own=server", NULL};
    const struct spawn_grant grants[] = {{"server", server->mailbox, badge, RIGHT_MAILBOX_SEND}};
    const struct spawn spawn = {.name = "client",
                                .args = args,
                                .arg_count = 1,
                                .grants = grants,
                                .grant_count = 1,
                                .environment = environment};
    struct program_file file;
    uint64_t process;

    must(program_open("files", &file));
    must(program_spawn(&file, &spawn, &process));
    return process;
}

/* ---- a service that ends ---- */

/* Open files end with it; what has a path is looked for in the next one. */
static void check_restart(void)
{
    uint64_t supervisor = program_handle("supervisor"), bytes;
    uint32_t state, starts, reached;
    struct file file;
    struct file_info info;

    must(file_open("/tmp/kept", OPEN_READ | OPEN_WRITE | OPEN_CREATE, &file));
    must(file_write(&file, 0, "kept", 4, &bytes));
    must(supervisor_status(supervisor, "ramfs", LONG, &state, &starts));
    must(supervisor_kill(supervisor, "ramfs", LONG));
    must(supervisor_await(supervisor, SERVICE_RUNNING, starts + 1, "ramfs", LONG, &reached,
                          &starts));
    EXPECT(file_write(&file, 0, "lost", 4, &bytes), ERR_PEER_CLOSED);
    EXPECT(file_stat("/tmp/kept", &info), ERR_NOT_FOUND);
    file_close(&file);
    must(file_open("/tmp/kept", OPEN_WRITE | OPEN_CREATE, &file));
    file_close(&file);
    must(supervisor_kill(supervisor, "ramfs", LONG)); /* and nobody waits for the next one */
    EXPECT(file_remove("/tmp/kept", FILE_REGULAR), ERR_NOT_FOUND);
}

static int play(const char *role)
{
    if (strcmp(role, "client") == 0) {
        return be_client();
    }
    if (strcmp(role, "leaver") == 0) {
        return be_leaver();
    }
    return strcmp(role, "filler") == 0 ? be_filler() : be_hoarder();
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (option_text("role", NULL) != NULL) {
        return play(option_text("role", NULL));
    }
    if (option_flag("damaged")) {
        check_damage();
        return 0;
    }
    if (option_flag("bench")) {
        measure();
        return 0;
    }
    check_boot();
    check_basics("/tmp");
    check_listing("/tmp");
    check_clients();
    check_full();
    check_quota();
    if (option_flag("account")) {
        check_account();
    }
    check_restart();
    return 0;
}
