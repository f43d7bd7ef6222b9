/* SPDX-License-Identifier: MIT */
/*
 * Calls, and what they led to.
 *
 *     client   call ┌─────────────── trip ────────────────┐ return
 *     server        └ queue ┌──────── serve ────────┐ back ┘
 *                   receive   run  ready  call …    reply
 *
 * Serving is divided by what the server thread spent its time on (enum spend), the difference of its sums at reply and at
 * receive. What it spent on calls of its own is told by those calls: they hang below the one that was being served, and so
 * the chain of queues, running, waiting and page faults from the first call to its return is complete. That is its critical
 * path, for a call is synchronous: nobody else can have delayed it.
 *
 * Each operation (mailbox, label) keeps a copy of its slowest call's tree; all others are recycled. Trees are cut at
 * TREE_NODES_MAX and TREE_HEIGHT_MAX, and say so.
 *
 * A thread can have one call open. A second one without a return in between means that the first's was lost.
 */
#include <stdio.h>
#include <stdlib.h>

#include "report.h"

const struct process *report_server(const struct report *report, uint32_t mailbox,
                                    const struct process *seen)
{
    const struct object *object = id_map_find(&report->registry.objects, mailbox);
    return seen != NULL ? seen : object != NULL ? object->process : NULL;
}

/* ---- life of a call ---- */

static struct call *make_call(struct report *report)
{
    struct call *call = report->free_calls;
    if (call != NULL) {
        report->free_calls = call->sibling;
    } else {
        call = arena_alloc(&report->arena, sizeof(*call));
    }
    *call = (struct call){.serial = ++report->serials, .nodes = 1, .height = 1};
    return call;
}

/* A call and everything below it. The height is bounded. */
static void recycle(struct report *report, struct call *call)
{
    for (struct call *child = call->child; child != NULL;) {
        struct call *next = child->sibling;
        recycle(report, child);
        child = next;
    }
    call->sibling = report->free_calls;
    report->free_calls = call;
}

static struct call *copy_tree(struct report *report, const struct call *from)
{
    struct call *copy = make_call(report);
    *copy = *from;
    copy->child = copy->last_child = copy->sibling = NULL;
    for (const struct call *child = from->child; child != NULL; child = child->sibling) {
        struct call *twin = copy_tree(report, child);
        if (copy->last_child != NULL) {
            copy->last_child->sibling = twin;
        } else {
            copy->child = twin;
        }
        copy->last_child = twin;
    }
    return copy;
}

static struct call *find_call(const struct report *report, struct call_ref ref)
{
    struct call *call = ref.serial != 0 ? id_map_find(&report->calls, ref.id) : NULL;
    return call != NULL && call->serial == ref.serial ? call : NULL;
}

static struct call_ref ref_of(const struct call *call)
{
    return (struct call_ref){.id = call->id, .serial = call->serial};
}

static void drop_call(struct report *report, struct call *call)
{
    id_map_remove(&report->calls, call->id);
    recycle(report, call);
    report->calls_incomplete++;
}

/* Hang a call that is over below the one it was made for. False: there is none, or its tree is full. */
static bool attach(struct report *report, struct call *call)
{
    struct call *parent = find_call(report, call->parent);
    if (parent == NULL) {
        return false;
    }
    parent->not_kept += call->not_kept;
    if (parent->nodes + call->nodes > TREE_NODES_MAX || call->height >= TREE_HEIGHT_MAX) {
        parent->not_kept += call->nodes;
        return false;
    }
    if (parent->last_child != NULL) {
        parent->last_child->sibling = call;
    } else {
        parent->child = call;
    }
    parent->last_child = call;
    parent->nodes += call->nodes;
    parent->height = MAX(parent->height, call->height + 1);
    return true;
}

/* ---- operations ---- */

static struct operation *make_operation(struct report *report, const struct call *call)
{
    struct operation *operation = xcalloc(1, sizeof(*operation));
    operation->mailbox = call->mailbox;
    operation->label = call->label;
    report->operation = array_grow(report->operation, report->operation_count,
                                   &report->operation_capacity, sizeof(struct operation *));
    report->operation[report->operation_count++] = operation;
    return operation;
}

/* By names where there are any: ids differ from run to run, and a server that is started again has others. */
static uint64_t key_of(const struct report *report, const struct call *call)
{
    const struct object *object = id_map_find(&report->registry.objects, call->mailbox);
    const struct process *server = report_server(
        report, call->mailbox, call->server != NULL ? call->server->thread->process : NULL);
    char number[32];
    snprintf(number, sizeof(number), "%u", call->mailbox);
    bool is_named = object != NULL && object->name[0] != '\0';
    uint64_t hash = report_hash(0, server != NULL ? server->name : "");
    hash = report_hash(hash, is_named ? object->name : number);
    snprintf(number, sizeof(number), "%u", call->label);
    return report_hash(hash, number);
}

static struct operation *find_operation(struct report *report, const struct call *call)
{
    uint64_t key = key_of(report, call);
    struct operation *operation = id_map_find(&report->operations, key);
    if (operation == NULL && report->operation_count < OPERATIONS_MAX) {
        operation = make_operation(report, call);
        id_map_insert(&report->operations, key, operation);
    } else if (operation == NULL) {
        if (report->rest == NULL) {
            report->rest = make_operation(report, call);
            report->rest->is_rest = true;
        }
        operation = report->rest;
    }
    return operation;
}

static uint64_t trip_of(const struct call *call)
{
    return call->return_tsc - call->call_tsc;
}

/* What makes a call slow: a wait for a server that waits itself, until what is called for has happened, does not. */
static uint64_t slowness_of(const struct call *call)
{
    return trip_of(call) - call->idle_ticks;
}

static void add_times(struct report *report, struct operation *operation, const struct call *call)
{
    histogram_add(&report->trip, trip_of(call));
    histogram_add(&operation->trip, trip_of(call));
    histogram_add(&operation->queue, call->receive_tsc - call->call_tsc);
    histogram_add(&operation->serve, call->reply_tsc - call->receive_tsc);
    histogram_add(&operation->back, call->return_tsc - call->reply_tsc);
    for (unsigned i = 0; i < SPEND_KINDS; i++) {
        operation->spent[i] += call->spent[i];
    }
}

static void add_call(struct report *report, const struct call *call)
{
    struct operation *operation = find_operation(report, call);
    bool is_whole = call->reply_tsc != 0;
    if (call->server != NULL) {
        operation->server = call->server->thread->process;
    }
    operation->bytes += call->bytes;
    operation->faults += call->faults;
    operation->failed += call->status != 0;
    report->calls_failed += call->status != 0;
    if (!is_whole) {
        report->calls_incomplete += call->status == 0;
        return;
    }
    add_times(report, operation, call);
    if (operation->slowest == NULL || slowness_of(call) > slowness_of(operation->slowest)) {
        if (operation->slowest != NULL) {
            recycle(report, operation->slowest);
        }
        operation->slowest = copy_tree(report, call);
    }
}

/* ---- events ---- */

static struct worker *worker_of(struct report *report, const struct step *step)
{
    struct worker *worker = report->core[step->cpu].current;
    return worker != NULL && worker->thread->tid != 0 ? worker : NULL;
}

/*
 * Who will receive a call is not known when it is made: most likely who received the last one there, or the first thread of
 * the process whose mailbox it is. If so, it can be told what that thread did while the call waited.
 */
static void expect_server(struct report *report, struct call *call)
{
    const struct object *object = registry_object(&report->registry, call->mailbox);
    if (object == NULL) {
        return;
    }
    call->expected = object->state;
    if (call->expected == NULL && object->process != NULL &&
        object->process->first_thread != NULL) {
        call->expected = report_worker(report, object->process->first_thread->tid);
    }
    if (call->expected != NULL) {
        worker_account(call->expected, call->call_tsc);
        call->idle_ticks = call->expected->spent[SPEND_BLOCKED];
    }
}

static void meet_server(struct report *report, struct call *call, struct worker *worker)
{
    struct object *object = registry_object(&report->registry, call->mailbox);
    bool is_expected = call->expected == worker;
    call->idle_ticks = is_expected ? worker->spent[SPEND_BLOCKED] - call->idle_ticks : 0;
    if (object != NULL) {
        object->state = worker;
    }
}

static void on_call(struct report *report, const struct step *step)
{
    struct worker *worker = worker_of(report, step);
    if (worker == NULL) {
        return;
    }
    uint64_t id = field_get(&report->ids.call_call, step->record);
    struct call *stale[] = {find_call(report, worker->calling), id_map_find(&report->calls, id)};
    for (unsigned i = 0; i < ARRAY_COUNT(stale); i++) {
        if (stale[i] != NULL && (i == 0 || stale[i] != stale[0])) {
            drop_call(report, stale[i]);
        }
    }
    struct call *call = make_call(report);
    call->id = id;
    call->call_tsc = step->tsc;
    call->mailbox = (uint32_t)field_get(&report->ids.call_mailbox, step->record);
    call->label = (uint32_t)field_get(&report->ids.call_label, step->record);
    call->client = worker;
    call->parent = worker->serving;
    expect_server(report, call);
    id_map_insert(&report->calls, id, call);
    worker->calling = ref_of(call);
    worker->in_call = true;
    worker_update(worker, step->tsc);
}

static void on_receive(struct report *report, const struct step *step)
{
    struct worker *worker = worker_of(report, step);
    struct call *call =
        id_map_find(&report->calls, field_get(&report->ids.receive_call, step->record));
    if (worker == NULL || call == NULL || call->receive_tsc != 0) {
        return;
    }
    call->receive_tsc = step->tsc;
    call->server = worker;
    worker_account(worker, step->tsc);
    memcpy(call->spent, worker->spent, sizeof(call->spent));
    meet_server(report, call, worker);
    worker->serving = ref_of(call);
}

/* May come from another thread than the one that received it: then its sums are those of the receiver all the same. */
static void on_reply(struct report *report, const struct step *step)
{
    struct call *call =
        id_map_find(&report->calls, field_get(&report->ids.reply_call, step->record));
    if (call == NULL || call->server == NULL || call->reply_tsc != 0) {
        return;
    }
    struct worker *server = call->server;
    worker_account(server, step->tsc);
    worker_account(call->client, step->tsc);
    call->reply_tsc = step->tsc;
    call->back_ready = call->client->ready_ticks;
    for (unsigned i = 0; i < SPEND_KINDS; i++) {
        call->spent[i] = server->spent[i] - call->spent[i];
    }
    if (server->serving.serial == call->serial) {
        server->serving = (struct call_ref){0};
    }
}

static void on_return(struct report *report, const struct step *step)
{
    struct call *call =
        id_map_find(&report->calls, field_get(&report->ids.return_call, step->record));
    struct worker *worker = worker_of(report, step);
    if (worker != NULL && worker->in_call) {
        worker->in_call = false;
        worker_update(worker, step->tsc);
    }
    if (call == NULL) {
        report->calls_incomplete++;
        return;
    }
    worker_account(call->client, step->tsc);
    call->return_tsc = step->tsc;
    call->back_ready = call->client->ready_ticks - call->back_ready;
    call->status = field_get_signed(&report->ids.return_status, step->record);
    add_call(report, call);
    id_map_remove(&report->calls, call->id);
    bool is_kept = call->reply_tsc != 0 && attach(report, call);
    if (!is_kept) {
        recycle(report, call);
    }
}

static void on_copy(struct report *report, const struct step *step)
{
    struct call *call =
        id_map_find(&report->calls, field_get(&report->ids.copy_call, step->record));
    if (call != NULL) {
        call->bytes += field_get(&report->ids.copy_bytes, step->record);
    }
}

void report_call_fault(struct report *report, const struct worker *worker,
                       const struct fault *fault)
{
    struct call *call = find_call(report, worker->serving);
    if (call != NULL) {
        call->faults++;
        call->worst = fault->ticks > call->worst.ticks ? *fault : call->worst;
    }
}

void report_finish_calls(struct report *report)
{
    report->calls_incomplete += report->calls.count;
}

void report_bind_calls(struct report *report)
{
    const struct schema *schema = &report->session->schema;
    struct report_ids *ids = &report->ids;
    ids->call_call = schema_field_ref(schema, "ipc.call", "call");
    ids->call_mailbox = schema_field_ref(schema, "ipc.call", "mailbox");
    ids->call_label = schema_field_ref(schema, "ipc.call", "label");
    ids->receive_call = schema_field_ref(schema, "ipc.receive", "call");
    ids->reply_call = schema_field_ref(schema, "ipc.reply", "call");
    ids->return_call = schema_field_ref(schema, "ipc.return", "call");
    ids->return_status = schema_field_ref(schema, "ipc.return", "status");
    ids->copy_call = schema_field_ref(schema, "ipc.copy", "call");
    ids->copy_bytes = schema_field_ref(schema, "ipc.copy", "bytes");
    report_handle(report, "ipc.call", on_call);
    report_handle(report, "ipc.receive", on_receive);
    report_handle(report, "ipc.reply", on_reply);
    report_handle(report, "ipc.return", on_return);
    report_handle(report, "ipc.copy", on_copy);
}
