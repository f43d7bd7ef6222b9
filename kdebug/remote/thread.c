/* SPDX-License-Identifier: MIT */
/* Threads as gdb sees them (thread.h). */
#include "kdebug/remote/thread.h"

#include "base/format.h"
#include "gen/layout.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/page_walk.h"
#include "sched/process.h"

static uint32_t pid_of(const struct thread *copy)
{
    struct process process;
    if (copy->process == NULL ||
        kd_read_kernel((vaddr_t)copy->process, &process, sizeof(process)) != OK) {
        return KD_REMOTE_KERNEL;
    }
    return process.object.id;
}

static bool keep_newest(vaddr_t process, void *context)
{
    struct process copy;
    uint32_t *newest = context;
    if (kd_read_kernel(process, &copy, sizeof(copy)) == OK) {
        *newest = MAX(*newest, copy.object.id);
    }
    return true;
}

uint32_t kd_remote_newest_process(void)
{
    uint32_t newest = 0;
    kd_each_process(keep_newest, &newest);
    return newest;
}

bool kd_remote_thread_copy(struct kd_remote_id id, struct thread *out)
{
    return id.tid != KD_REMOTE_ANY && id.tid < KD_REMOTE_IDLE && kd_thread_find(id.tid, out) != 0;
}

struct kd_remote_id kd_remote_id_of(unsigned cpu, uint32_t newest)
{
    struct thread copy;
    vaddr_t thread = kd_registers_thread(cpu);
    if (thread == 0 || kd_read_kernel(thread, &copy, sizeof(copy)) != OK || copy.tid == 0) {
        return (struct kd_remote_id){KD_REMOTE_KERNEL, KD_REMOTE_IDLE + cpu};
    }
    uint32_t pid = pid_of(&copy);
    return (struct kd_remote_id){pid <= newest ? pid : KD_REMOTE_KERNEL, copy.tid};
}

int kd_remote_cpu(struct kd_remote_id id)
{
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        if (kd_remote_id_of(cpu, 0).tid == id.tid) {
            return (int)cpu;
        }
    }
    return -1;
}

bool kd_remote_id_exists(struct kd_remote_id id)
{
    struct thread copy;
    if (id.pid == KD_REMOTE_KERNEL && kd_remote_cpu(id) >= 0) {
        return true;
    }
    return kd_remote_thread_copy(id, &copy) &&
           (id.pid == KD_REMOTE_KERNEL || id.pid == pid_of(&copy));
}

bool kd_remote_program(const struct thread *copy, struct kd_file *out)
{
    struct kd_walk walk;
    struct trap_frame frame;
    char process[NAME_BYTES];
    if (copy->process == NULL ||
        kd_read_kernel((vaddr_t)copy->frame, &frame, sizeof(frame)) != OK) {
        return false;
    }
    if (kd_walk(copy->root, frame.rip, &walk) == OK && walk.present &&
        kd_file_holding(walk.physical, out)) {
        return true;
    }
    kd_process_text((vaddr_t)copy->process, process, sizeof(process));
    return kd_file_named(process, out);
}

/* ---- ids as text ---- */

void kd_remote_put_id(struct kd_packet *out, struct kd_remote_id id, bool is_multiprocess)
{
    if (is_multiprocess) {
        kd_packet_put(out, "p");
        kd_packet_put_number(out, id.pid);
        kd_packet_put(out, ".");
    }
    kd_packet_put_number(out, id.tid);
}

static bool take_number(const char **at, uint32_t *out)
{
    uint64_t number;
    if (kd_hex_take(at, '-')) {
        *out = KD_REMOTE_ANY;
        return kd_hex_take(at, '1');
    }
    bool fine = kd_hex_number(at, &number) && number <= UINT32_MAX;
    *out = fine ? (uint32_t)number : KD_REMOTE_ANY;
    return fine;
}

bool kd_remote_take_id(const char **at, struct kd_remote_id *out)
{
    *out = (struct kd_remote_id){KD_REMOTE_KERNEL, KD_REMOTE_ANY};
    if (!kd_hex_take(at, 'p')) {
        return take_number(at, &out->tid);
    }
    return take_number(at, &out->pid) && (!kd_hex_take(at, '.') || take_number(at, &out->tid));
}

/* ---- all of them ---- */

struct each {
    kd_remote_visit_fn visit;
    void *context;
    uint32_t newest; /* 0: as the kernel sees them */
};

static bool visit_thread(vaddr_t thread UNUSED, const struct thread *copy, void *context)
{
    const struct each *each = context;
    struct kd_file file;
    uint32_t pid = each->newest != 0 ? pid_of(copy) : KD_REMOTE_KERNEL;
    bool is_there = copy->tid != 0 &&
                    (each->newest == 0 || (pid <= each->newest && kd_remote_program(copy, &file)));
    if (is_there) {
        each->visit((struct kd_remote_id){pid, copy->tid}, copy, each->context);
    }
    return true;
}

void kd_remote_each_id(uint32_t newest, kd_remote_visit_fn visit, void *context)
{
    struct each each = {.visit = visit, .context = context};
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        struct kd_remote_id id = kd_remote_id_of(cpu, 0);
        if (id.tid >= KD_REMOTE_IDLE) {
            visit(id, NULL, context);
        }
    }
    kd_each_thread(visit_thread, &each);
    each.newest = newest;
    if (newest != 0) {
        kd_each_thread(visit_thread, &each);
    }
}

/* ---- what they are ---- */

void kd_remote_describe(struct kd_remote_id id, const struct thread *copy, char *to, size_t bytes)
{
    char process[NAME_BYTES];
    if (copy == NULL) {
        format_text(to, bytes, "kernel/idle of core %u", id.tid - KD_REMOTE_IDLE);
        return;
    }
    kd_process_text((vaddr_t)copy->process, process, sizeof(process));
    format_text(to, bytes, "%s/%.*s", process, (int)NAME_BYTES - 1, copy->name);
}

void kd_remote_state(struct kd_remote_id id, const struct thread *copy, char *to, size_t bytes)
{
    int cpu = kd_remote_cpu(id);
    const char *state = copy == NULL ? "running" : kd_state_name(copy);
    if (cpu >= 0) {
        format_text(to, bytes, "%s on core %d", state, cpu);
    } else {
        format_text(to, bytes, "%s", state);
    }
}

uint64_t kd_remote_space(struct kd_remote_id id, uint64_t address)
{
    struct thread copy;
    bool is_kernel = address >= DIRECT_MAP_BASE || !kd_remote_thread_copy(id, &copy);
    return is_kernel ? KD_SPACE_KERNEL : copy.root;
}
