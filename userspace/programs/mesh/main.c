/* SPDX-License-Identifier: MIT */
/*
 * mesh: calls over random topologies: chains, stars, nested calls, answers from another thread. Every word of every answer is checked,
 * and at the end each pair of caller and node must agree on how many calls there were between them.
 *
 *   nodes=N (5)   threads=N (2) of each   clients=N (4)   calls=N (1000) of each   seed=N (1)
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "gen/objects.h"
#include "userspace/lib/check.h"
#include "userspace/lib/option.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/mesh/mesh.h"

#define CLIENTS_MAX (CALLERS_MAX - NODES_MAX)

struct client {
    struct thread thread;
    unsigned number;
    uint64_t node[NODES_MAX]; /* handles */
    uint64_t made[NODES_MAX];
};

static struct program_file file;
static struct client clients[CLIENTS_MAX];
static uint64_t mailbox[NODES_MAX], process[NODES_MAX];
static uint64_t nodes, client_count, threads, calls, seed;

static void start_node(unsigned number)
{
    char name[32], number_text[32], nodes_text[32], threads_text[32];
    char target[NODES_MAX][START_NAME_BYTES];
    const char *const args[] = {"role=node", number_text, nodes_text, threads_text};
    struct spawn_grant grants[1 + NODES_MAX];
    unsigned count = 0;

    snprintf(name, sizeof(name), "mesh node %u", number);
    snprintf(number_text, sizeof(number_text), "node=%u", number);
    snprintf(nodes_text, sizeof(nodes_text), "nodes=%lu", nodes);
    snprintf(threads_text, sizeof(threads_text), "threads=%lu", threads);
    grants[count++] = (struct spawn_grant){"mailbox", mailbox[number], 0, RIGHT_MAILBOX_RECEIVE};
    for (unsigned i = number + 1; i < nodes; i++) {
        snprintf(target[i], sizeof(target[i]), "node%u", i);
        grants[count++] =
            (struct spawn_grant){target[i], mailbox[i], number + 1, RIGHT_MAILBOX_SEND};
    }
    const struct spawn request = {.name = name,
                                  .args = args,
                                  .arg_count = sizeof(args) / sizeof(args[0]),
                                  .grants = grants,
                                  .grant_count = count};
    must(program_spawn(&file, &request, &process[number]));
}

/* What a node must answer. */
static uint64_t answer_to(uint64_t request, unsigned node)
{
    struct mesh_step step = mesh_step(request, node, (unsigned)nodes);
    uint64_t answer = mesh_begin(request, node);

    for (unsigned i = 0; i < step.calls; i++) {
        answer = mesh_fold(answer, answer_to(mesh_onward(request, i), step.target[i]));
    }
    return answer;
}

static void run_client(void *argument)
{
    struct client *client = argument;
    uint64_t state = seed * HASH_STEP + client->number;

    for (uint64_t i = 0; i < calls; i++) {
        uint64_t request = random_next(&state);
        unsigned node = (unsigned)(request >> 40) % (unsigned)nodes;
        struct message message;

        mesh_write(&message, request);
        must(message_call(client->node[node], &message, mesh_deadline(request >> 60 == 0)));
        VERIFY(mesh_is_good(&message));
        VERIFY(message.word[0] == answer_to(request, node));
        client->made[node]++;
    }
}

static void start_client(struct client *client, unsigned number)
{
    client->number = number;
    for (unsigned i = 0; i < nodes; i++) {
        must(sys_handle_duplicate(mailbox[i], RIGHT_MAILBOX_SEND, NODES_MAX + number + 1,
                                  &client->node[i]));
    }
    must(thread_start(&client->thread, run_client, client, THREAD_ANYWHERE, "client"));
}

/* Ask a node about one of its callers: how many calls it has served, how many it has made if that is a node. */
static void ask_report(unsigned node, unsigned caller, uint64_t *out_served, uint64_t *out_made)
{
    struct message message = {.label = MESH_REPORT, .word = {caller}};

    must(message_call(mailbox[node], &message, DEADLINE_FOREVER));
    *out_served = message.word[0];
    *out_made = message.word[1];
}

/* Nothing is lost, nothing is served twice. Returns how many calls there were. */
static uint64_t check_counts(void)
{
    uint64_t total = 0, served, made, nothing;

    for (unsigned node = 0; node < nodes; node++) {
        for (unsigned i = 0; i < client_count; i++) {
            ask_report(node, NODES_MAX + i, &served, &nothing);
            VERIFY(served == clients[i].made[node]);
            total += served;
        }
        for (unsigned caller = 0; caller < nodes; caller++) {
            ask_report(node, caller, &served, &nothing);
            ask_report(caller, node, &nothing, &made);
            VERIFY(served == made);
            total += served;
        }
    }
    return total;
}

static void stop_node(unsigned number)
{
    for (unsigned i = 0; i < threads; i++) {
        struct message quit = {.label = MESH_QUIT};

        must(message_call(mailbox[number], &quit, DEADLINE_FOREVER));
    }
    VERIFY(process_end(process[number]) == 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (strcmp(option_text("role", "main"), "node") == 0) {
        return node_main();
    }
    nodes = option_u64("nodes", 5);
    threads = option_u64("threads", 2);
    client_count = option_u64("clients", 4);
    calls = option_u64("calls", 1000);
    seed = option_u64("seed", 1);
    VERIFY(nodes >= 1 && nodes <= NODES_MAX && client_count <= CLIENTS_MAX);
    VERIFY(threads >= 1 && threads <= THREADS_MAX);
    must(program_open(MESH_FILE, &file));
    for (unsigned i = 0; i < nodes; i++) {
        must(sys_mailbox_create("mesh", 4, &mailbox[i]));
    }
    for (unsigned i = 0; i < nodes; i++) {
        start_node(i);
    }
    for (unsigned i = 0; i < client_count; i++) {
        start_client(&clients[i], i);
    }
    for (unsigned i = 0; i < client_count; i++) {
        thread_join(&clients[i].thread);
    }
    report("%lu calls, all answered once and right", check_counts());
    for (unsigned i = 0; i < nodes; i++) {
        stop_node(i);
    }
    return 0;
}
