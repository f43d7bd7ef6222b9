/* SPDX-License-Identifier: MIT */
/* Processes: processes, process. */
#include "base/string.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/registers.h"

static const char *state_of(const struct process *process)
{
    if (process->ended) {
        return "ended";
    }
    if (process->ending) {
        return "ending";
    }
    return process->started ? "alive" : "new";
}

/* struct process is large because of its handle table: only one copy, and not on the stack. */
static const struct process *fetch_process(vaddr_t address)
{
    static struct process copy;
    kd_fetch(address, &copy, sizeof(copy), "process");
    copy.name[NAME_BYTES - 1] = '\0';
    return &copy;
}

static void show_process(const struct kd_value *value)
{
    const struct process *process = fetch_process(value->bits);
    kd_print("%5u  %-6s  %7u  %7u  %-12llx  %s\n", process->object.id, state_of(process),
             process->thread_count, process->handles.used, (unsigned long long)process->root,
             process->name);
}

const struct kd_type kd_type_process = {
    .name = "process",
    .header = "  PID  STATE   THREADS  HANDLES  PAGE TABLES   NAME",
    .show = show_process,
};

static bool list_process(vaddr_t process, void *context)
{
    return kd_emit(context, kd_value_of(process, &kd_type_process));
}

static void run_processes(struct kd_call *call)
{
    kd_arg_done(call);
    kd_each_process(list_process, call);
}
KD_COMMAND(processes, .usage = "", .help = "all processes", .flags = KD_READS | KD_GIVES,
           .run = run_processes);

static void show_quota(const struct process *process)
{
    static const char *const names[QUOTA_KINDS] = {"handles", "threads", "memory pages",
                                                   "pinned pages"};
    struct quota quota;
    if (process->quota == NULL) {
        return;
    }
    kd_fetch((vaddr_t)process->quota, &quota, sizeof(quota), "quota");
    kd_print("  account 0x%llx, shared by %u:", (unsigned long long)(vaddr_t)process->quota,
             atomic_load_explicit(&quota.refs, memory_order_relaxed));
    for (unsigned kind = 0; kind < QUOTA_KINDS; kind++) {
        kd_print(
            "%s %s %llu", kind == 0 ? "" : ",", names[kind],
            (unsigned long long)atomic_load_explicit(&quota.item[kind].used, memory_order_relaxed));
        if (quota.item[kind].limit < QUOTA_NO_LIMIT / 2) {
            kd_print(" of %llu", (unsigned long long)quota.item[kind].limit);
        }
    }
    kd_print("\n");
}

static void run_process(struct kd_call *call)
{
    vaddr_t address = kd_arg_process(call);
    if (address == 0) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    const struct process *process = fetch_process(address);
    kd_print("process %u '%s' at 0x%llx\n", process->object.id, process->name,
             (unsigned long long)address);
    kd_print("  %s, %u threads, %u handles, references %u, open handles to it %u\n",
             state_of(process), process->thread_count, process->handles.used,
             atomic_load_explicit(&process->object.refs, memory_order_relaxed),
             atomic_load_explicit(&process->object.handles, memory_order_relaxed));
    kd_print("  space 0x%llx, page tables 0x%llx, exit code %llu",
             (unsigned long long)(vaddr_t)process->space, (unsigned long long)process->root,
             (unsigned long long)process->code);
    if (process->fault != 0) {
        const char *name = kd_vector_name(process->fault - 1);
        kd_print(", ended by exception %u%s%s", process->fault - 1, name == NULL ? "" : " ",
                 name == NULL ? "" : name);
    }
    kd_print("\n");
    show_quota(process);
}
KD_COMMAND(process, .usage = "PID", .help = "everything about one process",
           .flags = KD_READS | KD_TAKES, .run = run_process);
