/* SPDX-License-Identifier: MIT */
/*
 * What threads and cores do: a state machine per thread, fed by switches and wake-ups, and one per core.
 *
 *     wake          switch to it         switch away from it
 *     BLOCKED ────► READY ─────────► RUN ─────────► READY (preempted, yielded) or BLOCKED (any other state)
 *
 * A wake-up may be recorded while the thread is still on its way off its core. Then woken_tsc is set though it runs, and the
 * switch away from it makes it READY at once.
 *
 * Wake-up to run: from sched.thread.wake to the switch to it. A hand-off (direct switch of IPC) has no such time and is
 * only counted.
 */
#include <stdlib.h>

#include "report.h"

struct worker *report_worker(struct report *report, uint32_t tid)
{
    struct thread *thread = registry_thread(&report->registry, tid);
    struct worker *worker = thread->state;
    worker->thread = thread;
    return worker;
}

void worker_account(struct worker *worker, uint64_t tsc)
{
    worker->spent[worker->spend] += tsc - worker->since_tsc;
    worker->ready_ticks += worker->run == SPEND_READY ? tsc - worker->since_tsc : 0;
    worker->since_tsc = tsc;
}

void worker_update(struct worker *worker, uint64_t tsc)
{
    worker_account(worker, tsc);
    bool is_known = worker->run != SPEND_UNKNOWN;
    worker->spend = worker->in_call && is_known    ? SPEND_CALL
                    : worker->in_fault && is_known ? SPEND_FAULT
                                                   : worker->run;
}

static void set_run(struct worker *worker, enum spend run, uint64_t tsc)
{
    worker_account(worker, tsc);
    worker->run = (uint8_t)run;
    worker_update(worker, tsc);
}

static struct process_report *find_row(struct report *report, const char *name)
{
    uint64_t key = report_hash(0, name);
    struct process_report *row = id_map_find(&report->processes, key);
    if (row != NULL) {
        return row;
    }
    if (report->process_count == PROCESSES_MAX) {
        return report->process[0];
    }
    row = xcalloc(1, sizeof(*row));
    row->name = name;
    id_map_insert(&report->processes, key, row);
    report->process = array_grow(report->process, report->process_count, &report->process_capacity,
                                 sizeof(struct process_report *));
    report->process[report->process_count++] = row;
    return row;
}

struct process_report *report_process(struct report *report, const struct worker *worker)
{
    struct process *process = worker->thread->process;
    if (process == NULL) {
        return report->process[0];
    }
    struct process_report *row = (struct process_report *)(uintptr_t)process->track;
    if (row == NULL) {
        row = find_row(report, process->name);
        row->processes++;
        process->track = (uintptr_t)row;
    }
    return row;
}

/* ---- cores ---- */

/* Whoever ran on a core until now gets the time. */
static void charge_core(struct report *report, unsigned cpu, uint64_t tsc)
{
    struct core_report *core = &report->core[cpu];
    if (core->current == NULL) {
        return;
    }
    uint64_t ticks = tsc - core->since_tsc;
    core->known_ticks += ticks;
    core->since_tsc = tsc;
    if (core->current->thread->tid == 0) {
        core->idle_ticks += ticks;
        return;
    }
    core->current->cpu_ticks += ticks;
    report_process(report, core->current)->cpu_ticks[cpu] += ticks;
}

static void start_on_core(struct report *report, unsigned cpu, struct worker *worker, uint64_t tsc)
{
    struct core_report *core = &report->core[cpu];
    core->current = worker;
    core->was_seen = true;
    core->since_tsc = tsc;
    if (worker->thread->tid != 0) {
        set_run(worker, SPEND_RUN, tsc);
    }
}

void report_begin_core(struct report *report, const struct step *step)
{
    start_on_core(report, step->cpu, report_worker(report, step->current), step->tsc);
}

void report_forget_core(struct report *report, unsigned cpu, uint64_t tsc)
{
    struct core_report *core = &report->core[cpu];
    charge_core(report, cpu, tsc);
    if (core->current != NULL && core->current->thread->tid != 0) {
        struct worker *worker = core->current;
        worker->in_fault = worker->in_syscall = false;
        worker->woken_tsc = 0;
        set_run(worker, SPEND_UNKNOWN, tsc);
    }
    core->current = NULL;
    core->irq_depth = 0;
}

/* ---- scheduling ---- */

static void on_switch(struct report *report, const struct step *step)
{
    const struct report_ids *ids = &report->ids;
    uint64_t tsc = step->tsc;
    struct worker *prev =
        report_worker(report, (uint32_t)field_get(&ids->switch_prev, step->record));
    struct worker *next =
        report_worker(report, (uint32_t)field_get(&ids->switch_next, step->record));
    unsigned state =
        (unsigned)field_get(&ids->switch_state, step->record) % ARRAY_COUNT(ids->run_of_state);
    charge_core(report, step->cpu, tsc);
    if (prev->thread->tid != 0) {
        bool was_woken = prev->woken_tsc != 0;
        enum spend run = ids->run_of_state[state];
        set_run(prev, was_woken && run == SPEND_BLOCKED ? SPEND_READY : run, tsc);
    }
    if (next->thread->tid != 0) {
        struct process_report *process = report_process(report, next);
        if (next->woken_tsc != 0 && next->run == SPEND_READY) {
            histogram_add(&report->wake, tsc - next->woken_tsc);
            histogram_add(&process->wake, tsc - next->woken_tsc);
        }
        bool is_handoff = field_get(&ids->switch_reason, step->record) == ids->reason_handoff;
        report->handoffs += is_handoff;
        process->handoffs += is_handoff;
        next->woken_tsc = 0;
    }
    start_on_core(report, step->cpu, next, tsc);
}

static void on_wake(struct report *report, const struct step *step)
{
    uint32_t tid = (uint32_t)field_get(&report->ids.wake_thread, step->record);
    struct worker *worker = report_worker(report, tid);
    if (tid == 0 || worker->woken_tsc != 0) {
        return;
    }
    worker->woken_tsc = step->tsc;
    if (worker->run != SPEND_RUN) {
        set_run(worker, SPEND_READY, step->tsc);
    }
}

/* ---- system calls ---- */

/* The thread that runs where an event was recorded; NULL: none is known to. */
static struct worker *worker_of(struct report *report, const struct step *step)
{
    struct worker *worker = report->core[step->cpu].current;
    return worker != NULL && worker->thread->tid != 0 ? worker : NULL;
}

static void on_syscall_enter(struct report *report, const struct step *step)
{
    struct worker *worker = worker_of(report, step);
    if (worker == NULL) {
        return;
    }
    charge_core(report, step->cpu, step->tsc);
    worker->in_syscall = true;
    worker->syscall = (uint8_t)field_get(&report->ids.syscall_number, step->record);
    worker->syscall_tsc = step->tsc;
    worker->syscall_cpu_ticks = worker->cpu_ticks;
}

static void on_syscall_exit(struct report *report, const struct step *step)
{
    struct worker *worker = worker_of(report, step);
    if (worker == NULL || !worker->in_syscall) {
        return;
    }
    charge_core(report, step->cpu, step->tsc);
    worker->in_syscall = false;
    struct syscall_report **row = &report->syscall[worker->syscall];
    if (*row == NULL) {
        *row = arena_alloc(&report->arena, sizeof(**row));
    }
    (*row)->failed += field_get_signed(&report->ids.syscall_status, step->record) < 0;
    (*row)->cpu_ticks += worker->cpu_ticks - worker->syscall_cpu_ticks;
    histogram_add(&(*row)->time, step->tsc - worker->syscall_tsc);
}

/* ---- page faults ---- */

static void on_fault_enter(struct report *report, const struct step *step)
{
    struct worker *worker = worker_of(report, step);
    if (worker == NULL) {
        return;
    }
    worker->in_fault = true;
    worker->fault_tsc = step->tsc;
    worker->fault = (struct fault){.address = field_get(&report->ids.fault_address, step->record),
                                   .ip = field_get(&report->ids.fault_ip, step->record)};
    worker_update(worker, step->tsc);
}

static void on_fault_exit(struct report *report, const struct step *step)
{
    struct worker *worker = worker_of(report, step);
    if (worker == NULL || !worker->in_fault) {
        return;
    }
    worker->in_fault = false;
    worker_update(worker, step->tsc);
    worker->fault.ticks = step->tsc - worker->fault_tsc;
    worker->fault.outcome = (uint32_t)field_get(&report->ids.fault_outcome, step->record);
    struct process_report *process = report_process(report, worker);
    histogram_add(&process->fault, worker->fault.ticks);
    process->outcome[worker->fault.outcome % SCHEMA_NAMES_MAX]++;
    report_call_fault(report, worker, &worker->fault);
}

/* ---- interrupts ---- */

static void on_irq_enter(struct report *report, const struct step *step)
{
    struct core_report *core = &report->core[step->cpu];
    if (core->irq_depth < REPORT_IRQ_DEPTH) {
        core->irq[core->irq_depth] =
            (uint8_t)field_get(&report->ids.irq_enter_vector, step->record);
        core->irq_tsc[core->irq_depth++] = step->tsc;
    }
}

static void on_irq_exit(struct report *report, const struct step *step)
{
    struct core_report *core = &report->core[step->cpu];
    uint8_t vector = (uint8_t)field_get(&report->ids.irq_exit_vector, step->record);
    if (core->irq_depth == 0 || core->irq[core->irq_depth - 1] != vector) {
        core->irq_depth = 0; /* one end is missing: none of those open can be trusted */
        return;
    }
    uint64_t ticks = step->tsc - core->irq_tsc[--core->irq_depth];
    core->irq_ticks += core->irq_depth == 0 ? ticks : 0;
    if (report->irq[vector] == NULL) {
        report->irq[vector] = arena_alloc(&report->arena, sizeof(struct histogram));
    }
    histogram_add(report->irq[vector], ticks);
}

/* ---- names ---- */

static const struct {
    const char *name;
    enum spend run;
} states[] = {{"ready", SPEND_READY},
              {"preempted", SPEND_READY},
              {"yielded", SPEND_READY},
              {"dead", SPEND_UNKNOWN}};

void report_bind_time(struct report *report)
{
    const struct schema *schema = &report->session->schema;
    struct report_ids *ids = &report->ids;
    ids->switch_state = schema_field_ref(schema, "sched.thread.switch", "state");
    ids->switch_reason = schema_field_ref(schema, "sched.thread.switch", "reason");
    ids->switch_prev = schema_field_ref(schema, "sched.thread.switch", "prev");
    ids->switch_next = schema_field_ref(schema, "sched.thread.switch", "next");
    ids->wake_thread = schema_field_ref(schema, "sched.thread.wake", "thread");
    ids->irq_enter_vector = schema_field_ref(schema, "irq.enter", "vector");
    ids->irq_exit_vector = schema_field_ref(schema, "irq.exit", "vector");
    ids->syscall_number = schema_field_ref(schema, "syscall.enter", "number");
    ids->syscall_status = schema_field_ref(schema, "syscall.exit", "status");
    ids->fault_address = schema_field_ref(schema, "fault.enter", "address");
    ids->fault_ip = schema_field_ref(schema, "fault.enter", "ip");
    ids->fault_outcome = schema_field_ref(schema, "fault.exit", "outcome");
    ids->reason_handoff = schema_enum_value(schema, "sched.thread.switch", "reason", "handoff");
    find_row(report, "(others)"); /* the first: unknown threads, and names beyond the table's end */
    memset(ids->run_of_state, SPEND_BLOCKED, sizeof(ids->run_of_state));
    for (unsigned i = 0; i < ARRAY_COUNT(states); i++) {
        unsigned value = schema_enum_value(schema, "sched.thread.switch", "state", states[i].name);
        if (value < ARRAY_COUNT(ids->run_of_state)) {
            ids->run_of_state[value] = (uint8_t)states[i].run;
        }
    }
    report_handle(report, "sched.thread.switch", on_switch);
    report_handle(report, "sched.thread.wake", on_wake);
    report_handle(report, "syscall.enter", on_syscall_enter);
    report_handle(report, "syscall.exit", on_syscall_exit);
    report_handle(report, "fault.enter", on_fault_enter);
    report_handle(report, "fault.exit", on_fault_exit);
    report_handle(report, "irq.enter", on_irq_enter);
    report_handle(report, "irq.exit", on_irq_exit);
}
