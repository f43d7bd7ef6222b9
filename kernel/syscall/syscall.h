/* SPDX-License-Identifier: MIT */
/* What the files of system calls share. */
#pragma once

#include "object/object.h"
#include "sched/process.h"

extern struct object trace_object, debug_object, system_object;

/* syscall_init() - the objects that exist once. */
void syscall_init(void);

/* current_process() - of the calling thread; never NULL in a system call. */
static inline struct process *current_process(void)
{
    return current_thread()->process;
}

/* hand_out() - give the caller a handle for a new object and drop the creator's reference, also on failure. Rights that the type
 * does not know are left out. */
status_t hand_out(struct object *object, uint32_t rights, uint64_t *out_handle) MUST_CHECK;

/* Every right that the type knows, for who creates an object. */
#define RIGHTS_ALL ~0u

/* copy_name() - the name of a new object; address 0 with length 0 gives "". name has NAME_BYTES. */
status_t copy_name(char *name, vaddr_t address, uint64_t bytes) MUST_CHECK;

/* object_name() - where an object keeps its name, NAME_BYTES long and always terminated; NULL: this type has none.
 * object_trace_id() - the number that events call it by: the tid of a thread. */
char *object_name(struct object *object);
uint32_t object_trace_id(struct object *object);
