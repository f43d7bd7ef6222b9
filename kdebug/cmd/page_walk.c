/* SPDX-License-Identifier: MIT */
/* walk: how an address is translated, level by level. */
#include "kdebug/x86_64/page_walk.h"

#include "arch/mmu.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/session.h"
#include "kdebug/core/target.h"
#include "mm/page_table.h"

static void print_flags(uint64_t entry)
{
    static const struct {
        uint64_t bit;
        const char *name;
    } flags[] = {{PTE_WRITE, "write"},
                 {PTE_USER, "user"},
                 {PTE_PWT, "pwt"},
                 {PTE_PCD, "uncached"},
                 {PTE_ACCESSED, "accessed"},
                 {PTE_DIRTY, "dirty"},
                 {PTE_GLOBAL, "global"},
                 {PTE_NX, "nx"},
                 {PTE_SOFT_NO_COPY, "no-copy"}};
    if (!(entry & PTE_PRESENT)) {
        kd_print(" not present");
        return;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(flags); i++) {
        if (entry & flags[i].bit) {
            kd_print(" %s", flags[i].name);
        }
    }
}

static paddr_t root_of(struct kd_call *call)
{
    uint64_t pid;
    if (kd_arg_accept(call, "kernel")) {
        return kd_target->kernel_root();
    }
    if (!kd_arg_number(call, &pid)) {
        kd_fail_usage(call);
    }
    return kd_fetch_word(kd_process_named(pid) + offsetof(struct process, root), "process");
}

static void run_walk(struct kd_call *call)
{
    static const char *const levels[KD_WALK_LEVELS] = {"pml4", "pdpt", "pd", "pt"};
    uint64_t address;
    paddr_t root = root_of(call);
    if (!kd_arg_number(call, &address)) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    struct kd_walk walk;
    status_t status = kd_walk(root, address, &walk);
    kd_print("root 0x%llx\n", (unsigned long long)root);
    for (unsigned level = 0; level < walk.levels; level++) {
        bool last = level + 1 == walk.levels;
        kd_print("  %-4s [%3llu] at 0x%-10llx 0x%016llx ", levels[level],
                 (unsigned long long)(walk.entry_at[level] % PAGE_BYTES / 8),
                 (unsigned long long)walk.entry_at[level], (unsigned long long)walk.entry[level]);
        kd_print(last && walk.present ? "page " : "table");
        print_flags(walk.entry[level]);
        kd_print("\n");
    }
    if (status != OK) {
        kd_fail("0x%llx is not canonical, or its page tables are not in RAM",
                (unsigned long long)address);
    }
    if (!walk.present) {
        kd_print("0x%llx is not mapped\n", (unsigned long long)address);
        return;
    }
    kd_print(
        "0x%llx is physical 0x%llx in a page of %llu KiB:%s%s%s\n", (unsigned long long)address,
        (unsigned long long)walk.physical, (unsigned long long)(walk.page_bytes / 1024),
        walk.flags & PTE_USER ? " user" : " kernel",
        walk.flags & PTE_WRITE ? " read write" : " read", walk.flags & PTE_NX ? "" : " execute");
}
KD_COMMAND(walk, .usage = "PID|kernel ADDRESS", .help = "page walk of an address, entries decoded",
           .flags = KD_READS, .run = run_walk);
