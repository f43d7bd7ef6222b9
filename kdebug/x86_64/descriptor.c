/* SPDX-License-Identifier: MIT */
/* gdt, idt: descriptor tables, out of memory. Source: Intel SDM vol. 3A, "Segment Descriptors", "64-Bit Mode IDT", "TSS in 64-bit Mode". */
#include "arch/x86_64/cpu_impl.h"
#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/session.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/registers.h"

#define VECTORS     256u
#define TYPE_SHIFT  40
#define TYPE_SYSTEM 0x10u /* clear: a system descriptor */
#define TYPE_CODE   0x08u
#define IS_LONG     (1ull << 53)

struct gate {
    uint16_t offset_0, selector;
    uint8_t ist, type;
    uint16_t offset_16;
    uint32_t offset_32, reserved;
};

static void print_descriptor(unsigned index, uint64_t low)
{
    unsigned type = low >> TYPE_SHIFT & 0xff;
    kd_print("%02x  %016llx  ", index * 8, (unsigned long long)low);
    if (!(type >> 7)) {
        kd_print("absent\n");
    } else if (!(type & TYPE_SYSTEM)) {
        kd_print("task state, dpl %u\n", type >> 5 & 3);
    } else {
        kd_print("%s, dpl %u%s\n", type & TYPE_CODE ? "code" : "data", type >> 5 & 3,
                 low & IS_LONG ? ", 64 bits" : "");
    }
}

static bool is_task_state(uint64_t low)
{
    unsigned type = low >> TYPE_SHIFT & 0xff;
    return type >> 7 && !(type & TYPE_SYSTEM);
}

static void print_gdt(const struct cpu_arch *arch)
{
    for (unsigned i = 0; i < GDT_ENTRIES; i++) {
        print_descriptor(i, arch->gdt[i]);
        if (is_task_state(arch->gdt[i]) && i + 1 < GDT_ENTRIES) {
            i++; /* its upper half */
            kd_print("%02x  %016llx  upper half of it\n", i * 8, (unsigned long long)arch->gdt[i]);
        }
    }
}

static void run_gdt(struct kd_call *call)
{
    uint64_t cpu = kd_session_cpu();
    struct cpu_arch arch;
    kd_arg_number(call, &cpu);
    kd_arg_done(call);
    if (cpu >= kd_target->cpu_count()) {
        kd_fail("no core %llu", (unsigned long long)cpu);
    }
    vaddr_t address = KD_GLOBAL(cpu_archs) + cpu * sizeof(arch);
    vaddr_t gdt = address + offsetof(struct cpu_arch, gdt);
    vaddr_t tss = address + offsetof(struct cpu_arch, tss);
    kd_fetch(address, &arch, sizeof(arch), "struct cpu_arch");
    kd_print("gdt of core %llu at %016llx, limit %x\n", (unsigned long long)cpu,
             (unsigned long long)gdt, (unsigned)sizeof(arch.gdt) - 1);
    print_gdt(&arch);
    kd_print("tss at %016llx, rsp0 %016llx\n", (unsigned long long)tss,
             (unsigned long long)arch.tss.rsp[0]);
    for (unsigned i = 0; i < ARRAY_COUNT(arch.tss.ist); i++) {
        if (arch.tss.ist[i] != 0) {
            kd_print("    ist %u  %016llx\n", i + 1, (unsigned long long)arch.tss.ist[i]);
        }
    }
}
KD_COMMAND(gdt, .usage = "[CPU]", .help = "segment descriptors and task state of a core",
           .flags = KD_READS, .run = run_gdt);

static void print_gate(vaddr_t table, unsigned vector)
{
    struct gate gate;
    const char *name = kd_vector_name(vector);
    kd_fetch(table + vector * sizeof(gate), &gate, sizeof(gate), "gate");
    uint64_t handler =
        (uint64_t)gate.offset_32 << 32 | (uint32_t)gate.offset_16 << 16 | gate.offset_0;
    kd_print("%02x  ", vector);
    kd_print_address(handler);
    kd_print("  selector %x, ist %u, dpl %u%s%s%s\n", gate.selector, gate.ist & 7u,
             gate.type >> 5 & 3u, gate.type >> 7 ? "" : ", absent", name == NULL ? "" : ": ",
             name == NULL ? "" : name);
}

static void run_idt(struct kd_call *call)
{
    struct kd_symbol table;
    uint64_t vector;
    bool is_one = kd_arg_number(call, &vector);
    kd_arg_done(call);
    if (is_one && vector >= VECTORS) {
        kd_fail("vectors are 0 to %u", VECTORS - 1);
    }
    if (!kd_symbol_named("idt", 3, 0, &table)) {
        kd_fail("no symbol 'idt'");
    }
    kd_print("idt at %016llx, limit %x\n", (unsigned long long)table.address,
             VECTORS * (unsigned)sizeof(struct gate) - 1);
    for (unsigned i = is_one ? (unsigned)vector : 0; i < (is_one ? vector + 1 : VECTORS); i++) {
        print_gate(table.address, i);
    }
}
KD_COMMAND(idt, .usage = "[VECTOR]", .help = "where interrupts and exceptions go",
           .flags = KD_READS, .run = run_idt);
