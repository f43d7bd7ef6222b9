/* SPDX-License-Identifier: MIT */
/* kernel_main(): the boot order as one plain list. */
#include "arch/acpi.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/pcid.h"
#include "arch/pit.h"
#include "arch/serial.h"
#include "arch/text_patch.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "base/log.h"
#include "base/string.h"
#include "init/options.h"
#include "init/unequal_clocks.h"
#include "init/selfbench.h"
#include "init/selftest.h"
#include "init/start_init.h"
#include "ipc/event.h"
#include "ipc/futex.h"
#include "ipc/mailbox.h"
#include "irq/console.h"
#include "irq/interrupt.h"
#include "irq/ports.h"
#include "kdebug/core/kdebug.h"
#include "kdebug/core/watchdog.h"
#include "kdebug/x86_64/keyboard.h"
#include "kernel/abi/handoff.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "mm/page_table.h"
#include "sched/process.h"
#include "sched/run_queue.h"
#include "sched/sched.h"
#include "sched/times.h"
#include "syscall/syscall.h"
#include "trace/function/function.h"
#include "trace/probe/probe.h"
#include "trace/profile/profile.h"
#include "trace/ring/cost.h"
#include "trace/ring/ring.h"
#include "trace/ring/trigger.h"
#include "trace/ring/trigger_text.h"
#include "vm/area.h"
#include "vm/pager.h"
#include "vm/space.h"

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

static void trace_functions(const struct handoff *handoff)
{
    char list[192];
    size_t length;
    if (!option_value(handoff->cmdline, "functions", list, sizeof(list))) {
        return;
    }
    kdebug_use_symbols();
    const char *refused = function_trace_list(list, &length);
    if (refused != NULL) {
        list[refused - list + (ptrdiff_t)length] = '\0';
        log_warning("functions=%s: none of that name can be traced", refused);
    }
}

static const char *set_trigger(const char *text, size_t length)
{
    struct trace_trigger_wish wish;
    const char *trouble = trace_trigger_parse(text, length, &wish);
    if (trouble != NULL) {
        return trouble;
    }
    status_t status = trace_trigger_set(&wish);
    return status == OK ? NULL : status_name(status);
}

static const char *set_probe(const char *text, size_t length)
{
    struct probe plan;
    unsigned number;
    const char *trouble = probe_plan(text, length, &plan);
    if (trouble != NULL) {
        return trouble;
    }
    status_t status = probe_set(&plan, &number);
    return status == OK ? NULL : status_name(status);
}

/* KEY=WORD;WORD...: obey each; what cannot be is said. */
static void set_each(const struct handoff *handoff, const char *key,
                     const char *(*set)(const char *text, size_t length))
{
    char list[192];
    if (!option_value(handoff->cmdline, key, list, sizeof(list))) {
        return;
    }
    kdebug_use_symbols();
    for (const char *word = list; word != NULL;) {
        const char *end = strchr(word, ';');
        size_t length = end == NULL ? strlen(word) : (size_t)(end - word);
        const char *trouble = set(word, length);
        if (trouble != NULL) {
            log_warning("%s=%.*s: %s", key, (int)length, word, trouble);
        }
        word = end == NULL ? NULL : end + 1;
    }
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

static void start_watchdog(const struct handoff *handoff)
{
    char value[32];
    if (!option_value(handoff->cmdline, "watchdog", value, sizeof(value))) {
        return;
    }
    unsigned seconds;
    status_t status = option_number(value, &seconds) ? kd_watchdog_start(seconds) : ERR_RANGE;
    if (status == ERR_NOT_SUPPORTED) {
        log_warning("watchdog: the interval timer of this machine does not count");
    } else if (status != OK) {
        log_warning("watchdog=%s: a limit of 1 to %u seconds", value, KD_WATCHDOG_SECONDS_MAX);
    }
}

/* pcid=0 or 1: arch/pcid.h. */
static enum pcid_wish pcid_wish(const struct handoff *handoff)
{
    return option_is(handoff, "pcid", "0")   ? PCID_UNWANTED
           : option_is(handoff, "pcid", "1") ? PCID_WANTED
                                             : PCID_IF_THERE;
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
    area_init();
    space_init();
    pager_init();
    ports_init();
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

static void run_idle_for_test(void *unused)
{
    selftest_meet();
    run_idle(unused);
}

/* With test=abba: it needs two cores. */
static void run_other_for_test(struct cpu *cpu)
{
    thread_create_idle(cpu->id);
    thread_become_idle(run_idle_for_test, NULL);
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

static void restrict_debugger(const struct handoff *handoff)
{
    char classes[32], passphrase[160];
    if (option_is(handoff, "kdebug", "off")) {
        kdebug_set_door(KDEBUG_SHUT);
    } else if (option_is(handoff, "kdebug", "unattended")) {
        kdebug_set_door(KDEBUG_UNATTENDED);
    }
    if (option_value(handoff->cmdline, "kdebug_lock", classes, sizeof(classes)) &&
        !kdebug_lock(classes)) {
        log_warning("kdebug_lock=%s is not understood: all is locked", classes);
    }
    if (option_value(handoff->cmdline, "kdebug_passphrase", passphrase, sizeof(passphrase)) &&
        !kdebug_ask_passphrase(passphrase)) {
        log_warning("kdebug_passphrase is not understood: none is right");
    }
}

static void start_keyboard(const struct handoff *handoff)
{
    if (option_is(handoff, "kdebug_keyboard", "on") && kd_keyboard_listen() != OK) {
        log_warning("kdebug_keyboard: the interval timer of this machine does not count");
    }
}

void kernel_main(const struct handoff *handoff)
{
    cpu_init_boot();
    serial_init();
    const char *no_such_clocks = unequal_clocks(handoff->cmdline);
    page_table_init(handoff->pml4);
    trace_init(handoff);
    thread_create_idle(0);
    log_info("Spoor, boot %016llx", (unsigned long long)handoff->boot_id);
    check_handoff(handoff);
    if (no_such_clocks != NULL) {
        log_warning("clock: %s", no_such_clocks);
    }
    text_patch_init(handoff);
    if (option_is(handoff, "trace_keep", "oldest")) {
        trace_keep_oldest();
    }
    switch_events_on(handoff);
    kdebug_use_files(handoff->image_base, handoff->image_bytes);
    restrict_debugger(handoff);
    trace_functions(handoff);
    set_each(handoff, "probe", set_probe);
    set_each(handoff, "trigger", set_trigger);
    if (option_is(handoff, "kdebug", "early")) {
        kdebug_boot();
    }

    init_memory(handoff);
    acpi_init(handoff->rsdp);
    interrupt_init_boot();
    clock_init();
    trace_set_clock(clock_tsc_khz(), cpu_tsc(), clock_now());
    trace_costs_tell();
    init_objects();
    pcid_init(pcid_wish(handoff));
    trace_set_cpus(acpi_info.cpu_count);
    kdebug_open_door();
    cpu_start_others(option_is(handoff, "test", "abba") ? run_other_for_test : run_other);
    trace_set_offsets();
    log_info("cores: %u of %u run", cpu_count(), acpi_info.cpu_count);
    start_profiler(handoff);
    start_watchdog(handoff);
    start_keyboard(handoff);
    thread_become_idle(start_user_space, (void *)handoff);
}
