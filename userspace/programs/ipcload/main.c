/* SPDX-License-Identifier: MIT */
/*
 * ipcload: clients and servers in processes of their own, calling each other as fast as they can.
 *
 *   calls=N (2000) of each client      clients=N (4)      servers=N (2)
 *   threads=N (1) of each server       sizes=A+B...  words "4w", bytes "512"
 *
 * Passes if every client got the right answer to every call and the servers have served exactly
 * that many.
 */
#include <stdio.h>
#include <string.h>

#include "gen/objects.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/option.h"
#include "userspace/lib/spawn.h"
#include "userspace/programs/ipcload/ipcload.h"

#define CLIENTS_MAX 64u
#define SERVERS_MAX 16u

static struct program_file file;
static uint64_t server_mailbox[SERVERS_MAX], middle_mailbox;
static uint64_t server_process[SERVERS_MAX], middle_process;
static uint64_t client_process[CLIENTS_MAX];

static uint64_t create_mailbox(const char *name)
{
    uint64_t mailbox;

    must(sys_mailbox_create(name, strlen(name), &mailbox));
    return mailbox;
}

static uint64_t spawn(const char *name, const char *const *args, unsigned arg_count,
                      const struct spawn_grant *grants, unsigned grant_count)
{
    const struct spawn request = {.name = name,
                                  .args = args,
                                  .arg_count = arg_count,
                                  .grants = grants,
                                  .grant_count = grant_count};
    uint64_t process;

    must(program_spawn(&file, &request, &process));
    return process;
}

static void start_servers(uint64_t count, uint64_t threads)
{
    char threads_text[32], name[32];
    const char *const args[] = {"role=server", threads_text};

    snprintf(threads_text, sizeof(threads_text), "threads=%lu", threads);
    for (uint64_t i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "ipc server %lu", i);
        server_mailbox[i] = create_mailbox(name);
        const struct spawn_grant grants[] = {
            {"mailbox", server_mailbox[i], 0, RIGHT_MAILBOX_RECEIVE}};
        server_process[i] = spawn(name, args, 2, grants, 1);
    }
    const char *const middle_args[] = {"role=middle"};
    middle_mailbox = create_mailbox("ipc middle");
    const struct spawn_grant grants[] = {
        {"mailbox", middle_mailbox, 0, RIGHT_MAILBOX_RECEIVE},
        {"server", server_mailbox[0], BADGE_MIDDLE, RIGHT_MAILBOX_SEND}};
    middle_process = spawn("ipc middle", middle_args, 1, grants, 2);
}

static void start_clients(uint64_t count, uint64_t servers, uint64_t calls, const char *sizes)
{
    char badge_text[32], calls_text[32], sizes_text[128], name[32];
    const char *const args[] = {"role=client", badge_text, calls_text, sizes_text};

    snprintf(calls_text, sizeof(calls_text), "calls=%lu", calls);
    snprintf(sizes_text, sizeof(sizes_text), "sizes=%s", sizes);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t badge = i + 1;
        const struct spawn_grant grants[] = {
            {"server", server_mailbox[i % servers], badge, RIGHT_MAILBOX_SEND},
            {"middle", middle_mailbox, badge, RIGHT_MAILBOX_SEND}};

        snprintf(badge_text, sizeof(badge_text), "badge=%lu", badge);
        snprintf(name, sizeof(name), "ipc client %lu", i);
        client_process[i] = spawn(name, args, 4, grants, 2);
    }
}

static bool has_ended_well(uint64_t process, const char *kind, uint64_t index)
{
    uint64_t end = process_end(process);

    if (end != 0) {
        printf("ipcload: %s %lu ended with %lx\n", kind, index, end);
    }
    return end == 0;
}

/* Ends all threads of a server. Returns the calls they served. */
static uint64_t stop_server(uint64_t mailbox, uint64_t threads)
{
    uint64_t served = 0;

    for (uint64_t i = 0; i < threads; i++) {
        struct message quit = {.label = KIND_QUIT};

        must(message_call(mailbox, &quit, clock_now() + PATIENCE));
        served += quit.word[0];
    }
    return served;
}

int main(int argc, char **argv)
{
    const char *role = option_text("role", "main");
    uint64_t calls = option_u64("calls", 2000);
    uint64_t clients = option_u64("clients", 4);
    uint64_t servers = option_u64("servers", 2);
    uint64_t threads = option_u64("threads", 1);
    bool good = true;

    (void)argc;
    (void)argv;
    if (strcmp(role, "client") == 0) {
        return client_main();
    }
    if (strcmp(role, "server") == 0) {
        return server_main();
    }
    if (strcmp(role, "middle") == 0) {
        return middle_main();
    }
    VERIFY(clients >= 1 && clients <= CLIENTS_MAX && servers >= 1 && servers <= SERVERS_MAX);
    must(program_open(IPCLOAD_FILE, &file));
    start_servers(servers, threads);
    start_clients(clients, servers, calls, option_text("sizes", "0w+4w+8w+512+4096+65536"));
    for (uint64_t i = 0; i < clients; i++) {
        good &= has_ended_well(client_process[i], "client", i);
    }
    uint64_t nested = stop_server(middle_mailbox, 1);
    good &= has_ended_well(middle_process, "middle", 0);
    uint64_t served = 0;
    for (uint64_t i = 0; i < servers; i++) {
        served += stop_server(server_mailbox[i], threads);
        good &= has_ended_well(server_process[i], "server", i);
    }
    report("%lu calls by %lu clients, %lu served, %lu of them nested", clients * calls, clients,
           served, nested);
    VERIFY(served == clients * calls);
    VERIFY(nested == clients * (calls / NESTED_EVERY));
    return good ? 0 : EXIT_FAILED;
}
