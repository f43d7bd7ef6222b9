/* SPDX-License-Identifier: MIT */
/*
 * storm: chains of calls on every core, whose members are killed at random moments (storm.h).
 *
 *   kills=N (60)   chains=N (one per core)   seed=N (1)
 *
 * After each kill the chain must answer again; at the end the ledger must balance: nothing served twice, and no more lost than
 * was killed.
 */
#include <stdio.h>
#include <string.h>

#include "gen/objects.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/option.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/start.h"
#include "userspace/lib/stdio.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/storm/storm.h"

#define PAUSE_NS_MAX (400 * NS_PER_US)
#define CODE_KILLED  9u

enum victim { CLIENT, MIDDLE, BACK, VICTIMS };

struct chain {
    unsigned number, core;
    struct thread client;
    uint64_t process[STAGES];
    _Atomic uint64_t first;      /* mailbox of the middle that lives: right to send */
    _Atomic uint32_t generation; /* futex: of that mailbox */
    uint64_t kills[VICTIMS];
    struct ledger *ledger;
    uint64_t payload[PAYLOAD_WORDS];
};

static struct chain chains[CHAINS_MAX];
static struct program_file file;
static uint64_t ledger_area, core_count;
static atomic_bool stop;

/* ---- the client ---- */

static void await_next_generation(struct chain *chain, uint32_t generation)
{
    while (atomic_load(&chain->generation) == generation && !atomic_load(&stop)) {
        status_t status =
            sys_futex_wait((uint64_t)&chain->generation, generation, DEADLINE_FOREVER);
        VERIFY(status == OK || status == ERR_CHANGED);
    }
}

static void run_client(void *argument)
{
    struct chain *chain = argument;
    struct ledger *ledger = chain->ledger;

    while (!atomic_load(&stop)) {
        uint32_t generation = atomic_load(&chain->generation);
        uint64_t number = atomic_fetch_add(&ledger->sent, 1) + 1;
        struct message message;

        storm_write(&message, number, chain->payload);
        status_t status = message_call(atomic_load(&chain->first), &message, DEADLINE_FOREVER);
        VERIFY(status == OK || status == ERR_PEER_CLOSED || status == ERR_BAD_HANDLE);
        if (status == OK && message_label(&message) == STORM_WORK) {
            VERIFY(message.word[4] == storm_answer(number) && storm_is_good(&message, NULL));
            atomic_fetch_add(&ledger->answered, 1);
        } else {
            atomic_fetch_add(&ledger->failed, 1);
            await_next_generation(chain, generation);
        }
    }
}

static void start_client(struct chain *chain)
{
    must(thread_start(&chain->client, run_client, chain, THREAD_CORE(chain->core), "client"));
}

/* ---- the processes ---- */

static uint64_t spawn_server(struct chain *chain, const char *name, uint64_t mailbox, uint64_t next)
{
    char number[32];
    const char *const args[] = {"role=server", number};
    const struct spawn_grant grants[] = {
        {"ledger", ledger_area, 0, RIGHT_AREA_READ | RIGHT_AREA_WRITE},
        {"mailbox", mailbox, 0, RIGHT_MAILBOX_RECEIVE},
        {"next", next, 0, RIGHT_MAILBOX_SEND},
    };
    const struct spawn request = {.name = name,
                                  .args = args,
                                  .arg_count = 2,
                                  .grants = grants,
                                  .grant_count = next == HANDLE_NONE ? 2 : 3,
                                  .thread_flags = THREAD_CORE(chain->core)};
    uint64_t process;

    snprintf(number, sizeof(number), "chain=%u", chain->number);
    must(program_spawn(&file, &request, &process));
    return process;
}

/* A mailbox whose only receiver will be the process that gets it. */
static void begin_servers(struct chain *chain)
{
    uint64_t mailbox[STAGES], first;

    for (unsigned i = 0; i < STAGES; i++) {
        must(sys_mailbox_create("storm", strlen("storm"), &mailbox[i]));
    }
    must(sys_handle_duplicate(mailbox[0], RIGHT_MAILBOX_SEND, 0, &first));
    chain->process[1] = spawn_server(chain, "storm back", mailbox[1], HANDLE_NONE);
    chain->process[0] = spawn_server(chain, "storm middle", mailbox[0], mailbox[1]);
    for (unsigned i = 0; i < STAGES; i++) {
        must(sys_handle_close(mailbox[i]));
    }
    atomic_store(&chain->first, first);
    atomic_fetch_add(&chain->generation, 1);
    uint64_t woken;
    must(sys_futex_wake((uint64_t)&chain->generation, UINT32_MAX, &woken));
}

static void end_servers(struct chain *chain, unsigned first_to_die)
{
    must(sys_process_kill(chain->process[first_to_die], CODE_KILLED));
    must(sys_process_kill(chain->process[1 - first_to_die], CODE_KILLED));
    for (unsigned i = 0; i < STAGES; i++) {
        VERIFY(process_end(chain->process[i]) == CODE_KILLED);
    }
    must(sys_handle_close(atomic_load(&chain->first)));
}

/* ---- the killer ---- */

/* The chain works again; unless one of its processes has found something wrong and ended, which it has said. */
static void await_answer(const struct chain *chain)
{
    uint64_t before = atomic_load(&chain->ledger->answered), code, fault;

    while (atomic_load(&chain->ledger->answered) == before) {
        clock_sleep(20 * NS_PER_US);
        for (unsigned i = 0; i < STAGES; i++) {
            VERIFY(sys_process_wait(chain->process[i], DEADLINE_POLL, &code, &fault) ==
                   ERR_TIMED_OUT);
        }
    }
}

static void kill_one(struct chain *chain, enum victim victim)
{
    chain->kills[victim]++;
    if (victim == CLIENT) {
        must(sys_thread_kill(chain->client.handle, CODE_KILLED));
        thread_join(&chain->client);
        start_client(chain);
    } else {
        end_servers(chain, victim - MIDDLE);
        begin_servers(chain);
    }
}

/* No call is under way any more. */
static void check_ledger(const struct chain *chain)
{
    const struct ledger *ledger = chain->ledger;
    uint64_t sent = atomic_load(&ledger->sent), answered = atomic_load(&ledger->answered);
    uint64_t failed = atomic_load(&ledger->failed),
             middle = atomic_load(&ledger->stage[0].received);
    uint64_t back = atomic_load(&ledger->stage[1].received);
    uint64_t clients = chain->kills[CLIENT], servers = chain->kills[MIDDLE] + chain->kills[BACK];

    if (sent - answered - failed > clients || failed > servers || back > middle || middle > sent ||
        back < answered || middle - answered > clients + servers) {
        die("chain %u: %lu sent, %lu answered, %lu failed; %lu received in the middle, %lu at the "
            "back; "
            "%lu clients and %lu servers killed",
            chain->number, sent, answered, failed, middle, back, clients, servers);
    }
}

static void begin_chain(struct chain *chain, unsigned number, uint64_t ledgers)
{
    chain->number = number;
    chain->core = (unsigned)(number % core_count);
    chain->ledger = ledger_of(ledgers, number);
    begin_servers(chain);
    start_client(chain);
}

static void end_chain(struct chain *chain)
{
    thread_join(&chain->client);
    end_servers(chain, 0);
    check_ledger(chain);
}

int main(int argc, char **argv)
{
    uint64_t kills = option_u64("kills", 60), state = option_u64("seed", 1), cpu, base, total = 0;

    (void)argc;
    (void)argv;
    if (option_text("role", NULL) != NULL) {
        return server_main();
    }
    must(sys_cpu_info(&cpu, &core_count));
    const uint64_t chain_count = option_u64("chains", core_count);
    VERIFY(chain_count >= 1 && chain_count <= CHAINS_MAX);
    must(program_open(STORM_FILE, &file));
    must(sys_area_create(LEDGER_BYTES, 0, &ledger_area));
    must(
        sys_area_map(program.self, ledger_area, 0, LEDGER_BYTES, 0, PROT_READ | PROT_WRITE, &base));
    for (unsigned i = 0; i < chain_count; i++) {
        begin_chain(&chains[i], i, base);
    }
    for (uint64_t i = 0; i < kills; i++) {
        struct chain *chain = &chains[random_next(&state) % chain_count];

        await_answer(chain);
        clock_sleep(random_next(&state) % PAUSE_NS_MAX);
        kill_one(chain, (enum victim)(random_next(&state) % VICTIMS));
    }
    for (unsigned i = 0; i < chain_count; i++) {
        await_answer(&chains[i]);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < chain_count; i++) {
        end_chain(&chains[i]);
        total += atomic_load(&chains[i].ledger->answered);
    }
    report("%lu calls answered by %lu chains through %lu kills", total, chain_count, kills);
    return 0;
}
