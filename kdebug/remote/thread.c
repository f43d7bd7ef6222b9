/* SPDX-License-Identifier: MIT */
/* Threads and their registers as gdb sees them (thread.h). */
#include "kdebug/remote/thread.h"

#include "base/format.h"
#include "base/string.h"
#include "gen/layout.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/registers.h"
#include "kdebug/x86_64/unwind.h"

#define RBP 6u
#define RSP 7u
#define RIP 16u
/* Words that context_switch() leaves on the stack (arch/context.h). */
#define CONTEXT_BYTES 56u

static const char *const names[KD_REMOTE_REGISTERS] = {
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi",    "rbp", "rsp", "r8", "r9", "r10", "r11",
    "r12", "r13", "r14", "r15", "rip", "rflags", "cs",  "ss",  "",   "",   "",    "",
};

struct search {
    uint64_t id;
    vaddr_t found;
    struct kd_packet *out;
};

static bool match(vaddr_t thread, const struct thread *copy, void *context)
{
    struct search *search = context;
    search->found = copy->tid == search->id ? thread : 0;
    return search->found == 0;
}

static vaddr_t find(uint64_t id)
{
    struct search search = {.id = id};
    kd_each_thread(match, &search);
    return search.found;
}

uint64_t kd_remote_thread_of(unsigned cpu)
{
    struct thread copy;
    vaddr_t thread = kd_cpu_thread(cpu);
    if (thread == 0 || kd_read_kernel(thread, &copy, sizeof(copy)) != OK || copy.tid == 0) {
        return KD_REMOTE_IDLE + cpu;
    }
    return copy.tid;
}

int kd_remote_cpu(uint64_t id)
{
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        if (kd_remote_thread_of(cpu) == id) {
            return (int)cpu;
        }
    }
    return -1;
}

bool kd_remote_thread_exists(uint64_t id)
{
    return kd_remote_cpu(id) >= 0 || find(id) != 0;
}

static void add(struct kd_packet *out, uint64_t id)
{
    kd_packet_put(out, out->length == 1 ? "" : ",");
    kd_packet_put_number(out, id);
}

static bool list_thread(vaddr_t thread UNUSED, const struct thread *copy, void *context)
{
    struct search *search = context;
    if (copy->tid != 0) {
        add(search->out, copy->tid);
    }
    return true;
}

void kd_remote_list_threads(struct kd_packet *out)
{
    struct search search = {.out = out};
    kd_packet_put(out, "m");
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        if (kd_remote_thread_of(cpu) >= KD_REMOTE_IDLE) {
            add(out, KD_REMOTE_IDLE + cpu);
        }
    }
    kd_each_thread(list_thread, &search);
}

void kd_remote_describe(uint64_t id, char *to, size_t bytes)
{
    struct thread copy;
    char process[NAME_BYTES];
    vaddr_t thread = find(id);
    int cpu = kd_remote_cpu(id);
    if (thread == 0 || kd_read_kernel(thread, &copy, sizeof(copy)) != OK) {
        format_text(to, bytes, "kernel/idle of core %d", cpu);
        return;
    }
    copy.name[NAME_BYTES - 1] = '\0';
    kd_process_text((vaddr_t)copy.process, process, sizeof(process));
    format_text(to, bytes, "%s/%s, %s", process, copy.name, kd_state_name(&copy));
    if (cpu >= 0) {
        size_t length = strlen(to);
        format_text(to + length, bytes - length, " on core %d", cpu);
    }
}

/* Of a thread that does not run: what the switch has saved and its caller may rely on. */
static unsigned read_saved(uint64_t id, unsigned number, uint64_t *out)
{
    struct thread copy;
    struct kd_unwind unwind;
    vaddr_t thread = find(id);
    if (thread == 0 || kd_read_kernel(thread, &copy, sizeof(copy)) != OK ||
        !kd_unwind_begin_blocked(&unwind, copy.context.rsp)) {
        return 0;
    }
    *out = number == RIP   ? unwind.rip
           : number == RBP ? unwind.rbp
                           : copy.context.rsp + CONTEXT_BYTES;
    return number == RIP || number == RBP || number == RSP ? 8 : 0;
}

unsigned kd_remote_read_register(uint64_t id, unsigned number, uint64_t *out)
{
    struct kd_registers registers;
    int cpu = kd_remote_cpu(id);
    *out = 0;
    if (cpu < 0) {
        return read_saved(id, number, out);
    }
    if (number >= KD_REMOTE_REGISTERS || kd_target->registers((unsigned)cpu, &registers) != OK) {
        return 0;
    }
    (void)kd_register_value(&registers, names[number], strlen(names[number]), out); /* else 0 */
    return number < KD_REMOTE_WIDE ? 8 : 4;
}

bool kd_remote_write_register(uint64_t id, unsigned number, uint64_t value)
{
    struct kd_registers registers;
    int cpu = kd_remote_cpu(id);
    return cpu >= 0 && number < KD_REMOTE_REGISTERS && kd_target->set_registers != NULL &&
           kd_target->registers((unsigned)cpu, &registers) == OK &&
           kd_register_set(&registers, names[number], strlen(names[number]), value) &&
           kd_target->set_registers((unsigned)cpu, &registers) == OK;
}

uint64_t kd_remote_space(uint64_t id, uint64_t address)
{
    struct thread copy;
    if (address >= DIRECT_MAP_BASE) {
        return KD_SPACE_KERNEL;
    }
    vaddr_t thread = find(id);
    return thread != 0 && kd_read_kernel(thread, &copy, sizeof(copy)) == OK ? copy.root
                                                                            : KD_SPACE_KERNEL;
}
