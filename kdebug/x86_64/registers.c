/* SPDX-License-Identifier: MIT */
/* Registers by name, and their picture. */
#include "kdebug/x86_64/registers.h"

#include "base/string.h"
#include "kdebug/core/output.h"

#define FIELD(member) offsetof(struct kd_registers, member)

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    {"rax", FIELD(frame.rax)},
    {"rbx", FIELD(frame.rbx)},
    {"rcx", FIELD(frame.rcx)},
    {"rdx", FIELD(frame.rdx)},
    {"rsi", FIELD(frame.rsi)},
    {"rdi", FIELD(frame.rdi)},
    {"rbp", FIELD(frame.rbp)},
    {"rsp", FIELD(frame.rsp)},
    {"r8", FIELD(frame.r8)},
    {"r9", FIELD(frame.r9)},
    {"r10", FIELD(frame.r10)},
    {"r11", FIELD(frame.r11)},
    {"r12", FIELD(frame.r12)},
    {"r13", FIELD(frame.r13)},
    {"r14", FIELD(frame.r14)},
    {"r15", FIELD(frame.r15)},
    {"rip", FIELD(frame.rip)},
    {"cs", FIELD(frame.cs)},
    {"ss", FIELD(frame.ss)},
    {"rflags", FIELD(frame.rflags)},
    {"vector", FIELD(frame.vector)},
    {"error", FIELD(frame.error)},
    {"cr0", FIELD(cr0)},
    {"cr2", FIELD(cr2)},
    {"cr3", FIELD(cr3)},
    {"cr4", FIELD(cr4)},
};

/* Where a register is in the structure; SIZE_MAX: none of this name. */
static size_t find_register(const char *name, size_t length)
{
    for (unsigned i = 0; i < ARRAY_COUNT(fields); i++) {
        if (strlen(fields[i].name) == length && memcmp(fields[i].name, name, length) == 0) {
            return fields[i].offset;
        }
    }
    return SIZE_MAX;
}

bool kd_register_value(const struct kd_registers *registers, const char *name, size_t length,
                       uint64_t *out)
{
    size_t offset = find_register(name, length);
    if (offset == SIZE_MAX) {
        return false;
    }
    memcpy(out, (const char *)registers + offset, sizeof(*out));
    return true;
}

bool kd_register_set(struct kd_registers *registers, const char *name, size_t length,
                     uint64_t value)
{
    size_t offset = find_register(name, length);
    if (offset >= sizeof(registers->frame)) {
        return false;
    }
    memcpy((char *)registers + offset, &value, sizeof(value));
    return true;
}

const char *kd_vector_name(uint64_t vector)
{
    /* Intel SDM vol. 3A, "Exception and Interrupt Vectors". */
    static const char *const names[] = {
        "divide error",
        "debug",
        "NMI",
        "breakpoint",
        "overflow",
        "bound",
        "undefined instruction",
        "no FPU",
        "double fault",
        NULL,
        "invalid TSS",
        "segment not present",
        "stack fault",
        "protection",
        "page fault",
        NULL,
        "FPU error",
        "alignment",
        "machine check",
        "SIMD error",
    };
    return vector < ARRAY_COUNT(names) ? names[vector] : NULL;
}

static void show_flags(uint64_t rflags)
{
    /* Intel SDM vol. 1, "EFLAGS Register". */
    static const struct {
        uint8_t bit;
        char name[3];
    } flags[] = {{0, "CF"}, {2, "PF"},  {4, "AF"},  {6, "ZF"},  {7, "SF"},  {8, "TF"},
                 {9, "IF"}, {10, "DF"}, {11, "OF"}, {14, "NT"}, {16, "RF"}, {18, "AC"}};
    for (unsigned i = 0; i < ARRAY_COUNT(flags); i++) {
        if (rflags >> flags[i].bit & 1) {
            kd_print(" %s", flags[i].name);
        }
    }
}

static void show_row(const struct kd_registers *registers, const char *const names[4])
{
    for (unsigned i = 0; i < 4 && names[i] != NULL; i++) {
        uint64_t value = 0;
        kd_register_value(registers, names[i], strlen(names[i]), &value);
        kd_print("%s%-3s %016llx", i == 0 ? "" : "  ", names[i], (unsigned long long)value);
    }
    kd_print("\n");
}

void kd_registers_show(const struct kd_registers *registers)
{
    static const char *const rows[][4] = {
        {"rax", "rbx", "rcx", "rdx"}, {"rsi", "rdi", "rbp", "rsp"}, {"r8", "r9", "r10", "r11"},
        {"r12", "r13", "r14", "r15"}, {"cr0", "cr2", "cr3", "cr4"},
    };
    const struct trap_frame *frame = &registers->frame;
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        show_row(registers, rows[i]);
    }
    kd_print("rip %016llx  ", (unsigned long long)frame->rip);
    kd_print_address(frame->rip);
    kd_print("\nflags %llx", (unsigned long long)frame->rflags);
    show_flags(frame->rflags);
    const char *name = kd_vector_name(frame->vector);
    kd_print("  cs %llx ss %llx  vector %llu%s%s  error %llx\n", (unsigned long long)frame->cs,
             (unsigned long long)frame->ss, (unsigned long long)frame->vector,
             name == NULL ? "" : " ", name == NULL ? "" : name, (unsigned long long)frame->error);
}
