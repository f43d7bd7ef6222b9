/* SPDX-License-Identifier: MIT */
/* Finding and naming kernel objects of the target; shared by the commands. All may end the
 * command (kd_fail()). */
#pragma once

#include "base/types.h"
#include "kdebug/core/command.h"
#include "sched/process.h"
#include "sched/thread.h"

/* kd_thread_named() / kd_process_named() - the address of the living object with this id; ends
 * the command if there is none. */
vaddr_t kd_thread_named(uint64_t tid);
vaddr_t kd_process_named(uint64_t pid);

/* kd_thread_find() - address and content of the living thread with this id; 0: there is none. */
vaddr_t kd_thread_find(uint64_t tid, struct thread *out);

/* kd_thread_cpu() - the core that runs this thread now; -1: none does. */
int kd_thread_cpu(vaddr_t thread);

/* kd_cpu_thread() - what a core runs: the address of its struct thread, 0 none yet. */
vaddr_t kd_cpu_thread(unsigned cpu);

/*
 * kd_registers_thread() - whose registers a core has. In the middle of a switch the scheduler already says the next thread, and the
 * core still stands on the stack of the one before. kd_thread_registers() - the core that has this thread's; -1: none, and
 * thread->context.rsp is good.
 */
vaddr_t kd_registers_thread(unsigned cpu);
int kd_thread_registers(vaddr_t thread);

/* kd_stack_thread() - address and content of the living thread on whose kernel stack this is; 0: there is none. */
vaddr_t kd_stack_thread(vaddr_t address, struct thread *out);

/* kd_state_name() - "ready", "running", "call" ... of a thread. */
const char *kd_state_name(const struct thread *thread);

/* kd_thread_is_held() - it stands still because somebody at the prompt wants it to. */
bool kd_thread_is_held(const struct thread *thread);

/* kd_process_text() - the name of the process at an address, "kernel" for 0. Never fails: "?" for
 * what cannot be read. */
void kd_process_text(vaddr_t process, char *to, size_t bytes);

/* kd_object_text() - "mailbox 12 'disk'" for any object with a struct object at its start. Never
 * fails. */
void kd_object_text(vaddr_t address, char *to, size_t bytes);

/* kd_enum_name() - name of a value of an enum of events.toml; "?" if it has none. */
const char *kd_enum_name(const char *enumeration, uint64_t value);

/* kd_arg_thread() - the thread of a call: the piped value or a TID argument; 0: neither.
 * kd_arg_process() likewise. */
vaddr_t kd_arg_thread(struct kd_call *call);
vaddr_t kd_arg_process(struct kd_call *call);

/* kd_each_thread() / kd_each_process() - call visit for each living one until it returns false. */
void kd_each_thread(bool (*visit)(vaddr_t thread, const struct thread *copy, void *context),
                    void *context);
void kd_each_process(bool (*visit)(vaddr_t process, void *context), void *context);
