/* SPDX-License-Identifier: MIT */
/* Registers of threads as gdb numbers them (registers.h). Source: gdb manual, "Target Descriptions", "i386 Features". */
#include "kdebug/remote/registers.h"

#include "base/string.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/unwind.h"

#define RBP       6u
#define RSP       7u
#define FS_BASE   40u
#define GS_BASE   41u
#define X87_BYTES 10u
/* Words that context_switch() leaves on the stack (arch/context.h). */
#define CONTEXT_BYTES 56u

#define WIDE(name)          "<reg name=\"" name "\" bitsize=\"64\" type=\"int64\"/>"
#define FLOAT(name)         "<reg name=\"" name "\" bitsize=\"80\" type=\"i387_ext\"/>"
#define NARROW(name)        "<reg name=\"" name "\" bitsize=\"32\" type=\"int32\"/>"
#define POINTER(name, type) "<reg name=\"" name "\" bitsize=\"64\" type=\"" type "\"/>"

const char kd_remote_description[] =
    "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
    "<target><architecture>i386:x86-64</architecture>"
    "<feature name=\"org.gnu.gdb.i386.core\">" WIDE("rax") WIDE("rbx") WIDE("rcx") WIDE("rdx") WIDE(
        "rsi") WIDE("rdi") POINTER("rbp", "data_ptr") POINTER("rsp", "data_ptr") WIDE("r8")
        WIDE("r9") WIDE("r10") WIDE("r11") WIDE("r12") WIDE("r13") WIDE("r14") WIDE("r15") POINTER(
            "rip", "code_ptr") NARROW("eflags") NARROW("cs") NARROW("ss") NARROW("ds") NARROW("es")
            NARROW("fs") NARROW("gs") FLOAT("st0") FLOAT("st1") FLOAT("st2") FLOAT("st3")
                FLOAT("st4") FLOAT("st5") FLOAT("st6") FLOAT("st7") NARROW("fctrl") NARROW("fstat")
                    NARROW("ftag") NARROW("fiseg") NARROW("fioff") NARROW("foseg") NARROW("fooff")
                        NARROW("fop") "</feature><feature name=\"org.gnu.gdb.i386.segments\">" WIDE(
                            "fs_base")
                            WIDE("gs_base") "</feature><feature name=\"spoor.control\">" WIDE("cr0")
                                WIDE("cr2") WIDE("cr3") WIDE("cr4") WIDE("cr8")
                                    WIDE("efer") "</feature></target>";

/* As kd_register_value() calls them; "": nobody knows. */
static const char *const names[KD_REMOTE_ALL] = {
    "rax", "rbx", "rcx", "rdx", "rsi",     "rdi",     "rbp", "rsp", "r8",  "r9",  "r10", "r11",
    "r12", "r13", "r14", "r15", "rip",     "rflags",  "cs",  "ss",  "",    "",    "",    "",
    "",    "",    "",    "",    "",        "",        "",    "",    "",    "",    "",    "",
    "",    "",    "",    "",    "fs_base", "gs_base", "cr0", "cr2", "cr3", "cr4", "cr8", "efer",
};

unsigned kd_remote_register_bytes(unsigned number)
{
    if (number > KD_REMOTE_RIP && number < KD_REMOTE_PLAIN) {
        return 4;
    }
    if (number >= KD_REMOTE_PLAIN && number < KD_REMOTE_PLAIN + 8) {
        return X87_BYTES;
    }
    return number >= KD_REMOTE_PLAIN + 8 && number < FS_BASE ? 4 : 8;
}

/* Of a thread that does not run: what the switch has saved and its caller may rely on. */
static void find_saved(const struct thread *copy, struct kd_remote_registers *out)
{
    struct kd_unwind unwind;
    if (kd_unwind_begin_blocked(&unwind, copy->context.rsp)) {
        out->place = KD_REMOTE_SAVED;
        out->rip = unwind.rip;
        out->rbp = unwind.rbp;
        out->rsp = copy->context.rsp + CONTEXT_BYTES;
    }
}

static bool read_saved(const struct kd_remote_registers *from, unsigned number, uint64_t *out)
{
    *out = number == KD_REMOTE_RIP ? from->rip : number == RBP ? from->rbp : from->rsp;
    return number == KD_REMOTE_RIP || number == RBP || number == RSP;
}

/* ds, es, fs, gs: their selectors mean nothing in 64-bit mode, and the kernel leaves them 0. */
static bool is_selector(unsigned number)
{
    return number >= KD_REMOTE_PLAIN - 4 && number < KD_REMOTE_PLAIN;
}

static bool read_from(const struct kd_registers *registers, unsigned number, uint64_t *out)
{
    return is_selector(number) ||
           kd_register_value(registers, names[number], strlen(names[number]), out);
}

/* Where a thread entered the kernel; if it is in user mode now, its core has the registers. */
static bool find_user_frame(struct kd_remote_id id, struct thread *copy,
                            struct kd_registers *registers)
{
    int cpu = kd_remote_cpu(id);
    memset(registers, 0, sizeof(*registers));
    if (!kd_remote_thread_copy(id, copy)) {
        return false;
    }
    if (cpu >= 0 && kd_target->registers((unsigned)cpu, registers) == OK &&
        frame_is_user(&registers->frame)) {
        return true;
    }
    return kd_read_kernel((vaddr_t)copy->frame, &registers->frame, sizeof(registers->frame)) == OK;
}

void kd_remote_registers_of(struct kd_remote_id id, struct kd_remote_registers *out)
{
    struct thread copy;
    int cpu = kd_remote_cpu(id);
    memset(out, 0, sizeof(*out));
    if (id.pid != KD_REMOTE_KERNEL) {
        if (find_user_frame(id, &copy, &out->registers)) {
            out->place = KD_REMOTE_USER;
            out->fs_base = copy.fs_base;
            out->gs_base = copy.gs_base;
        }
    } else if (cpu >= 0) {
        bool is_captured = kd_target->registers((unsigned)cpu, &out->registers) == OK;
        out->place = is_captured ? KD_REMOTE_ON_CORE : KD_REMOTE_NOWHERE;
    } else if (kd_remote_thread_copy(id, &copy)) {
        find_saved(&copy, out);
    }
}

bool kd_remote_register_in(const struct kd_remote_registers *from, unsigned number, uint64_t *out)
{
    *out = 0;
    if (number >= KD_REMOTE_ALL) {
        return false;
    }
    switch (from->place) {
    case KD_REMOTE_SAVED:
        return read_saved(from, number, out);
    case KD_REMOTE_ON_CORE:
        return read_from(&from->registers, number, out);
    case KD_REMOTE_USER:
        if (number == FS_BASE || number == GS_BASE) {
            *out = number == FS_BASE ? from->fs_base : from->gs_base;
            return true;
        }
        return number < KD_REMOTE_PLAIN && read_from(&from->registers, number, out);
    default:
        return false;
    }
}

bool kd_remote_register_read(struct kd_remote_id id, unsigned number, uint64_t *out)
{
    struct kd_remote_registers registers;
    kd_remote_registers_of(id, &registers);
    return kd_remote_register_in(&registers, number, out);
}

static bool write_running(unsigned cpu, unsigned number, uint64_t value)
{
    struct kd_registers registers;
    return kd_target->set_registers != NULL && kd_target->registers(cpu, &registers) == OK &&
           kd_register_set(&registers, names[number], strlen(names[number]), value) &&
           kd_target->set_registers(cpu, &registers) == OK;
}

static bool write_user(struct kd_remote_id id, unsigned number, uint64_t value)
{
    struct thread copy;
    struct kd_registers registers;
    int cpu = kd_remote_cpu(id);
    if (cpu >= 0 && kd_target->registers((unsigned)cpu, &registers) == OK &&
        frame_is_user(&registers.frame)) {
        return write_running((unsigned)cpu, number, value);
    }
    return find_user_frame(id, &copy, &registers) &&
           kd_register_set(&registers, names[number], strlen(names[number]), value) &&
           kd_write(KD_SPACE_KERNEL, (vaddr_t)copy.frame, &registers.frame,
                    sizeof(registers.frame)) == OK;
}

bool kd_remote_register_write(struct kd_remote_id id, unsigned number, uint64_t value)
{
    int cpu = kd_remote_cpu(id);
    if (number >= KD_REMOTE_ALL) {
        return false;
    }
    if (id.pid != KD_REMOTE_KERNEL) {
        return write_user(id, number, value);
    }
    return cpu >= 0 && write_running((unsigned)cpu, number, value);
}
