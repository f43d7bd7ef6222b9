/* SPDX-License-Identifier: MIT */
/*
 * Running workloads. The list is cut apart in place: ',' ends a program, ':' an argument. A thread
 * per program waits for its end, so that verdicts come when they are known and times are right.
 */
#include "userspace/services/init/workload.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kernel/abi/message.h"
#include "userspace/services/init/supervisor.h"
#include "userspace/services/init/manifest.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/thread.h"

#define WORKLOADS_MAX 24u
#define ARGS_MAX      START_ARGS_MAX /* with the name one too many: refused when it is started */

/*
 * Together a few seconds in which something happens on every core: calls between processes, page
 * faults, sleeps, short processes, and more compute threads than cores.
 */
#define DEMO_SET "ipcload,touch,hog,sleeper,churn"

struct workload {
    const char *name;
    const char *args[ARGS_MAX];
    unsigned arg_count;
    status_t started; /* OK: process is open */
    uint64_t process;
    uint64_t start_ns;
    struct thread waiter;
    bool passed;
};

static struct workload workloads[WORKLOADS_MAX];
static unsigned workload_count;
static unsigned not_started; /* for lack of room in the table */
static char demo_set[] = DEMO_SET;

/* Cut *text at the separator; returns the part before it, or NULL when nothing is left. */
static char *take_part(char **text, char separator)
{
    char *part = *text;

    if (part == NULL || *part == '\0') {
        return NULL;
    }
    char *end = strchr(part, separator);
    *text = end == NULL ? NULL : end + 1;
    if (end != NULL) {
        *end = '\0';
    }
    return part;
}

static void parse_workload(struct workload *workload, char *text)
{
    *workload = (struct workload){.name = take_part(&text, ':')};
    for (char *arg; workload->arg_count < ARGS_MAX && (arg = take_part(&text, ':')) != NULL;) {
        workload->args[workload->arg_count++] = arg;
    }
}

static void parse_list(char *list)
{
    for (char *part; (part = take_part(&list, ',')) != NULL;) {
        if (strcmp(part, "demo") == 0) {
            parse_list(demo_set);
        } else if (*part != '\0' && workload_count < WORKLOADS_MAX) {
            parse_workload(&workloads[workload_count++], part);
        } else if (*part != '\0') {
            printf("FAIL %s: more than %u programs\n", part, WORKLOADS_MAX);
            not_started++;
        }
    }
}

static void start_workload(struct workload *workload)
{
    const struct manifest_program *listed = manifest_program(workload->name);
    struct spawn_grant grants[MANIFEST_GRANTS_MAX];
    struct spawn_quota room;
    const struct spawn spawn = {
        .name = workload->name,
        .args = workload->args,
        .arg_count = workload->arg_count,
        .grants = grants,
        .grant_count =
            supervisor_enter_program(workload->name, (unsigned)(workload - workloads), grants),
        .priority_ceiling = listed != NULL ? listed->priority : 0,
        .quota = listed != NULL ? manifest_quota(listed, &room) : NULL,
    };
    struct program_file file;

    workload->start_ns = clock_now();
    workload->started = program_open(workload->name, &file);
    if (workload->started == OK) {
        workload->started = program_spawn(&file, &spawn, &workload->process);
    }
}

static bool print_end(const struct workload *workload, uint64_t code, uint64_t fault)
{
    uint64_t ms = (clock_now() - workload->start_ns) / NS_PER_MS;

    if (fault != 0) {
        printf("FAIL %s exception=%lu ms=%lu\n", workload->name, fault - 1, ms);
        return false;
    }
    printf("%s %s code=%lu ms=%lu\n", code == 0 ? "PASS" : "FAIL", workload->name, code, ms);
    return code == 0;
}

static void wait_for_workload(void *argument)
{
    struct workload *workload = argument;
    uint64_t code = 0, fault = 0;

    if (workload->started != OK) {
        printf("FAIL %s start=%s\n", workload->name, status_name(workload->started));
        return;
    }
    status_t status = sys_process_wait(workload->process, DEADLINE_FOREVER, &code, &fault);
    (void)sys_handle_close(workload->process);
    if (status != OK) {
        printf("FAIL %s wait=%s\n", workload->name, status_name(status));
        return;
    }
    workload->passed = print_end(workload, code, fault);
}

struct workload_totals workload_run(char *list, bool sequential)
{
    parse_list(list);
    struct workload_totals totals = {.failed = not_started};

    for (unsigned i = 0; i < workload_count; i++) {
        start_workload(&workloads[i]);
        must(thread_start(&workloads[i].waiter, wait_for_workload, &workloads[i], THREAD_ANYWHERE,
                          workloads[i].name));
        if (sequential) {
            thread_join(&workloads[i].waiter);
        }
    }
    for (unsigned i = 0; i < workload_count; i++) {
        if (!sequential) {
            thread_join(&workloads[i].waiter);
        }
        totals.passed += workloads[i].passed;
        totals.failed += !workloads[i].passed;
    }
    return totals;
}
