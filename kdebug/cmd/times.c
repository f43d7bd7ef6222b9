/* SPDX-License-Identifier: MIT */
/* times: core time of threads, told apart into user mode and kernel (kernel/sched/times.h). */
#include "kdebug/cmd/times.h"

#include "kdebug/cmd/trace_reader.h"
#include "kdebug/core/deferred.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/target.h"

static uint32_t fetch_period(void)
{
    uint32_t period;
    kd_fetch(KD_GLOBAL(time_periods), &period, sizeof(period), "time_periods");
    return period;
}

/* Ticks a thread has had, until the stop; false: nobody can say, because it runs in a machine that died without one. */
static bool find_total(const struct thread *thread, uint64_t *out_total)
{
    bool runs = thread->ticks < 0;
    tsc_t now = kd_target->now();
    *out_total = (uint64_t)(runs ? thread->ticks + (int64_t)now : thread->ticks);
    return !runs || now != 0;
}

static tsc_t fetch_user_since(vaddr_t thread)
{
    int cpu = kd_thread_cpu(thread);
    if (cpu < 0) {
        return 0;
    }
    return kd_fetch_word(KD_GLOBAL(cpus) + (unsigned)cpu * sizeof(struct cpu) +
                             offsetof(struct cpu, user_since),
                         "core");
}

bool kd_thread_times(vaddr_t address, const struct thread *thread, struct thread_times *out)
{
    uint64_t total;
    if (!find_total(thread, &total)) {
        return false;
    }
    if (thread->process == NULL) {
        *out = (struct thread_times){.kernel = total};
    } else {
        *out = times_split(&thread->count, total, fetch_user_since(address), kd_target->now(),
                           fetch_period());
    }
    return out->user + out->kernel > 0;
}

/* Microseconds; ticks as they are where nobody says how long they are. */
static unsigned long long scaled(uint64_t ticks, uint64_t khz)
{
    return khz == 0 ? ticks : ticks / khz * 1000 + ticks % khz * 1000 / khz;
}

static uint64_t fetch_khz(void)
{
    struct trace_region region = {0};
    if (kd_target->trace_region() != 0) {
        kd_region_read(&region);
    }
    return region.tsc_khz;
}

static bool show_times(vaddr_t address, const struct thread *thread, void *context)
{
    const uint64_t *khz = context;
    struct thread_times times;
    char process[NAME_BYTES];
    uint64_t total;
    kd_process_text((vaddr_t)thread->process, process, sizeof(process));
    kd_print("%5u  ", thread->tid);
    if (kd_thread_times(address, thread, &times)) {
        kd_print("%12llu  %12llu  %12llu", scaled(times.user, *khz), scaled(times.kernel, *khz),
                 scaled(times.uncounted, *khz));
    } else if (find_total(thread, &total)) {
        kd_print("%12s  %12s  %12llu", "-", "-", scaled(total, *khz));
    } else {
        kd_print("%12s  %12s  %12s", "-", "-", "runs");
    }
    kd_print("  %-16s  %s\n", process, thread->name);
    return true;
}

static void show_all(void)
{
    uint64_t khz = fetch_khz();
    if (!(fetch_period() & 1)) {
        kd_print("user and kernel time are not counted ('times on' begins)\n");
    }
    kd_print("in %s:\n", khz == 0 ? "ticks of the TSC" : "microseconds");
    kd_print("  TID          USER        KERNEL     UNCOUNTED  PROCESS           NAME\n");
    kd_each_thread(show_times, &khz);
}

static void run_times(struct kd_call *call)
{
    bool on = kd_arg_accept(call, "on");
    if (!on && !kd_arg_accept(call, "off")) {
        kd_arg_done(call);
        show_all();
        return;
    }
    kd_arg_done(call);
    kd_require_live(KD_WRITES);
    kd_deferred_times(on);
    kd_print("counting %s after the stop\n", on ? "begins" : "ends");
}
KD_COMMAND(
    times, .usage = "[on | off]",
    .help = "core time of each thread in user mode, in the kernel, and from when nobody counted",
    .flags = KD_READS | KD_WRITES | KD_PARTLY, .run = run_times);
