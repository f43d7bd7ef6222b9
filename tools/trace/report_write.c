/* SPDX-License-Identifier: MIT */
/*
 * The report as JSON. All times are nanoseconds and their names end in _ns. A distribution is
 *
 *     {"count", "total_ns", "min_ns", "median_ns", "p99_ns", "max_ns", "octaves": [[from, count], ...]}
 *
 * octaves: a histogram with a row for each power of two that has any, from (in ns) to twice that.
 */
#include <stdio.h>

#include "report.h"
#include "vector.h"

static const char *const spend_names[SPEND_KINDS] = {"unknown_ns", "run_ns",  "ready_ns",
                                                     "fault_ns",   "call_ns", "blocked_ns"};

static uint64_t to_ns(const struct report *report, uint64_t ticks)
{
    return clock_delta_ns(&report->session->clock, ticks);
}

static void write_octaves(struct json *json, const struct report *report,
                          const struct histogram *histogram, bool is_time)
{
    json_array(json, "octaves");
    for (unsigned octave = 0; octave < HISTOGRAM_OCTAVES; octave++) {
        uint64_t count = histogram_octave(histogram, octave);
        if (count != 0) {
            uint64_t from = octave == 0 ? 0 : 1ull << (octave - 1);
            json_array(json, NULL);
            json_number(json, NULL, is_time ? to_ns(report, from) : from);
            json_number(json, NULL, count);
            json_end_array(json);
        }
    }
    json_end_array(json);
}

/* is_time: values are ticks; else they are what they are, and names have no _ns. */
static void write_distribution(struct json *json, const struct report *report, const char *name,
                               const struct histogram *histogram, bool is_time)
{
    const struct {
        const char *time_name;
        const char *name;
        uint64_t value;
    } parts[] = {
        {"total_ns", "total", histogram->sum},
        {"min_ns", "min", histogram->min},
        {"median_ns", "median", histogram_percentile(histogram, 500)},
        {"p99_ns", "p99", histogram_percentile(histogram, 990)},
        {"max_ns", "max", histogram->max},
    };
    json_object(json, name);
    json_number(json, "count", histogram->count);
    for (unsigned i = 0; i < ARRAY_COUNT(parts); i++) {
        if (is_time) {
            json_number(json, parts[i].time_name, to_ns(report, parts[i].value));
        } else {
            json_number(json, parts[i].name, parts[i].value);
        }
    }
    write_octaves(json, report, histogram, is_time);
    json_end_object(json);
}

static const char *process_name(const struct process *process)
{
    return process != NULL ? process->name : "?";
}

/* ---- calls ---- */

static void write_spent(struct json *json, const struct report *report, const uint64_t *spent)
{
    json_object(json, "spent");
    for (unsigned i = 0; i < SPEND_KINDS; i++) {
        json_number(json, spend_names[i], to_ns(report, spent[i]));
    }
    json_end_object(json);
}

static void write_target(struct json *json, const struct report *report, uint32_t mailbox,
                         uint32_t label, const struct process *server)
{
    const struct object *object = id_map_find(&report->registry.objects, mailbox);
    json_text(json, "server", process_name(report_server(report, mailbox, server)));
    json_number(json, "mailbox", mailbox);
    json_text(json, "mailbox_name", object != NULL ? object->name : "");
    json_number(json, "label", label);
}

static void write_worst_fault(struct json *json, const struct report *report,
                              const struct call *call)
{
    const struct schema *schema = &report->session->schema;
    const struct fault *fault = &call->worst;
    const struct symbol *symbol = symbols_find(report->symbols, fault->ip);
    json_object(json, "worst_fault");
    json_hex(json, "address", fault->address);
    json_hex(json, "ip", fault->ip);
    json_text(json, "symbol", symbol != NULL ? symbol->name : "");
    json_text(json, "outcome", schema_enum_name(schema, "fault.exit", "outcome", fault->outcome));
    json_number(json, "time_ns", to_ns(report, fault->ticks));
    json_end_object(json);
}

/* A call with all that it led to. start_tsc: where the timeline of convert begins. */
static void write_call(struct json *json, const struct report *report, const char *name,
                       const struct call *call, uint64_t start_tsc)
{
    const struct clock *clock = &report->session->clock;
    const struct thread *server = call->server->thread;
    json_object(json, name);
    write_target(json, report, call->mailbox, call->label, server->process);
    json_text(json, "client", process_name(call->client->thread->process));
    json_text(json, "client_thread", call->client->thread->name);
    json_number(json, "client_tid", call->client->thread->tid);
    json_text(json, "server_thread", server->name);
    json_number(json, "server_tid", server->tid);
    json_signed(json, "start_ns", clock_ns(clock, call->call_tsc) - clock_ns(clock, start_tsc));
    json_number(json, "trip_ns", to_ns(report, call->return_tsc - call->call_tsc));
    json_number(json, "queue_ns", to_ns(report, call->receive_tsc - call->call_tsc));
    json_number(json, "queue_idle_ns", to_ns(report, call->idle_ticks));
    json_number(json, "serve_ns", to_ns(report, call->reply_tsc - call->receive_tsc));
    json_number(json, "back_ns", to_ns(report, call->return_tsc - call->reply_tsc));
    json_number(json, "back_ready_ns", to_ns(report, call->back_ready));
    json_signed(json, "status", call->status);
    write_spent(json, report, call->spent);
    json_number(json, "faults", call->faults);
    if (call->faults != 0) {
        write_worst_fault(json, report, call);
    }
    json_number(json, "calls_left_out", call->not_kept);
    json_array(json, "calls");
    for (const struct call *child = call->child; child != NULL; child = child->sibling) {
        write_call(json, report, NULL, child, start_tsc);
    }
    json_end_array(json);
    json_end_object(json);
}

static void write_operation(struct json *json, const struct report *report,
                            const struct operation *operation, uint64_t start_tsc)
{
    json_object(json, NULL);
    write_target(json, report, operation->mailbox, operation->label, operation->server);
    json_bool(json, "is_rest", operation->is_rest);
    json_number(json, "failed", operation->failed);
    json_number(json, "bytes", operation->bytes);
    json_number(json, "faults", operation->faults);
    write_distribution(json, report, "trip", &operation->trip, true);
    write_distribution(json, report, "queue", &operation->queue, true);
    write_distribution(json, report, "serve", &operation->serve, true);
    write_distribution(json, report, "back", &operation->back, true);
    write_spent(json, report, operation->spent);
    if (operation->slowest != NULL) {
        write_call(json, report, "slowest", operation->slowest, start_tsc);
    }
    json_end_object(json);
}

static void write_calls(struct json *json, const struct report *report, uint64_t start_tsc)
{
    json_object(json, "calls");
    json_number(json, "failed", report->calls_failed);
    json_number(json, "incomplete", report->calls_incomplete);
    write_distribution(json, report, "trip", &report->trip, true);
    json_array(json, "operations");
    for (size_t i = 0; i < report->operation_count; i++) {
        write_operation(json, report, report->operation[i], start_tsc);
    }
    json_end_array(json);
    json_end_object(json);
}

/* ---- time ---- */

static void write_cores(struct json *json, const struct report *report)
{
    json_array(json, "cores");
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        const struct core_report *core = &report->core[cpu];
        if (core->was_seen) {
            json_object(json, NULL);
            json_number(json, "cpu", cpu);
            json_number(json, "known_ns", to_ns(report, core->known_ticks));
            json_number(json, "idle_ns", to_ns(report, core->idle_ticks));
            json_number(json, "irq_ns", to_ns(report, core->irq_ticks));
            json_number(json, "events", core->events);
            json_number(json, "trace_instructions", core->trace_cost);
            json_number(json, "unread_max_bytes", core->unread_max * (uint64_t)TRACE_SUBBUF_BYTES);
            json_end_object(json);
        }
    }
    json_end_array(json);
}

static void write_outcomes(struct json *json, const struct report *report,
                           const struct process_report *row)
{
    json_object(json, "fault_outcomes");
    for (unsigned i = 0; i < SCHEMA_NAMES_MAX; i++) {
        if (row->outcome[i] != 0) {
            json_number(json,
                        schema_enum_name(&report->session->schema, "fault.exit", "outcome", i),
                        row->outcome[i]);
        }
    }
    json_end_object(json);
}

static void write_process(struct json *json, const struct report *report,
                          const struct process_report *row)
{
    uint64_t total = 0;
    json_object(json, NULL);
    json_text(json, "process", row->name);
    json_number(json, "processes", row->processes);
    json_array(json, "cpu_ns");
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        if (report->core[cpu].was_seen) {
            json_number(json, NULL, to_ns(report, row->cpu_ticks[cpu]));
            total += row->cpu_ticks[cpu];
        }
    }
    json_end_array(json);
    json_number(json, "cpu_total_ns", to_ns(report, total));
    json_number(json, "handoffs", row->handoffs);
    write_distribution(json, report, "wake", &row->wake, true);
    write_distribution(json, report, "fault", &row->fault, true);
    write_outcomes(json, report, row);
    json_end_object(json);
}

static void write_processes(struct json *json, const struct report *report)
{
    json_array(json, "processes");
    for (size_t i = 0; i < report->process_count; i++) {
        write_process(json, report, report->process[i]);
    }
    json_end_array(json);
    json_object(json, "wakeups");
    json_number(json, "handoffs", report->handoffs);
    write_distribution(json, report, "wake", &report->wake, true);
    json_end_object(json);
}

static void write_syscalls(struct json *json, const struct report *report)
{
    json_array(json, "syscalls");
    for (unsigned i = 0; i < SCHEMA_NAMES_MAX; i++) {
        const struct syscall_report *row = report->syscall[i];
        if (row == NULL) {
            continue;
        }
        char number[24];
        snprintf(number, sizeof(number), "syscall %u", i);
        const char *name = report->session->schema.syscall[i];
        json_object(json, NULL);
        json_text(json, "name", name != NULL ? name : number);
        json_number(json, "failed", row->failed);
        json_number(json, "cpu_ns", to_ns(report, row->cpu_ticks));
        write_distribution(json, report, "time", &row->time, true);
        json_end_object(json);
    }
    json_end_array(json);
}

static void write_interrupts(struct json *json, const struct report *report)
{
    json_array(json, "interrupts");
    for (unsigned vector = 0; vector < ARRAY_COUNT(report->irq); vector++) {
        if (report->irq[vector] != NULL) {
            char name[VECTOR_NAME_BYTES];
            json_object(json, NULL);
            json_text(json, "name", vector_name(vector, name));
            write_distribution(json, report, "time", report->irq[vector], true);
            json_end_object(json);
        }
    }
    json_end_array(json);
}

static void write_numbers(struct json *json, const struct report *report)
{
    json_array(json, "numbers");
    for (unsigned i = 0; i < report->number_count; i++) {
        const struct number_report *row = report->number[i];
        json_object(json, NULL);
        json_text(json, "event", row->event);
        json_text(json, "field", row->field != NULL ? row->field : "");
        json_text(json, "unit",
                  row->is_time || row->kind == SCHEMA_NS ? "ns"
                  : row->kind == SCHEMA_BYTES            ? "bytes"
                                                         : "");
        write_distribution(json, report, row->is_time ? "time" : "values", &row->values,
                           row->is_time);
        json_end_object(json);
    }
    json_end_array(json);
}

/* ---- the whole ---- */

static void write_loss(struct json *json, const struct report *report)
{
    uint64_t missing[HOLE_CAUSES] = {0};
    uint64_t dropped = 0;
    uint64_t holes = 0;
    for (unsigned i = 0; i < report->merge.lanes; i++) {
        const struct lane_totals *totals = &report->merge.lane[i].totals;
        holes += totals->holes;
        for (unsigned k = 0; k < HOLE_CAUSES; k++) {
            missing[k] += totals->missing[k];
        }
        for (unsigned k = 0; k < TRACE_LOST_CAUSES; k++) {
            dropped += totals->lost[k];
        }
    }
    json_object(json, "loss");
    json_number(json, "holes", holes);
    json_number(json, "not_written", dropped);
    for (unsigned k = 0; k < HOLE_CAUSES; k++) {
        json_number(json, hole_cause_name(k), missing[k]);
    }
    json_end_object(json);
}

void report_write(const struct report *report, const char *file_name, FILE *out)
{
    const struct session *session = report->session;
    struct span span = session_span(session);
    struct json json = {.file = out};
    json_object(&json, NULL);
    json_number(&json, "version", 1);
    json_text(&json, "file", file_name);
    json_text(&json, "kernel", session->region.version_text);
    json_text(&json, "cmdline", session->region.cmdline);
    json_number(&json, "tsc_khz", session->region.tsc_khz);
    json_number(&json, "duration_ns", to_ns(report, span.last_tsc - span.first_tsc));
    json_number(&json, "events", report->events);
    write_calls(&json, report, span.start_tsc);
    write_cores(&json, report);
    write_processes(&json, report);
    write_syscalls(&json, report);
    write_interrupts(&json, report);
    write_numbers(&json, report);
    write_loss(&json, report);
    json_end_object(&json);
}
