/* SPDX-License-Identifier: MIT */
/*
 * Handles that travel with a message.
 *
 * All are made in the receiver's table first, then those that are moved are closed in the sender's: up to there everything can be undone. The
 * close decides who moves a handle that two messages want to move, or one message twice: it succeeds once.
 */
#include "ipc/message_handles.h"

#include "arch/frame.h"
#include "object/handle.h"
#include "sched/process.h"

/* The words of a message in its sender's frame, in their order. */
static uint64_t *word_of(struct trap_frame *frame, unsigned index)
{
    uint64_t *const words[MESSAGE_WORDS] = {&frame->r8,  &frame->r9,  &frame->r10, &frame->r12,
                                            &frame->r13, &frame->r14, &frame->r15, &frame->rbx};
    return words[index];
}

static uint64_t *descriptor_of(const struct thread *from, uint64_t label, unsigned i)
{
    return word_of(from->frame, MESSAGE_WORDS - message_handle_count(label) + i);
}

static status_t give_one(struct thread *from, struct thread *to, uint64_t descriptor,
                         uint64_t *out_given)
{
    uint32_t needed = RIGHT_TRANSFER | (descriptor & MESSAGE_HANDLE_MOVE ? 0 : RIGHT_DUPLICATE);
    uint32_t rights = descriptor >> MESSAGE_HANDLE_RIGHTS_SHIFT & MESSAGE_HANDLE_RIGHTS_MASK;
    struct handle_entry entry;
    status_t status = handle_copy(&from->process->handles, descriptor & MESSAGE_HANDLE_MASK,
                                  OBJECT_ANY, needed, &entry);
    if (status != OK) {
        return status;
    }
    status = handle_derive(&to->process->handles, &entry, rights, 0, out_given);
    handle_entry_put(&entry);
    return status;
}

static void close_all(struct thread *thread, const uint64_t *handle, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (handle_close(&thread->process->handles, handle[i]) != OK) {
            continue; /* its process has guessed the number and closed it first */
        }
    }
}

/* Close in the sender's table what is moved. */
static status_t close_moved(struct thread *from, uint64_t label)
{
    for (unsigned i = 0; i < message_handle_count(label); i++) {
        uint64_t descriptor = *descriptor_of(from, label, i);
        if (descriptor & MESSAGE_HANDLE_MOVE) {
            status_t status =
                handle_close(&from->process->handles, descriptor & MESSAGE_HANDLE_MASK);
            if (status != OK) {
                return status;
            }
        }
    }
    return OK;
}

status_t message_handles_give(struct thread *from, struct thread *to, uint64_t label)
{
    uint64_t given[MESSAGE_WORDS];
    unsigned count = message_handle_count(label), done = 0;
    status_t status = OK;
    while (done < count && status == OK) {
        status = give_one(from, to, *descriptor_of(from, label, done), &given[done]);
        done += status == OK;
    }
    if (status == OK) {
        status = close_moved(from, label);
    }
    if (status != OK) {
        close_all(to, given, done);
        return status;
    }
    for (unsigned i = 0; i < count; i++) {
        *descriptor_of(from, label, i) = given[i];
    }
    return OK;
}

void message_handles_take_back(const struct thread *from, struct thread *to, uint64_t label)
{
    for (unsigned i = 0; i < message_handle_count(label); i++) {
        close_all(to, descriptor_of(from, label, i), 1);
    }
}
