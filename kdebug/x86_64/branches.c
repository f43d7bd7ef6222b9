/* SPDX-License-Identifier: MIT */
/*
 * branches: the last branches that the core at the prompt has taken, where its processor keeps them.
 *
 * `branches on` has the core write them when the machine goes on, and at each stop it ends that as soon as it notes its registers
 * (kd_branches_freeze()): the newest few are of the way there, the others of what was stopped. QEMU's own processor and most
 * virtual ones keep none: a missing capability or a #GP tells. Source: Intel SDM vol. 3B, "Last Branch, Interrupt, and Exception Recording"; vol. 4, IA32_PERF_CAPABILITIES.
 */
#include "arch/cpu.h"
#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/permit.h"
#include "kdebug/x86_64/hardware.h"

#define PERF_CAPABILITIES 0x345u
#define LAST_BRANCH_TOP   0x1c9u
#define LAST_BRANCH_FROM  0x680u
#define LAST_BRANCH_TO    0x6c0u
#define FORMAT_MASK       0x3fu
#define FORMAT_INFO       5u /* Skylake and later: 32 records */
#define LEAF_FEATURES     1u
#define ECX_CAPABILITIES  (1u << 15) /* PDCM */
#define ADDRESS_BITS      48u        /* flags above them in some formats */
#define RECORDS_MAX       32u

bool kd_branches_on[CPU_MAX];

static bool is_intel(void)
{
    uint32_t words[4];
    kd_cpuid(0, 0, words);
    return words[1] == 0x756e6547 && words[3] == 0x49656e69 && words[2] == 0x6c65746e;
}

/* How many records there are; 0: the processor keeps none that are known here. */
static unsigned count_records(void)
{
    uint32_t words[4];
    uint64_t capabilities, first, last;
    kd_cpuid(LEAF_FEATURES, 0, words);
    if (!is_intel() || !(words[2] & ECX_CAPABILITIES) ||
        !kd_msr_read(PERF_CAPABILITIES, &capabilities) || capabilities == 0) {
        return 0;
    }
    unsigned count = (capabilities & FORMAT_MASK) >= FORMAT_INFO ? RECORDS_MAX : RECORDS_MAX / 2;
    bool is_there =
        kd_msr_read(LAST_BRANCH_FROM, &first) && kd_msr_read(LAST_BRANCH_FROM + count - 1, &last);
    return is_there ? count : 0;
}

static uint64_t address_of(uint64_t record)
{
    return (uint64_t)((int64_t)(record << (64 - ADDRESS_BITS)) >> (64 - ADDRESS_BITS));
}

static void print_branch(unsigned age, uint64_t from, uint64_t to)
{
    kd_print("%3u  ", age);
    kd_print_address(from);
    kd_print(" -> ");
    kd_print_address(to);
    kd_print("\n");
}

static void list_branches(unsigned count)
{
    uint64_t top, from, to;
    for (unsigned age = 0; kd_msr_read(LAST_BRANCH_TOP, &top) && age < count; age++) {
        uint32_t slot = ((uint32_t)top - age) % count;
        if (!kd_msr_read(LAST_BRANCH_FROM + slot, &from) ||
            !kd_msr_read(LAST_BRANCH_TO + slot, &to) || from == 0) {
            break;
        }
        print_branch(age, address_of(from), address_of(to));
    }
}

bool kd_branches_show(unsigned cpu, bool on)
{
    unsigned count = count_records();
    if (count == 0) {
        return false;
    }
    kd_branches_on[cpu] = on;
    kd_print("core %u: %u records, %s\n", cpu, count,
             on ? "written while the machine runs" : "not written");
    list_branches(count);
    return true;
}

static void run_branches(struct kd_call *call)
{
    bool on = kd_arg_accept(call, "on");
    bool off = !on && kd_arg_accept(call, "off");
    kd_arg_done(call);
    if (on || off) {
        kd_require(KD_WRITES);
    }
    if (!kd_branches_show(cpu_id(), off ? false : on || kd_branches_on[cpu_id()])) {
        kd_fail("the processor of core %u keeps no record of its last branches ('branch' steps to "
                "the next)",
                cpu_id());
    }
}
KD_COMMAND(branches, .usage = "[on | off]",
           .help = "the last branches that the core at the prompt has taken, newest first, if its "
                   "processor keeps them; let it write them while the machine runs",
           .flags = KD_READS | KD_WRITES | KD_IO | KD_LIVE, .run = run_branches);
