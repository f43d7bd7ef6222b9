/* SPDX-License-Identifier: MIT */
/* hold, release, kill: what threads and processes are to do once the machine runs again. */
#include "kdebug/core/control.h"

#include "kdebug/core/access.h"
#include "kdebug/core/command.h"
#include "kdebug/core/deferred.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/target.h"

static void name_thread(struct kd_control *request, vaddr_t address)
{
    struct thread thread;
    kd_fetch(address, &thread, sizeof(thread), "thread");
    if (thread.process == NULL) {
        kd_fail("thread %u is the kernel's", thread.tid);
    }
    request->id = thread.tid;
}

static void name_process(struct kd_control *request, vaddr_t address)
{
    struct object object;
    kd_fetch(address, &object, sizeof(object), "process");
    request->is_process = true;
    request->id = object.id;
}

static void name_input(struct kd_control *request, const struct kd_call *call)
{
    vaddr_t address;
    if (kd_value_object(&call->input, "thread", &address)) {
        name_thread(request, address);
    } else if (kd_value_object(&call->input, "process", &address)) {
        name_process(request, address);
    } else {
        kd_fail("'%s' takes threads and processes", call->command->name);
    }
}

/* Whom it is about: what comes through the pipe, a thread, or a process. */
static struct kd_control parse_whom(struct kd_call *call, enum kd_control_what what)
{
    struct kd_control request = {.what = what};
    uint64_t id;
    if (call->has_input) {
        name_input(&request, call);
        return request;
    }
    bool is_thread = kd_arg_accept(call, "thread");
    if (!kd_arg_number(call, &id)) {
        kd_fail_usage(call);
    }
    if (is_thread) {
        name_thread(&request, kd_thread_named(id));
    } else {
        name_process(&request, kd_process_named(id));
    }
    return request;
}

static void post(const struct kd_control *request, const char *state)
{
    if (!kd_deferred_control(request)) {
        kd_fail("too many requests are waiting: continue first");
    }
    kd_print("%s %u %s from the end of the stop on\n", request->is_process ? "process" : "thread",
             request->id, state);
}

static bool list_held(vaddr_t thread, const struct thread *copy, void *context)
{
    bool is_held = atomic_load_explicit(&copy->pending, memory_order_relaxed) & THREAD_PENDING_HELD;
    return !is_held || kd_emit(context, kd_value_of(thread, &kd_type_thread));
}

static void run_hold(struct kd_call *call)
{
    if (!call->has_input && kd_arg_is_end(call)) {
        kd_each_thread(list_held, call);
        return;
    }
    kd_require_live(KD_WRITES);
    struct kd_control request = parse_whom(call, KD_CONTROL_HOLD);
    kd_arg_done(call);
    post(&request, "is held");
}
KD_COMMAND(hold, .usage = "[PID | thread TID]",
           .help = "a thread, or all of a process, stay out of user mode while the rest runs; who "
                   "is held",
           .flags = KD_READS | KD_WRITES | KD_PARTLY | KD_GIVES | KD_TAKES, .run = run_hold);

static void run_release(struct kd_call *call)
{
    struct kd_control request = parse_whom(call, KD_CONTROL_RELEASE);
    kd_arg_done(call);
    post(&request, "goes on");
}
KD_COMMAND(release, .usage = "PID | thread TID", .help = "let go on what 'hold' has stopped",
           .flags = KD_READS | KD_WRITES | KD_LIVE | KD_TAKES, .run = run_release);

static void run_kill(struct kd_call *call)
{
    struct kd_control request = parse_whom(call, KD_CONTROL_KILL);
    if (!kd_arg_number(call, &request.code)) {
        request.code = (uint64_t)ERR_CANCELLED;
    }
    kd_arg_done(call);
    post(&request, "ends");
}
KD_COMMAND(kill, .usage = "PID | thread TID [CODE]",
           .help = "end a process or a thread, whatever it does; its code is ERR_CANCELLED unless "
                   "given",
           .flags = KD_READS | KD_WRITES | KD_LIVE | KD_TAKES, .run = run_kill);
