/* SPDX-License-Identifier: MIT */
/* The one place that names Spoor's events and their fields. An event that the schema lacks simply never comes. */
#include "convert.h"
#include "vector.h"

#define REF(field, event, name) ids->field = schema_field_ref(schema, event, name)

static void bind_sched(struct convert_ids *ids, const struct schema *schema)
{
    REF(switch_state, "sched.thread.switch", "state");
    REF(switch_reason, "sched.thread.switch", "reason");
    REF(switch_prev, "sched.thread.switch", "prev");
    REF(switch_next, "sched.thread.switch", "next");
    REF(switch_priority, "sched.thread.switch", "priority");
    REF(wake_thread, "sched.thread.wake", "thread");
    REF(wake_cpu, "sched.thread.wake", "cpu");
    REF(wake_priority, "sched.thread.wake", "priority");
    REF(irq_enter_vector, "irq.enter", "vector");
    REF(irq_exit_vector, "irq.exit", "vector");
    REF(ipi_kind, "irq.ipi", "kind");
    REF(ipi_target, "irq.ipi", "target");
    REF(create_thread, "life.thread.create", "thread");
    REF(exit_thread, "life.thread.exit", "thread");
    REF(exit_process, "life.process.exit", "process");
}

static void bind_slices(struct convert_ids *ids, const struct schema *schema)
{
    REF(syscall_number, "syscall.enter", "number");
    REF(syscall_arg0, "syscall.enter", "arg0");
    REF(syscall_status, "syscall.exit", "status");
    REF(fault_error, "fault.enter", "error");
    REF(fault_address, "fault.enter", "address");
    REF(fault_ip, "fault.enter", "ip");
    REF(fault_outcome, "fault.exit", "outcome");
    REF(exception_vector, "fault.exception", "vector");
    REF(exception_ip, "fault.exception", "ip");
    REF(exception_address, "fault.exception", "address");
}

static void bind_calls(struct convert_ids *ids, const struct schema *schema)
{
    REF(call_call, "ipc.call", "call");
    REF(call_flags, "ipc.call", "flags");
    REF(call_mailbox, "ipc.call", "mailbox");
    REF(call_label, "ipc.call", "label");
    REF(receive_call, "ipc.receive", "call");
    REF(receive_badge, "ipc.receive", "badge");
    REF(receive_mailbox, "ipc.receive", "mailbox");
    REF(receive_label, "ipc.receive", "label");
    REF(reply_call, "ipc.reply", "call");
    REF(reply_flags, "ipc.reply", "flags");
    REF(return_call, "ipc.return", "call");
    REF(return_status, "ipc.return", "status");
    REF(copy_call, "ipc.copy", "call");
    REF(copy_status, "ipc.copy", "status");
    REF(copy_reply, "ipc.copy", "reply");
    REF(copy_from, "ipc.copy", "from");
    REF(copy_to, "ipc.copy", "to");
    REF(copy_bytes, "ipc.copy", "bytes");
}

static void bind_other(struct convert_ids *ids, const struct schema *schema)
{
    REF(log_level, "log.line", "level");
    REF(mark_id, "user.mark", "id");
    REF(mark_value, "user.mark", "value");
    REF(user_kind, "user.record", "kind");
    REF(user_process, "user.record", "process");
    REF(user_track, "user.record", "track");
    REF(user_id, "user.record", "id");
    REF(user_time, "user.record", "time");
    REF(user_value, "user.record", "value");
    REF(user_name_process, "user.name", "process");
    REF(user_name_id, "user.name", "id");
    REF(probe_define_probe, "probe.define", "probe");
    REF(probe_hit_probe, "probe.hit", "probe");
    REF(probe_hit_value[0], "probe.hit", "a");
    REF(probe_hit_value[1], "probe.hit", "b");
    REF(probe_hit_value[2], "probe.hit", "c");
    REF(probe_hit_value[3], "probe.hit", "d");
    REF(arm_thread, "timer.arm", "thread");
    REF(arm_deadline, "timer.arm", "deadline");
    REF(fire_thread, "timer.fire", "thread");
    REF(fire_deadline, "timer.fire", "deadline");
    REF(kdebug_enter_reason, "kdebug.enter", "reason");
    REF(kdebug_leave_reason, "kdebug.leave", "reason");
    REF(stack_stack, "profile.stack", "stack");
    REF(stack_kernel, "profile.stack", "kernel");
    REF(sample_stack, "profile.sample", "stack");
    REF(sample_thread, "profile.sample", "thread");
    REF(sample_mode, "profile.sample", "mode");
    REF(enter_function, "function.enter", "function");
    REF(enter_stack, "function.enter", "stack");
    REF(exit_stack, "function.exit", "stack");
    REF(lost_cause, "trace.lost", "cause");
    REF(lost_count, "trace.lost", "count");
    REF(lost_first, "trace.lost", "first_tsc");
    REF(lost_last, "trace.lost", "last_tsc");
    REF(trigger_trigger, "trace.trigger", "trigger");
    REF(trigger_event, "trace.trigger", "event");
    REF(held_trigger, "trace.held", "trigger");
    REF(held_events, "trace.held", "events");
    REF(switched_mask, "trace.switched", "mask");
}

/* Thread states as Linux 4.14 and later writes them into prev_state. */
enum {
    LINUX_RUNNABLE = 0,
    LINUX_SLEEP = 1,
    LINUX_DISK = 2,
    LINUX_STOPPED = 4,
    LINUX_DEAD = 0x10,
    LINUX_PREEMPTED = 0x100
};

static const struct {
    const char *name;
    uint16_t linux_state;
    uint8_t run_state;
} states[] = {
    {"ready", LINUX_RUNNABLE, RUN_READY},      {"preempted", LINUX_PREEMPTED, RUN_READY},
    {"yielded", LINUX_RUNNABLE, RUN_READY},    {"receive", LINUX_SLEEP, RUN_BLOCKED},
    {"call", LINUX_DISK, RUN_BLOCKED}, /* another colour than S: it waits for a server to take its call ... */
    {"reply", LINUX_DISK, RUN_BLOCKED}, /* ... or to answer it */
    {"sleep", LINUX_SLEEP, RUN_BLOCKED},       {"join", LINUX_SLEEP, RUN_BLOCKED},
    {"futex", LINUX_SLEEP, RUN_BLOCKED},       {"fault", LINUX_DISK, RUN_BLOCKED},
    {"suspended", LINUX_STOPPED, RUN_BLOCKED}, {"dead", LINUX_DEAD, RUN_UNKNOWN},
    {"console", LINUX_SLEEP, RUN_BLOCKED},     {"trace", LINUX_SLEEP, RUN_BLOCKED},
    {"event", LINUX_SLEEP, RUN_BLOCKED},
};

static void bind_states(struct convert_ids *ids, const struct schema *schema)
{
    for (unsigned i = 0; i < STATES_MAX;
         i++) { /* a state of a later version: blocked, and named by its number */
        ids->linux_state[i] = LINUX_SLEEP;
        ids->run_state[i] = RUN_BLOCKED;
    }
    const struct schema_event *event = schema_find(schema, "sched.thread.switch");
    for (unsigned k = 0; event != NULL && k < event->field_count; k++) {
        for (unsigned i = 0; event->field[k].values != NULL &&
                             strcmp(event->field[k].name, "state") == 0 && i < STATES_MAX;
             i++) {
            ids->state_name[i] = event->field[k].values->value[i];
        }
    }
    for (unsigned i = 0; i < ARRAY_COUNT(states); i++) {
        unsigned value = schema_enum_value(schema, "sched.thread.switch", "state", states[i].name);
        if (value < STATES_MAX) {
            ids->linux_state[value] = states[i].linux_state;
            ids->run_state[value] = states[i].run_state;
        }
    }
    ids->reason_handoff = schema_enum_value(schema, "sched.thread.switch", "reason", "handoff");
    ids->state_call = schema_enum_value(schema, "sched.thread.switch", "state", "call");
    ids->state_reply = schema_enum_value(schema, "sched.thread.switch", "state", "reply");
    ids->state_dead = schema_enum_value(schema, "sched.thread.switch", "state", "dead");
}

static const struct {
    const char *event;
    convert_fn handler;
} handlers[] = {
    {"sched.thread.switch", on_switch},
    {"sched.thread.wake", on_wake},
    {"irq.enter", on_irq_enter},
    {"irq.exit", on_irq_exit},
    {"irq.ipi", on_ipi},
    {"syscall.enter", on_syscall_enter},
    {"syscall.exit", on_syscall_exit},
    {"fault.enter", on_fault_enter},
    {"fault.exit", on_fault_exit},
    {"fault.exception", on_exception},
    {"ipc.call", on_call},
    {"ipc.receive", on_receive},
    {"ipc.reply", on_reply},
    {"ipc.return", on_return},
    {"ipc.copy", on_copy},
    {"life.thread.create", on_thread_create},
    {"life.thread.exit", on_thread_exit},
    {"life.process.exit", on_process_exit},
    {"log.line", on_log},
    {"user.mark", on_mark},
    {"user.record", on_user_record},
    {"user.name", on_user_name},
    {"timer.arm", on_timer_arm},
    {"timer.fire", on_timer_fire},
    {"kdebug.enter", on_kdebug_enter},
    {"kdebug.leave", on_kdebug_leave},
    {"profile.stack", on_stack},
    {"profile.sample", on_sample},
    {"function.enter", on_function_enter},
    {"function.exit", on_function_exit},
    {"trace.lost", on_lost},
    {"trace.switched", on_switched},
    {"trace.trigger", on_trigger},
    {"trace.held", on_held},
    {"probe.define", on_probe_define},
    {"probe.hit", on_probe_hit},
};

void convert_bind(struct convert *convert)
{
    const struct schema *schema = &convert->session->schema;
    bind_sched(&convert->ids, schema);
    bind_slices(&convert->ids, schema);
    bind_calls(&convert->ids, schema);
    bind_other(&convert->ids, schema);
    bind_states(&convert->ids, schema);
    for (unsigned i = 0; i < ARRAY_COUNT(handlers); i++) {
        unsigned id = schema_event_id(schema, handlers[i].event);
        if (id < SCHEMA_EVENTS_MAX) {
            convert->handler[id] = handlers[i].handler;
        }
    }
    for (unsigned vector = 0; vector < 256; vector++) {
        char name[VECTOR_NAME_BYTES];
        bundle_make_irq_blobs(&convert->perfetto, vector, vector_name(vector, name));
    }
    for (unsigned i = 0; i < STATES_MAX; i++) { /* so a state's reason has the iid state + 1 */
        const char *name = convert->ids.state_name[i];
        bundle_reason(&convert->perfetto, name != NULL ? name : "?");
    }
}
