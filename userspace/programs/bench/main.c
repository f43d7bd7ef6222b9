/* SPDX-License-Identifier: MIT */
/*
 * bench: what the kernel's operations cost, in TSC ticks.
 *
 *   core=N   where everything runs (0)
 *
 * Prints "BENCH <key> min=<ticks> median=<ticks> n=<count>" for each key, all with no events
 * recorded, then what recording adds. The measuring process is a child on one core; the one that
 * was started only waits for it, so as not to disturb.
 */
#include <stdio.h>
#include <string.h>

#include "gen/objects.h"
#include "gen/syscall_user.h"
#include "kernel/abi/trace.h"
#include "userspace/lib/check.h"
#include "userspace/lib/option.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/bench/bench.h"

struct bench bench;

uint64_t bench_partner(const char *role, uint64_t core, const struct spawn_grant *grants,
                       unsigned grant_count)
{
    char role_text[32];
    const char *const args[] = {role_text};
    const struct spawn spawn = {.name = "bench partner",
                                .args = args,
                                .arg_count = 1,
                                .grants = grants,
                                .grant_count = grant_count,
                                .priority_ceiling = BENCH_PRIORITY,
                                .thread_flags =
                                    THREAD_CORE(core) | THREAD_PRIORITY(BENCH_PRIORITY)};
    uint64_t process;

    snprintf(role_text, sizeof(role_text), "role=%s", role);
    must(program_spawn(&bench.file, &spawn, &process));
    return process;
}

void bench_stop_partner(uint64_t process)
{
    must(sys_process_kill(process, 0));
    VERIFY(process_end(process) == 0);
}

static int run_all(void)
{
    uint64_t trace = program_handle("trace");
    uint64_t categories, now, unused;

    must(sys_trace_control(trace, TRACE_CONTROL_DISABLE, 0, &categories, &unused));
    must(sys_trace_control(trace, TRACE_CONTROL_DISABLE, ~0ull, &now, &unused));
    bench_calibrate();
    bench_processes();
    bench_ipc();
    bench_events();
    bench_memory();
    bench_tracing();
    bench_latency();
    must(sys_trace_control(trace, TRACE_CONTROL_ENABLE, categories, &now, &unused));
    return 0;
}

/* The process that measures: all that this one has, and a core of its own choice. */
static int run_pinned(void)
{
    char core_text[32];
    const char *const args[] = {"role=run", core_text};
    const struct spawn_grant grants[] = {
        {"image", program_handle("image"), 0,
         RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_AREA_READ | RIGHT_AREA_EXEC},
        {"trace", program_handle("trace"), 0, RIGHT_TRACE_CONTROL | RIGHT_TRACE_READ},
    };
    const struct spawn spawn = {.name = "bench",
                                .args = args,
                                .arg_count = 2,
                                .grants = grants,
                                .grant_count = 2,
                                .priority_ceiling = BENCH_URGENT,
                                .thread_flags =
                                    THREAD_CORE(bench.core) | THREAD_PRIORITY(BENCH_PRIORITY)};
    uint64_t process;

    snprintf(core_text, sizeof(core_text), "core=%lu", bench.core);
    must(program_spawn(&bench.file, &spawn, &process));
    return process_end(process) == 0 ? 0 : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    const char *role = option_text("role", "start");
    uint64_t cpu;

    (void)argc;
    (void)argv;
    ipc_role(role);
    event_role(role);
    process_role(role);
    latency_role(role);
    must(sys_cpu_info(&cpu, &bench.cores));
    bench.core = option_u64("core", 0) % bench.cores;
    must(program_open("bench", &bench.file));
    return strcmp(role, "run") == 0 ? run_all() : run_pinned();
}
