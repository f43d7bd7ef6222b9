/* SPDX-License-Identifier: MIT */
/*
 * pipeline: servers in a row, each a process, with typed calls from one to the next; for traces in which a request has a way.
 *
 *     client --command--> parser --put, get--> store --append--> journal
 *     client --command--> parser --put, get---^        (one way)
 *
 *   clients=N (3)   parsers=N (2)   commands=N (200) of each client
 *
 * Clients check every answer. At the end the journal has what the store has changed, in the same order.
 */
#include <stdio.h>
#include <string.h>

#include "gen/interface/lifecycle_client.h"
#include "gen/interface/pipeline_client.h"
#include "gen/objects.h"
#include "userspace/lib/option.h"
#include "userspace/lib/service.h"
#include "userspace/lib/spawn.h"
#include "userspace/programs/pipeline/pipeline.h"

#define CLIENTS_MAX 16u
#define PARSERS_MAX 4u

static struct program_file file;

/* A mailbox that servers receive from; *out_requests is what they get, the supervisor's handle is returned. */
static uint64_t make_mailbox(const char *name, uint64_t *out_requests)
{
    uint64_t own;

    must(sys_mailbox_create(name, strlen(name), out_requests));
    must(sys_handle_duplicate(*out_requests, RIGHT_MAILBOX_SEND | RIGHT_TRANSFER, BADGE_SUPERVISOR,
                              &own));
    return own;
}

static uint64_t start(const char *name, uint64_t requests, uint64_t next, uint64_t badge,
                      const char *const *args, unsigned arg_count)
{
    struct spawn_grant grants[2];
    unsigned count = 0;
    uint64_t process;

    if (next != HANDLE_NONE) {
        grants[count++] = (struct spawn_grant){"next", next, badge, RIGHT_MAILBOX_SEND};
    }
    if (requests != HANDLE_NONE) {
        grants[count++] = (struct spawn_grant){"requests", requests, 0, RIGHTS_MAILBOX};
    }
    const struct spawn spawn = {
        .name = name, .args = args, .arg_count = arg_count, .grants = grants, .grant_count = count};
    must(program_spawn(&file, &spawn, &process));
    return process;
}

static uint64_t start_server(const char *name, uint64_t requests, uint64_t next)
{
    static const char *const args[] = {"role=server"};

    return start(name, requests, next, 2, args, 1);
}

static uint64_t start_client(uint64_t number, uint64_t next)
{
    char own[24], commands[32];
    const char *const args[] = {"role=client", own, commands};

    snprintf(own, sizeof(own), "number=%lu", number);
    snprintf(commands, sizeof(commands), "commands=%lu", option_u64("commands", 200));
    return start("client", HANDLE_NONE, next, number + 100, args, 3);
}

/* Behind this nothing is on the way any more: the store has sent all, and the journal took it before it took this. */
static void check_totals(uint64_t store, uint64_t journal)
{
    uint64_t entries, checksum, written, written_checksum;

    must(pipeline_totals(store, LONG, &entries, &checksum));
    must(pipeline_totals(journal, LONG, &written, &written_checksum));
    VERIFY(entries > 0 && entries == written && checksum == written_checksum);
    report("%lu entries", entries);
}

static void end_server(uint64_t mailbox, const uint64_t *processes, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        must(lifecycle_stop(mailbox, LONG));
    }
    for (unsigned i = 0; i < count; i++) {
        VERIFY(process_end(processes[i]) == 0);
    }
    must(sys_handle_close(mailbox));
}

static void run(unsigned clients, unsigned parsers)
{
    uint64_t requests[3], parser[PARSERS_MAX], client[CLIENTS_MAX];
    const uint64_t to_journal = make_mailbox("journal", &requests[0]);
    const uint64_t to_store = make_mailbox("store", &requests[1]);
    const uint64_t to_parser = make_mailbox("parser", &requests[2]);
    const uint64_t journal = start_server("journal", requests[0], HANDLE_NONE);
    const uint64_t store = start_server("store", requests[1], requests[0]);

    for (unsigned i = 0; i < parsers; i++) {
        parser[i] = start_server("parser", requests[2], requests[1]);
    }
    for (unsigned i = 0; i < clients; i++) {
        client[i] = start_client(i + 1, requests[2]);
    }
    for (unsigned i = 0; i < 3; i++) {
        must(sys_handle_close(requests[i]));
    }
    for (unsigned i = 0; i < clients; i++) {
        VERIFY(process_end(client[i]) == 0);
    }
    check_totals(to_store, to_journal);
    end_server(to_parser, parser, parsers);
    end_server(to_store, &store, 1);
    end_server(to_journal, &journal, 1);
}

int main(int argc, char **argv)
{
    const char *role = option_text("role", "");
    uint64_t clients = option_u64("clients", 3), parsers = option_u64("parsers", 2);

    (void)argc;
    (void)argv;
    if (strcmp(role, "server") == 0) {
        be_server();
    }
    if (strcmp(role, "client") == 0) {
        return be_client(option_u64("number", 0), option_u64("commands", 200));
    }
    VERIFY(clients >= 1 && clients <= CLIENTS_MAX && parsers >= 1 && parsers <= PARSERS_MAX);
    must(program_open("pipeline", &file));
    run((unsigned)clients, (unsigned)parsers);
    return 0;
}
