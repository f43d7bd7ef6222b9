/* SPDX-License-Identifier: MIT */
/*
 * Threads: a stack, an entry, an end.
 *
 * Stacks lie in slots far above everything else, so the space below each is unmapped and an
 * overflow faults.
 *
 * The kernel says when a thread has ended (thread_wait): from then on nobody touches its stack.
 */
#include "userspace/lib/thread.h"

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "kernel/abi/message.h"
#include "userspace/lib/check.h"
#include "userspace/lib/start.h"

#define STACKS_BASE      0x7ff000000000ull
#define STACK_SLOT_BYTES 0x100000ull

static atomic_uint next_slot;

unsigned thread_slot(void)
{
    uint64_t offset = (uint64_t)__builtin_frame_address(0) - STACKS_BASE;

    return offset < THREAD_SLOTS * STACK_SLOT_BYTES ? (unsigned)(offset / STACK_SLOT_BYTES)
                                                    : THREAD_SLOTS;
}

static _Noreturn void run_thread(struct thread *thread)
{
    thread->function(thread->argument);
    sys_thread_exit(0);
}

static status_t map_stack(uint64_t area, uint64_t *out_stack)
{
    status_t status = ERR_NO_MEMORY;

    for (unsigned tries = 0; tries < THREAD_SLOTS; tries++) {
        unsigned slot =
            atomic_fetch_add_explicit(&next_slot, 1, memory_order_relaxed) % THREAD_SLOTS;
        uint64_t address = STACKS_BASE + (slot + 1) * STACK_SLOT_BYTES - THREAD_STACK_BYTES;

        status = sys_area_map(program.self, area, 0, THREAD_STACK_BYTES, address,
                              PROT_READ | PROT_WRITE, out_stack);
        if (status != ERR_BUSY) {
            break;
        }
    }
    return status;
}

static status_t create_stack(uint64_t *out_stack)
{
    uint64_t area;
    status_t status = sys_area_create(THREAD_STACK_BYTES, 0, &area);

    if (status == OK) {
        status = map_stack(area, out_stack);
        (void)sys_handle_close(area); /* the mapping keeps it */
    }
    return status;
}

static void discard_stack(uint64_t stack)
{
    (void)sys_area_unmap(program.self, stack, THREAD_STACK_BYTES);
}

status_t thread_start(struct thread *thread, void (*function)(void *), void *argument,
                      uint64_t flags, const char *name)
{
    status_t status = create_stack(&thread->stack);

    if (status != OK) {
        return status;
    }
    thread->function = function;
    thread->argument = argument;
    status = sys_thread_create(program.self, (uint64_t)run_thread,
                               thread->stack + THREAD_STACK_BYTES - 8, (uint64_t)thread, flags,
                               name, &thread->handle);
    if (status == OK) {
        return OK;
    }
    discard_stack(thread->stack);
    return status;
}

void thread_join(struct thread *thread)
{
    uint64_t code;

    must(sys_thread_wait(thread->handle, DEADLINE_FOREVER, &code));
    discard_stack(thread->stack);
    (void)sys_handle_close(thread->handle);
}
