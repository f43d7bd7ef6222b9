/* SPDX-License-Identifier: MIT */
/* Processes: make, end, wait for. */
#include "arch/clock.h"
#include "gen/syscall_handlers.h"
#include "syscall/syscall.h"

static struct process *process_of(struct object *object)
{
    return CONTAINER_OF(object, struct process, object);
}

status_t sys_process_create(vaddr_t name, uint64_t name_bytes, uint64_t *out_process)
{
    char text[NAME_BYTES];
    status_t status = copy_name(text, name, name_bytes);
    if (status != OK) {
        return status;
    }
    struct process *process;
    status = process_create(text, &process);
    if (status != OK) {
        return status;
    }
    return hand_out(&process->object, RIGHTS_ALL, out_process);
}

/* The thread ends on its way back to user mode, when nothing is held any more. */
status_t sys_process_exit(uint64_t code)
{
    process_kill(current_process(), code, 0);
    return OK;
}

status_t sys_process_wait(struct object *process, ns_t deadline, uint64_t *out_code,
                          uint64_t *out_fault)
{
    return process_wait(process_of(process), deadline, out_code, out_fault);
}

status_t sys_process_supervise(struct object *process, uint64_t mailbox, uint64_t badge)
{
    if (mailbox == 0) {
        process_set_supervisor(process_of(process), NULL, 0);
        return OK;
    }
    struct handle_entry entry;
    status_t status = handle_get_entry(mailbox, OBJECT_MAILBOX, RIGHT_MAILBOX_SEND, &entry);
    if (status != OK) {
        return status;
    }
    if (badge == 0) {
        badge = entry.badge;
    }
    /* The calls say who sent them, just as those of a handle derived from this one do (handle_derive()). */
    if (badge == entry.badge || (entry.rights & RIGHT_MAILBOX_BADGE) != 0) {
        process_set_supervisor(process_of(process), entry.object, badge);
    } else {
        status = ERR_NO_RIGHTS;
    }
    handle_entry_put(&entry);
    return status;
}

status_t sys_process_ceiling(struct object *process, uint32_t priority)
{
    return process_set_ceiling(process_of(process), priority);
}

status_t sys_process_kill(struct object *process, uint64_t code)
{
    process_kill(process_of(process), code, 0);
    return OK;
}

status_t sys_process_time(struct object *process, uint64_t *out_ns)
{
    *out_ns = clock_ns_of_ticks(process_ticks(process_of(process)));
    return OK;
}

status_t sys_process_id(struct object *process, uint64_t *out_id)
{
    *out_id = process->id;
    return OK;
}

status_t sys_process_suspend(struct object *process)
{
    process_stop(process_of(process), THREAD_PENDING_PAUSED);
    return OK;
}

status_t sys_process_resume(struct object *process)
{
    process_go_on(process_of(process), THREAD_PENDING_PAUSED);
    return OK;
}

status_t sys_process_set_quota(struct object *process, uint64_t handles, uint64_t threads,
                               uint64_t memory, uint64_t pins)
{
    const uint64_t limit[QUOTA_KINDS] = {[QUOTA_HANDLES] = handles,
                                         [QUOTA_THREADS] = threads,
                                         [QUOTA_MEMORY] = memory,
                                         [QUOTA_PINS] = pins};
    return process_set_quota(process_of(process), limit);
}

status_t sys_process_get_quota(struct object *process, uint32_t kind, uint64_t *out_used,
                               uint64_t *out_limit)
{
    if (kind >= QUOTA_KINDS) {
        return ERR_BAD_ARGUMENT;
    }
    process_get_quota(process_of(process), (enum quota_kind)kind, out_used, out_limit);
    return OK;
}
