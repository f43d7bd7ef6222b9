/* SPDX-License-Identifier: MIT */
/* Finding and naming kernel objects of the target (lookup.h). */
#include "kdebug/core/lookup.h"

#include "base/format.h"
#include "base/string.h"
#include "gen/trace_table.h"
#include "ipc/event.h"
#include "ipc/mailbox.h"
#include "irq/interrupt.h"
#include "kdebug/core/access.h"
#include "kdebug/core/list_walk.h"
#include "kdebug/core/target.h"

static uint32_t count_slots(void)
{
    uint32_t slots = 0;
    kd_fetch(KD_GLOBAL(thread_slot_count), &slots, sizeof(slots), "thread_slot_count");
    return MIN(slots, THREAD_MAX);
}

static vaddr_t thread_in_slot(uint32_t slot)
{
    return kd_fetch_word(KD_GLOBAL(thread_slots) + slot * sizeof(vaddr_t), "thread_slots");
}

static bool fetch_living(vaddr_t thread, struct thread *out)
{
    kd_fetch(thread, out, sizeof(*out), "thread");
    return out->run != THREAD_DEAD &&
           atomic_load_explicit(&out->object.refs, memory_order_relaxed) != 0;
}

void kd_each_thread(bool (*visit)(vaddr_t thread, const struct thread *copy, void *context),
                    void *context)
{
    uint32_t slots = count_slots();
    for (uint32_t slot = 0; slot < slots; slot++) {
        struct thread copy;
        vaddr_t thread = thread_in_slot(slot);
        if (thread != 0 && fetch_living(thread, &copy) && !visit(thread, &copy, context)) {
            return;
        }
    }
}

static bool is_in_slot(uint32_t slot, uint64_t tid, struct thread *out, vaddr_t *out_thread)
{
    uint32_t id = 0;
    *out_thread = thread_in_slot(slot);
    if (*out_thread == 0) {
        return false;
    }
    kd_fetch(*out_thread + offsetof(struct thread, tid), &id, sizeof(id), "thread");
    return id == tid && fetch_living(*out_thread, out);
}

/* gdb asks for one after the other of very many, several times each: the search begins where the last one has ended. */
vaddr_t kd_thread_find(uint64_t tid, struct thread *out)
{
    static uint32_t start;
    uint32_t slots = count_slots();
    start = start < slots ? start : 0;
    for (uint32_t i = 0; i < slots; i++) {
        vaddr_t thread;
        uint32_t slot = (start + i) % slots;
        if (is_in_slot(slot, tid, out, &thread)) {
            start = slot;
            return thread;
        }
    }
    return 0;
}

void kd_each_process(bool (*visit)(vaddr_t process, void *context), void *context)
{
    struct kd_list_walk walk;
    vaddr_t node;
    kd_list_begin(&walk, KD_GLOBAL(process_list));
    while (kd_list_next(&walk, &node)) {
        if (!visit(node - offsetof(struct process, all_link), context)) {
            return;
        }
    }
}

struct search {
    uint64_t id;
    vaddr_t found;
};

static bool match_process(vaddr_t process, void *context)
{
    struct search *search = context;
    struct object object;
    kd_fetch(process, &object, sizeof(object), "process");
    search->found = object.id == search->id ? process : 0;
    return search->found == 0;
}

vaddr_t kd_thread_named(uint64_t tid)
{
    struct thread copy;
    vaddr_t thread = kd_thread_find(tid, &copy);
    if (thread == 0) {
        kd_fail("no thread %llu", (unsigned long long)tid);
    }
    return thread;
}

vaddr_t kd_process_named(uint64_t pid)
{
    struct search search = {.id = pid};
    kd_each_process(match_process, &search);
    if (search.found == 0) {
        kd_fail("no process %llu", (unsigned long long)pid);
    }
    return search.found;
}

vaddr_t kd_cpu_thread(unsigned cpu)
{
    return kd_fetch_word(KD_GLOBAL(cpus) + cpu * sizeof(struct cpu) + offsetof(struct cpu, current),
                         "struct cpu");
}

int kd_thread_cpu(vaddr_t thread)
{
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        if (kd_cpu_thread(cpu) == thread) {
            return (int)cpu;
        }
    }
    return -1;
}

struct stack_search {
    vaddr_t address, found;
    struct thread *out;
};

/* The stacks of two threads are apart by a guard page, so the one whose top comes next is it. */
static bool is_on_stack(const struct thread *thread, vaddr_t address)
{
    return address < thread->stack_top && thread->stack_top - address <= KERNEL_STACK_BYTES;
}

static bool match_stack(vaddr_t address, const struct thread *thread, void *context)
{
    struct stack_search *search = context;
    if (is_on_stack(thread, search->address)) {
        search->found = address;
        *search->out = *thread;
    }
    return search->found == 0;
}

vaddr_t kd_stack_thread(vaddr_t address, struct thread *out)
{
    struct stack_search search = {.address = address, .out = out};
    kd_each_thread(match_stack, &search);
    return search.found;
}

vaddr_t kd_registers_thread(unsigned cpu)
{
    vaddr_t thread = kd_cpu_thread(cpu);
    struct kd_registers registers;
    struct thread copy;
    if (thread == 0 || kd_target->registers(cpu, &registers) != OK ||
        frame_is_user(&registers.frame)) {
        return thread;
    }
    vaddr_t top = registers.frame.rsp - 1; /* an empty stack is one, too */
    kd_fetch(thread, &copy, sizeof(copy), "thread");
    vaddr_t owner = is_on_stack(&copy, top) ? thread : kd_stack_thread(top, &copy);
    return owner != 0 ? owner : thread; /* no thread's: that of a fault, or not yet the kernel's */
}

int kd_thread_registers(vaddr_t thread)
{
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        if (kd_registers_thread(cpu) == thread) {
            return (int)cpu;
        }
    }
    return -1;
}

const char *kd_enum_name(const char *enumeration, uint64_t value)
{
    for (unsigned i = 0; i < TRACE_ENUM_COUNT; i++) {
        const struct trace_enum_info *info = &trace_enum_table[i];
        if (strcmp(info->name, enumeration) == 0 && value < info->count &&
            info->value[value] != NULL) {
            return info->value[value];
        }
    }
    return "?";
}

bool kd_thread_is_held(const struct thread *thread)
{
    return thread->run == THREAD_BLOCKED && thread->wait == TRACE_THREAD_STATE_SUSPENDED &&
           (atomic_load_explicit(&thread->pending, memory_order_relaxed) & THREAD_PENDING_HELD);
}

const char *kd_state_name(const struct thread *thread)
{
    switch (thread->run) {
    case THREAD_READY:
        return "ready";
    case THREAD_RUNNING:
        return "running";
    case THREAD_BLOCKED:
        if (kd_thread_is_held(thread)) {
            return "held";
        }
        return kd_enum_name("thread_state", thread->wait);
    case THREAD_DEAD:
        return "dead";
    default:
        return "?";
    }
}

/* A name field of the target, with whatever is wrong with it. */
static bool read_name(vaddr_t address, char name[NAME_BYTES])
{
    bool fine = kd_read_kernel(address, name, NAME_BYTES) == OK;
    name[NAME_BYTES - 1] = '\0';
    for (char *c = name; *c != '\0'; c++) {
        *c = *c >= ' ' && *c < 127 ? *c : '?';
    }
    return fine;
}

void kd_process_text(vaddr_t process, char *to, size_t bytes)
{
    char name[NAME_BYTES];
    if (process == 0) {
        string_copy(to, "kernel", bytes);
    } else if (read_name(process + offsetof(struct process, name), name)) {
        string_copy(to, name, bytes);
    } else {
        string_copy(to, "?", bytes);
    }
}

void kd_object_text(vaddr_t address, char *to, size_t bytes)
{
    struct object object;
    char name[NAME_BYTES] = "";
    if (address == 0 || kd_read_kernel(address, &object, sizeof(object)) != OK) {
        string_copy(to, address == 0 ? "" : "?", bytes);
        return;
    }
    uint64_t id = object.id;
    if (object.type == OBJECT_MAILBOX) {
        read_name(address + offsetof(struct mailbox, name), name);
    } else if (object.type == OBJECT_INTERRUPT) {
        read_name(address + offsetof(struct interrupt, name), name);
    } else if (object.type == OBJECT_EVENT) {
        read_name(address + offsetof(struct event, name), name);
    } else if (object.type == OBJECT_PROCESS) {
        read_name(address + offsetof(struct process, name), name);
    } else if (object.type == OBJECT_THREAD) {
        uint32_t tid = 0;
        read_name(address + offsetof(struct thread, name), name);
        (void)kd_read_kernel(address + offsetof(struct thread, tid), &tid,
                             sizeof(tid)); /* 0 says enough */
        id = tid;
    }
    const char *type = object_type_name(object.type);
    format_text(to, bytes, "%s %llu%s%s%s", type == NULL ? "object" : type, (unsigned long long)id,
                name[0] == '\0' ? "" : " '", name, name[0] == '\0' ? "" : "'");
}

vaddr_t kd_arg_thread(struct kd_call *call)
{
    uint64_t tid;
    if (call->has_input) {
        vaddr_t thread;
        if (!kd_value_object(&call->input, "thread", &thread)) {
            kd_fail("'%s' takes threads", call->command->name);
        }
        return thread;
    }
    return kd_arg_number(call, &tid) ? kd_thread_named(tid) : 0;
}

vaddr_t kd_arg_process(struct kd_call *call)
{
    uint64_t pid;
    if (call->has_input) {
        vaddr_t process;
        if (!kd_value_object(&call->input, "process", &process)) {
            kd_fail("'%s' takes processes", call->command->name);
        }
        return process;
    }
    return kd_arg_number(call, &pid) ? kd_process_named(pid) : 0;
}
