/* SPDX-License-Identifier: MIT */
/* kernel_main(): the boot order as one plain list. */
#include "arch/acpi.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/pit.h"
#include "arch/serial.h"
#include "arch/text_patch.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "base/log.h"
#include "base/string.h"
#include "init/options.h"
#include "init/selfbench.h"
#include "init/selftest.h"
#include "init/start_init.h"
#include "ipc/event.h"
#include "ipc/futex.h"
#include "ipc/mailbox.h"
#include "irq/console.h"
#include "irq/interrupt.h"
#include "kdebug/core/kdebug.h"
#include "kernel/abi/handoff.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "mm/page_table.h"
#include "sched/process.h"
#include "sched/run_queue.h"
#include "sched/sched.h"
#include "sched/times.h"
#include "syscall/syscall.h"
#include "trace/profile/profile.h"
#include "trace/ring/ring.h"

void kernel_main(const struct handoff *handoff);

static void check_handoff(const struct handoff *handoff)
{
    if (handoff->magic != HANDOFF_MAGIC || handoff->version != HANDOFF_VERSION ||
        handoff->bytes != sizeof(*handoff)) {
        panic("the loader's handoff (magic %llx, version %u, %u bytes) is not the one this kernel "
              "knows: version %u, %u "
              "bytes; install loader and kernel of the same build",
              (unsigned long long)handoff->magic, handoff->version, handoff->bytes, HANDOFF_VERSION,
              (unsigned)sizeof(*handoff));
    }
}

static void switch_events_on(const struct handoff *handoff)
{
    char unknown[32];
    struct trace_event_change change;
    memset(&change.off, 0xff, sizeof(change.off));
    option_trace_events(handoff->cmdline, &change.on, unknown, sizeof(unknown));
    if (unknown[0] != '\0') {
        log_warning("trace=%s: no such category or event; see the event manual for their names",
                    unknown);
    }
    VERIFY(trace_events_change(&change) == OK);
}

static bool option_is(const struct handoff *handoff, const char *key, const char *wanted)
{
    char value[32];
    return option_value(handoff->cmdline, key, value, sizeof(value)) && strcmp(value, wanted) == 0;
}

static void start_profiler(const struct handoff *handoff)
{
    char value[32];
    if (!option_value(handoff->cmdline, "profile", value, sizeof(value))) {
        return;
    }
    unsigned rate;
    status_t status = option_number(value, &rate) ? profile_set_rate(rate) : ERR_RANGE;
    if (status == ERR_NOT_SUPPORTED) {
        log_warning("profile: the interval timer of this machine does not count");
    } else if (status != OK) {
        log_warning("profile=%s: a rate from %u to %u samples per second", value, PIT_RATE_MIN,
                    PROFILE_RATE_MAX);
    }
}

static void init_memory(const struct handoff *handoff)
{
    frame_init(handoff);
    heap_init();
    kernel_stack_guard_boot();
    log_info("memory: %llu MiB free", (unsigned long long)(frame_count_free() * PAGE_BYTES >> 20));
}

static void init_objects(void)
{
    run_queue_init();
    thread_init();
    process_init();
    lease_init();
    interrupt_init();
    mailbox_init();
    event_init();
    futex_init();
    syscall_init();
    console_init();
}

static void run_idle(void *unused)
{
    (void)unused;
    sched_run();
}

static void run_other(struct cpu *cpu)
{
    thread_create_idle(cpu->id);
    thread_become_idle(run_idle, NULL);
}

/* The rest of the boot, on the idle thread's own stack. */
static void start_user_space(void *argument)
{
    const struct handoff *handoff = argument;
    char test[32];

    if (option_is(handoff, "kdebug", "wait")) {
        kdebug_boot();
    }
    if (option_is(handoff, "bench", "1")) {
        selfbench_run();
    }
    if (option_is(handoff, "times", "1")) {
        VERIFY(time_count(true) == OK);
    }
    start_init(handoff);
    if (option_value(handoff->cmdline, "test", test, sizeof(test))) {
        selftest_run(test);
    }
    sched_run();
}

void kernel_main(const struct handoff *handoff)
{
    cpu_init_boot();
    serial_init();
    kernel_page_table.root = handoff->pml4;
    trace_init(handoff);
    thread_create_idle(0);
    log_info("Spoor, boot %016llx", (unsigned long long)handoff->boot_id);
    check_handoff(handoff);
    text_patch_init(handoff);
    switch_events_on(handoff);
    if (option_is(handoff, "kdebug", "early")) {
        kdebug_boot();
    }

    init_memory(handoff);
    acpi_init(handoff->rsdp);
    interrupt_init_boot();
    clock_init();
    trace_set_clock(clock_tsc_khz(), cpu_tsc(), clock_now());
    init_objects();
    trace_set_cpus(acpi_info.cpu_count);
    kdebug_open_door();
    cpu_start_others(run_other);
    log_info("cores: %u of %u run", cpu_count(), acpi_info.cpu_count);
    start_profiler(handoff);
    thread_become_idle(start_user_space, (void *)handoff);
}
