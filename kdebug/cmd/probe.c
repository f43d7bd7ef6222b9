/* SPDX-License-Identifier: MIT */
/* The command probe: record values whenever the kernel comes by an instruction. */
#include "trace/probe/probe.h"

#include "kdebug/core/command.h"
#include "kdebug/core/deferred.h"
#include "kdebug/core/output.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/target.h"

static uint64_t read_hits(unsigned cpu, unsigned number)
{
    uint64_t hits;
    uint64_t at = KD_GLOBAL(cpus) + cpu * sizeof(struct cpu) + offsetof(struct cpu, probe_hits);
    kd_fetch(at + number * sizeof(hits), &hits, sizeof(hits), "hits");
    return hits;
}

static void show(unsigned number, const struct probe *probe)
{
    uint64_t hits = 0;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        hits += read_hits(cpu, number);
    }
    kd_print("%2u: %s", number, probe->place);
    for (unsigned i = 0; i < MIN(probe->arguments, PROBE_ARGUMENTS_MAX); i++) {
        kd_print(" %s", probe->argument[i].name);
    }
    kd_print("    hits %llu\n", (unsigned long long)hits);
}

static struct probe read_probe(unsigned number)
{
    struct probe probe;
    kd_fetch(KD_GLOBAL(probes) + number * sizeof(probe), &probe, sizeof(probe), "probe");
    return probe;
}

static void list(void)
{
    for (unsigned i = 0; i < PROBES_MAX; i++) {
        struct probe probe = read_probe(i);
        if (probe.address != 0) {
            show(i, &probe);
        }
    }
}

static void require_room(bool there_is)
{
    if (!there_is) {
        kd_fail("too many requests are waiting: continue first");
    }
    kd_print("from the end of the stop on\n");
}

static void clear(struct kd_call *call)
{
    uint64_t number;
    if (!kd_arg_number(call, &number) || number >= PROBES_MAX ||
        read_probe((unsigned)number).address == 0) {
        kd_fail("no such probe");
    }
    kd_arg_done(call);
    require_room(kd_deferred_unprobe((unsigned)number));
}

static void set(struct kd_call *call)
{
    struct probe plan;
    const char *text;
    size_t length = kd_arg_rest(call, &text);
    const char *why = probe_plan(text, length, &plan);
    if (why != NULL) {
        kd_fail_at(text, "no probe there: %s", why);
    }
    require_room(kd_deferred_probe(&plan));
}

static void run_probe(struct kd_call *call)
{
    if (kd_arg_is_end(call)) {
        list();
        return;
    }
    kd_require_live(KD_WRITES);
    if (kd_arg_accept(call, "off")) {
        clear(call);
    } else {
        set(call);
    }
}
KD_COMMAND(probe, .usage = "[SYMBOL[+OFFSET] [[NAME=]REGISTER[:STRUCT.MEMBER...]]... | off N]",
           .help = "record registers, or what they point to, whenever the kernel comes by an "
                   "instruction; 'trace last 9 probe.hit' shows them",
           .flags = KD_READS | KD_WRITES | KD_PARTLY, .run = run_probe);
