/* SPDX-License-Identifier: MIT */
/*
 * apic, ioapic: interrupt controllers of the live machine. Reading them changes nothing, but for the I/O
 * APIC's index register, which is put back.
 * Sources: Intel SDM vol. 3A, "Advanced Programmable Interrupt Controller (APIC)"; 82093AA data sheet.
 */
#include "arch/acpi.h"
#include "arch/cpu.h"
#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/x86_64/hardware.h"

#define APIC_ID            0x020u
#define APIC_VERSION       0x030u
#define APIC_TASK_PRIORITY 0x080u
#define APIC_SPURIOUS      0x0f0u
#define APIC_IN_SERVICE    0x100u
#define APIC_LEVEL         0x180u
#define APIC_REQUESTED     0x200u
#define APIC_ERROR_STATUS  0x280u
#define APIC_COMMAND_LOW   0x300u
#define APIC_COMMAND_HIGH  0x310u
#define APIC_LVT_TIMER     0x320u
#define APIC_TIMER_INITIAL 0x380u
#define APIC_TIMER_CURRENT 0x390u
#define APIC_TIMER_DIVIDE  0x3e0u
#define REGISTER_STRIDE    0x10u
#define SET_WORDS          8u

#define IOAPIC_INDEX       0x00u
#define IOAPIC_DATA        0x10u
#define IOAPIC_ID          0u
#define IOAPIC_VERSION     1u
#define IOAPIC_TABLE       0x10u
#define IOAPIC_LINES_SHIFT 16u

#define IS_MASKED (1u << 16)
#define IS_LEVEL  (1u << 15)
#define IS_LOW    (1u << 13)
#define IS_SENT   (1u << 12)

static uint32_t read_local(unsigned offset)
{
    return kd_device_read(acpi_info.local_apic + offset);
}

static const char *delivery_name(uint32_t entry)
{
    static const char *const names[] = {"fixed", "lowest", "smi", "?",
                                        "nmi",   "init",   "?",   "extint"};
    return names[entry >> 8 & 7];
}

static void print_set(const char *name, unsigned offset)
{
    kd_print("%-10s", name);
    bool any = false;
    for (unsigned i = 0; i < SET_WORDS; i++) {
        uint32_t word = read_local(offset + i * REGISTER_STRIDE);
        for (unsigned bit = 0; bit < 32; bit++) {
            if (word >> bit & 1) {
                kd_print(" %02x", i * 32 + bit);
                any = true;
            }
        }
    }
    kd_print("%s\n", any ? "" : " none");
}

static void print_entry(const char *name, uint32_t entry)
{
    kd_print("%-10s %08x  vector %02x %s%s%s%s\n", name, entry, entry & 0xff, delivery_name(entry),
             entry & IS_MASKED ? " masked" : "", entry & IS_LEVEL ? " level" : "",
             entry & IS_SENT ? " pending" : "");
}

static void run_apic(struct kd_call *call)
{
    static const char *const entries[] = {"timer", "thermal", "perf", "lint0", "lint1", "error"};
    kd_arg_done(call);
    kd_print("core %u: local APIC %u, version %x, spurious %03x, priority %02x, errors %02x\n",
             cpu_id(), read_local(APIC_ID) >> 24, read_local(APIC_VERSION) & 0xff,
             read_local(APIC_SPURIOUS), read_local(APIC_TASK_PRIORITY),
             read_local(APIC_ERROR_STATUS));
    for (unsigned i = 0; i < ARRAY_COUNT(entries); i++) {
        print_entry(entries[i], read_local(APIC_LVT_TIMER + i * REGISTER_STRIDE));
    }
    kd_print("counter    %08x of %08x, divide %x\n", read_local(APIC_TIMER_CURRENT),
             read_local(APIC_TIMER_INITIAL), read_local(APIC_TIMER_DIVIDE));
    kd_print("command    %08x to %02x\n", read_local(APIC_COMMAND_LOW),
             read_local(APIC_COMMAND_HIGH) >> 24);
    print_set("in service", APIC_IN_SERVICE);
    print_set("requested", APIC_REQUESTED);
    print_set("level", APIC_LEVEL);
}
KD_COMMAND(apic, .usage = "", .help = "local APIC of the core at the prompt",
           .flags = KD_READS | KD_IO | KD_LIVE, .run = run_apic);

static uint32_t read_chip(paddr_t chip, unsigned index)
{
    uint32_t outer = kd_device_read(chip + IOAPIC_INDEX);
    kd_device_write(chip + IOAPIC_INDEX, index);
    uint32_t value = kd_device_read(chip + IOAPIC_DATA);
    kd_device_write(chip + IOAPIC_INDEX, outer);
    return value;
}

static void print_line(paddr_t chip, uint32_t gsi, unsigned line)
{
    uint32_t low = read_chip(chip, IOAPIC_TABLE + 2 * line);
    uint32_t high = read_chip(chip, IOAPIC_TABLE + 2 * line + 1);
    kd_print("%3u  %08x%08x  vector %02x to %02x %s%s%s%s%s\n", gsi + line, high, low, low & 0xff,
             high >> 24, delivery_name(low), low & IS_MASKED ? " masked" : "",
             low & IS_LEVEL ? " level" : "", low & IS_LOW ? " low" : "",
             low & IS_SENT ? " pending" : "");
}

static void run_ioapic(struct kd_call *call)
{
    kd_arg_done(call);
    for (unsigned i = 0; i < acpi_info.ioapic_count; i++) {
        paddr_t chip = acpi_info.ioapic[i].address;
        uint32_t version = read_chip(chip, IOAPIC_VERSION);
        unsigned lines = (version >> IOAPIC_LINES_SHIFT & 0xff) + 1;
        kd_print("I/O APIC %u at 0x%llx, version %x, lines %u to %u\n",
                 read_chip(chip, IOAPIC_ID) >> 24 & 0xf, (unsigned long long)chip, version & 0xff,
                 acpi_info.ioapic[i].gsi_base, acpi_info.ioapic[i].gsi_base + lines - 1);
        for (unsigned line = 0; line < lines; line++) {
            print_line(chip, acpi_info.ioapic[i].gsi_base, line);
        }
    }
}
KD_COMMAND(ioapic, .usage = "", .help = "I/O APICs: where each line leads",
           .flags = KD_READS | KD_IO | KD_LIVE, .run = run_ioapic);
