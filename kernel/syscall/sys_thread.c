/* SPDX-License-Identifier: MIT */
/* Threads: start, end, sleep, yield. */
#include "arch/clock.h"
#include "base/string.h"
#include "gen/syscall_handlers.h"
#include "sched/thread.h"
#include "syscall/syscall.h"
#include "vm/user_copy.h"

/* A NUL-terminated name, cut at NAME_BYTES - 1; read up to the end of its page first, so as not to touch the next in vain. */
static status_t copy_thread_name(char *name, vaddr_t address)
{
    string_copy(name, "thread", NAME_BYTES);
    if (address == 0) {
        return OK;
    }
    size_t in_page = PAGE_BYTES - address % PAGE_BYTES;
    for (size_t i = 0; i < NAME_BYTES - 1;) {
        size_t part = MIN(NAME_BYTES - 1 - i, i == 0 ? in_page : (size_t)PAGE_BYTES);
        status_t status = user_copy_in(name + i, address + i, part);
        if (status != OK) {
            return status;
        }
        i += part;
        name[i] = '\0';
        if (strlen(name) < i) {
            break;
        }
    }
    return OK;
}

status_t sys_thread_create(struct object *process, vaddr_t entry, vaddr_t stack, uint64_t argument,
                           uint64_t flags, vaddr_t name, uint64_t *out_thread)
{
    char text[NAME_BYTES];
    status_t status = copy_thread_name(text, name);
    if (status != OK) {
        return status;
    }
    if (entry < USER_BASE || entry >= USER_END || stack < USER_BASE || stack > USER_END) {
        return ERR_RANGE;
    }
    if (flags >> 16 != 0) {
        return ERR_BAD_ARGUMENT;
    }
    unsigned priority = flags & 0xff;
    struct thread_start start = {
        .entry = entry,
        .stack = stack,
        .argument = argument,
        .priority = priority == 0 ? THREAD_PRIORITY_DEFAULT : priority - 1,
        .cpu = (int)(flags >> 8 & 0xff) - 1,
        .name = text,
    };
    struct thread *thread;
    status = thread_create(CONTAINER_OF(process, struct process, object), &start, &thread);
    if (status != OK) {
        return status;
    }
    return hand_out(&thread->object, RIGHTS_ALL, out_thread);
}

status_t sys_thread_exit(uint64_t code)
{
    thread_exit(code);
}

status_t sys_thread_sleep(ns_t deadline)
{
    if (deadline <= clock_now()) {
        return OK;
    }
    struct thread *self = current_thread();
    uint64_t ticket = thread_ticket(self, TRACE_THREAD_STATE_SLEEP, NULL);
    status_t status = thread_wait(self, ticket, deadline);
    return status == ERR_TIMED_OUT ? OK : status;
}

status_t sys_thread_bases(vaddr_t fs, vaddr_t gs)
{
    if (fs >= USER_END || gs >= USER_END) {
        return ERR_RANGE;
    }
    thread_set_bases(fs, gs);
    return OK;
}

static struct thread *thread_of(struct object *object)
{
    return CONTAINER_OF(object, struct thread, object);
}

status_t sys_thread_priority(struct object *thread, uint32_t priority)
{
    return thread_set_priority(thread_of(thread), priority);
}

status_t sys_thread_affinity(struct object *thread, uint32_t cores)
{
    return thread_set_affinity(thread_of(thread), cores);
}

status_t sys_thread_suspend(struct object *thread)
{
    thread_stop(thread_of(thread), THREAD_PENDING_SUSPEND);
    return OK;
}

status_t sys_thread_resume(struct object *thread)
{
    thread_go_on(thread_of(thread), THREAD_PENDING_SUSPEND);
    return OK;
}

status_t sys_thread_kill(struct object *thread, uint64_t code)
{
    thread_kill(thread_of(thread), code);
    return OK;
}

status_t sys_thread_wait(struct object *thread, ns_t deadline, uint64_t *out_code)
{
    return thread_join(thread_of(thread), deadline, out_code);
}

status_t sys_thread_time(struct object *thread, uint64_t *out_ns)
{
    *out_ns = clock_ns_of_ticks(thread_ticks(thread_of(thread)));
    return OK;
}

status_t sys_thread_times(struct object *thread, uint64_t *out_user, uint64_t *out_kernel,
                          uint64_t *out_uncounted)
{
    struct thread_times times = thread_times(thread_of(thread));
    *out_user = times.user;
    *out_kernel = times.kernel;
    *out_uncounted = times.uncounted;
    return OK;
}

status_t sys_thread_self(uint64_t *out_thread)
{
    *out_thread = current_thread()->tid;
    return OK;
}

status_t sys_thread_yield(void)
{
    thread_yield();
    return OK;
}
