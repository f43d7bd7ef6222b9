/* SPDX-License-Identifier: MIT */
/*
 * pairs: as many clients as there are cores, each calling a server of its own, as fast as they can. They share nothing, so while they
 * do nothing but call, no core should ever wait for another one's lock.
 *
 *   calls=N (20000) of each client in the measured time      pairs=N (one for each core)
 *   together        all clients call the same server, and do wait for each other
 *
 * The measured time begins with the mark MARK_CALLS_BEGIN, when every client has made WARM_UP calls, and ends with the first mark
 * MARK_CALLS_END of a client that has made its number. All go on calling until then, so nobody starts or ends anything meanwhile.
 * Says how many calls fell into it. Events lock.wait.begin between the two marks are what `make bench` counts.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gen/layout.h"
#include "gen/objects.h"
#include "kernel/abi/event.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/option.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/stdio.h"
#include "userspace/programs/bench/fast_call.h"

#define PAIRS_MAX 32u
#define WARM_UP   2000u

enum pairs_mark { MARK_CALLS_BEGIN = MARK_FREE, MARK_CALLS_END };

/* What all processes of the program see. Every client writes a cache line of its own. */
struct shared {
    _Alignas(64) atomic_bool begun, ended;
    struct {
        _Alignas(64) atomic_uint_least64_t counted;
    } client[PAIRS_MAX];
};

static struct program_file file;

static struct shared *map_shared(uint64_t area)
{
    uint64_t address;

    must(sys_area_map(program.self, area, 0, PAGE_BYTES, 0, PROT_READ | PROT_WRITE, &address));
    return (struct shared *)address;
}

/* Counts its calls from when all have begun until somebody has made enough of them. */
static int client_main(void)
{
    struct shared *shared = map_shared(program_handle("shared"));
    uint64_t server = program_handle("server"), event = program_handle("event");
    uint64_t number = option_u64("number", 0), calls = option_u64("calls", 0), counted = 0;

    for (unsigned i = 0; i < WARM_UP; i++) {
        must(fast_call_0w(server));
    }
    must(sys_event_signal(event, 1ull << number, 0));
    while (!atomic_load_explicit(&shared->ended, memory_order_relaxed)) {
        must(fast_call_0w(server));
        if (!atomic_load_explicit(&shared->begun, memory_order_relaxed)) {
            continue;
        }
        atomic_store_explicit(&shared->client[number].counted, ++counted, memory_order_relaxed);
        if (counted == calls) {
            mark(MARK_CALLS_END, number);
            atomic_store(&shared->ended, true);
        }
    }
    must(sys_event_signal(event, 1ull << number, 0));
    return 0;
}

static uint64_t spawn_one(const char *role, unsigned number, const struct spawn_grant *grants,
                          unsigned grant_count)
{
    char name[32], role_text[32], number_text[32], calls_text[32];
    const char *const args[] = {role_text, number_text, calls_text};
    const struct spawn request = {
        .name = name, .args = args, .arg_count = 3, .grants = grants, .grant_count = grant_count};
    uint64_t process;

    snprintf(name, sizeof(name), "%s %u", role, number);
    snprintf(role_text, sizeof(role_text), "role=%s", role);
    snprintf(number_text, sizeof(number_text), "number=%u", number);
    snprintf(calls_text, sizeof(calls_text), "calls=%lu", option_u64("calls", 20000));
    must(program_spawn(&file, &request, &process));
    return process;
}

static uint64_t spawn_server(unsigned number, uint64_t *out_mailbox)
{
    must(sys_mailbox_create("pair", strlen("pair"), out_mailbox));
    const struct spawn_grant grants[] = {{"mailbox", *out_mailbox, 0, RIGHT_MAILBOX_RECEIVE}};
    return spawn_one("server", number, grants, 1);
}

static uint64_t spawn_client(unsigned number, uint64_t mailbox, uint64_t area, uint64_t event)
{
    const struct spawn_grant grants[] = {{"server", mailbox, 0, RIGHT_MAILBOX_SEND},
                                         {"event", event, 0, RIGHT_EVENT_SIGNAL},
                                         {"shared", area, 0, RIGHT_AREA_READ | RIGHT_AREA_WRITE}};
    return spawn_one("client", number, grants, 3);
}

static void wait_for_all(uint64_t event, unsigned pairs)
{
    uint64_t all = (1ull << pairs) - 1, signals;

    must(sys_event_wait(event, all, DEADLINE_FOREVER, EVENT_ALL | EVENT_CLEAR, &signals));
}

int main(int argc, char **argv)
{
    const char *role = option_text("role", "main");
    uint64_t server[PAIRS_MAX], mailbox[PAIRS_MAX], client[PAIRS_MAX];
    uint64_t area, event, cpu, cores, counted = 0;

    (void)argc;
    (void)argv;
    if (strcmp(role, "client") == 0) {
        return client_main();
    }
    if (strcmp(role, "server") == 0) {
        serve_echo(program_handle("mailbox"));
    }
    must(sys_cpu_info(&cpu, &cores));
    const unsigned pairs = (unsigned)option_u64("pairs", cores);
    VERIFY(pairs >= 1 && pairs <= PAIRS_MAX);
    must(program_open("pairs", &file));
    must(sys_area_create(PAGE_BYTES, 0, &area));
    must(sys_event_create("pairs", strlen("pairs"), &event));
    struct shared *shared = map_shared(area);
    for (unsigned i = 0; i < pairs; i++) {
        server[i] = spawn_server(i, &mailbox[i]);
        client[i] = spawn_client(i, mailbox[option_flag("together") ? 0 : i], area, event);
    }
    wait_for_all(event, pairs);
    atomic_store(&shared->begun, true);
    mark(MARK_CALLS_BEGIN, pairs);
    report("%u pairs call", pairs);
    wait_for_all(event, pairs);
    for (unsigned i = 0; i < pairs; i++) {
        VERIFY(process_end(client[i]) == 0);
        must(sys_process_kill(server[i], 0));
        VERIFY(process_end(server[i]) == 0);
        counted += atomic_load(&shared->client[i].counted);
    }
    report("%lu calls by %u pairs", counted, pairs);
    return 0;
}
