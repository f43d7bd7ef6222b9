/* SPDX-License-Identifier: MIT */
/* top: prints again and again which processes have had the cores since the last time. */
#include <stdio.h>
#include <string.h>

#include "gen/syscall_user.h"
#include "kernel/abi/facts.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"
#include "userspace/lib/stream.h"
#include "userspace/programs/commands/command.h"

#define PROCESSES_MAX 256u
#define ROWS          18u

struct row {
    struct process_facts facts;
    uint64_t used; /* since the last look */
};

static struct row rows[2][PROCESSES_MAX]; /* now and before, in turn */
static unsigned counts[2];

static uint64_t time_before(unsigned before, uint32_t id)
{
    for (unsigned i = 0; i < counts[before]; i++) {
        if (rows[before][i].facts.id == id) {
            return rows[before][i].facts.time;
        }
    }
    return 0;
}

static void look(unsigned now)
{
    uint64_t id = 0;

    counts[now] = 0;
    while (counts[now] < PROCESSES_MAX) {
        struct row *row = &rows[now][counts[now]];

        if (sys_process_facts(program_handle("system"), (uint32_t)id, &row->facts, &id) != OK) {
            return;
        }
        uint64_t before = time_before(1 - now, row->facts.id);
        row->used = row->facts.time > before ? row->facts.time - before : 0;
        counts[now]++;
        id++;
    }
}

/* The largest first; what has been printed is marked by having used nothing. */
static void print(unsigned now, uint64_t ns)
{
    uint64_t cpu, cores = 1;

    (void)sys_cpu_info(&cpu, &cores);
    printf("%u processes, %lu cores, %lu ms\n", counts[now], cores, ns / NS_PER_MS);
    printf("  PID   CORE      KIB NAME\n");
    for (unsigned line = 0; line < ROWS; line++) {
        struct row *largest = &rows[now][0];

        for (unsigned i = 0; i < counts[now]; i++) {
            largest = rows[now][i].used > largest->used ? &rows[now][i] : largest;
        }
        if (largest->used == 0) {
            return;
        }
        uint64_t share = ns != 0 ? largest->used * 1000 / ns : 0; /* of one core */
        printf("%5u %3lu.%lu%% %8lu %s\n", largest->facts.id, share / 10, share % 10,
               largest->facts.resident * (PAGE_BYTES / 1024), largest->facts.name);
        largest->used = 0;
    }
}

int main(int argc, char **argv)
{
    uint64_t times = ~0ull, seconds = 2;
    unsigned now = 0;

    if (command_flag(&argc, &argv, 'n')) {
        times = command_number(argv[1]);
        argc--;
        argv++;
    }
    seconds = argc > 1 ? command_number(argv[1]) : seconds;
    if (argc > 2 || seconds == 0 || seconds > 3600) {
        command_usage();
    }
    look(now);
    uint64_t since = clock_now();
    for (; times > 0; times--) {
        clock_sleep(seconds * NS_PER_S);
        now = 1 - now;
        look(now);
        uint64_t at = clock_now();
        if (stream_kind(STREAM_OUTPUT) == 't') {
            printf("\033[H\033[J");
        }
        print(now, at - since);
        since = at;
    }
    return 0;
}
