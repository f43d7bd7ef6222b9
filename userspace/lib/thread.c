/* SPDX-License-Identifier: MIT */
/*
 * Threads: a stack, an entry, an end.
 *
 * Stacks lie in slots far above everything else, so the space below each is unmapped and an
 * overflow faults.
 *
 * The kernel lets nobody wait for a thread, so a thread ends by calling a mailbox of its own, and
 * who joins it receives that call. The answer sets it free; it says that it is done when it will
 * not touch its stack again: between that store and its last system call there is no instruction
 * that would. Only for this short moment does thread_join() ask again and again.
 */
#include "userspace/lib/thread.h"

#include <string.h>

#include "gen/layout.h"
#include "gen/syscall_numbers.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/message.h"
#include "userspace/lib/start.h"

#define STACKS_BASE      0x7ff000000000ull
#define STACK_SLOT_BYTES 0x100000ull
#define STACK_SLOTS      4096u

#define JOIN_YIELDS      16
#define JOIN_SLEEP_FIRST (20 * NS_PER_US)
#define JOIN_SLEEP_MAX   (2 * NS_PER_MS)

static atomic_uint next_slot;

static _Noreturn void run_thread(struct thread *thread)
{
    struct message end = {0};

    thread->function(thread->argument);
    (void)message_call(thread->end, &end, DEADLINE_FOREVER);
    __asm__ volatile("movl $1, %0\n\t"
                     "syscall"
                     : "=m"(thread->done)
                     : "a"(SYSCALL_THREAD_EXIT), "D"(0)
                     : "memory");
    __builtin_unreachable();
}

static status_t map_stack(uint64_t area, uint64_t *out_stack)
{
    status_t status = ERR_NO_MEMORY;

    for (unsigned tries = 0; tries < STACK_SLOTS; tries++) {
        unsigned slot =
            atomic_fetch_add_explicit(&next_slot, 1, memory_order_relaxed) % STACK_SLOTS;
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
    status = sys_mailbox_create("thread end", strlen("thread end"), &thread->end);
    if (status != OK) {
        goto undo_stack;
    }
    thread->function = function;
    thread->argument = argument;
    atomic_init(&thread->done, 0);
    status = sys_thread_create(program.self, (uint64_t)run_thread,
                               thread->stack + THREAD_STACK_BYTES - 8, (uint64_t)thread, flags,
                               name, &thread->handle);
    if (status == OK) {
        return OK;
    }
    (void)sys_handle_close(thread->end);
undo_stack:
    discard_stack(thread->stack);
    return status;
}

void thread_join(struct thread *thread)
{
    struct message end = {0};
    uint64_t pause = JOIN_SLEEP_FIRST;

    must(message_receive(thread->end, &end, DEADLINE_FOREVER));
    must(message_reply(thread->end, &end));
    for (int i = 0; atomic_load_explicit(&thread->done, memory_order_acquire) == 0; i++) {
        if (i < JOIN_YIELDS) {
            (void)sys_thread_yield();
            continue;
        }
        clock_sleep(pause);
        pause = pause * 2 < JOIN_SLEEP_MAX ? pause * 2 : JOIN_SLEEP_MAX;
    }
    discard_stack(thread->stack);
    (void)sys_handle_close(thread->end);
    (void)sys_handle_close(thread->handle);
}
