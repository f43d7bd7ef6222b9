/* SPDX-License-Identifier: MIT */
/*
 * IPC. A call is a slice of the client ("call NAME", from ipc.call to ipc.return) and one of the server ("serve NAME", from
 * ipc.receive to ipc.reply). A flow joins them and has two ends: out of the call, through the serving, into the instant "reply"
 * inside the call. An end of the call's own slice would not do: a flow goes out of the slice that began first, so the
 * answer would be a second arrow from call to serve.
 *
 * Flows are numbered here: a call id comes again when another thread takes over the slot of one that has ended.
 *
 * A flow must have both ends, so a slice takes part only if its partner is known to: the server's if the client's was
 * written, the reply if the server's was. A client slice that nobody served ends with served = false; one that its server did
 * not answer has "no reply" in place of the reply.
 *
 * A server thread may receive a second call before it has answered the first. Their slices would overlap, so the second goes
 * to a track of its own below the process; such tracks are reused, there are as many as calls were outstanding at once.
 */
#include <stdio.h>

#include "convert.h"
#include "perfetto_fields.h"

enum serve_place { SERVE_NOWHERE = 0, SERVE_ON_THREAD, SERVE_ON_TRACK };

struct async_track {
    uint64_t uuid;
    struct process *process; /* NULL: of a thread without a known process */
    struct async_track *next_free;
};

struct call {
    uint64_t id;
    uint64_t flow; /* of this call alone: ids may come again when a thread's slot is used again */
    struct person *client; /* NULL: ipc.call was not seen */
    struct person *server; /* NULL: nobody has received it */
    struct async_track *track;
    uint32_t serve_name;
    uint8_t place; /* enum serve_place */
    bool flow_begun;
    bool was_served;
    bool is_over; /* the client has returned */
    struct call *next_free;
};

static struct call *make_call(struct convert *convert, uint64_t id)
{
    struct call *call = convert->free_calls;
    if (call != NULL) {
        convert->free_calls = call->next_free;
        *call = (struct call){0};
    } else {
        call = arena_alloc(&convert->arena, sizeof(*call));
    }
    call->id = id;
    call->flow = ++convert->totals.calls;
    id_map_insert(&convert->calls, id, call);
    return call;
}

/* Forget a call that is over for both sides. */
static void drop_if_done(struct convert *convert, struct call *call)
{
    if (call->place == SERVE_NOWHERE && call->is_over) {
        id_map_remove(&convert->calls, call->id);
        call->next_free = convert->free_calls;
        convert->free_calls = call;
    }
}

#define BOXES_MAX 4096u /* mailboxes without a name; the rest share one */

static struct box_names *make_names(struct convert *convert, const char *name)
{
    struct box_names *names = arena_alloc(&convert->arena, sizeof(*names));
    char text[96];
    snprintf(text, sizeof(text), "call %s", name);
    names->call = track_name(&convert->perfetto, text);
    snprintf(text, sizeof(text), "serve %s", name);
    names->serve = track_name(&convert->perfetto, text);
    int bytes = snprintf(text, sizeof(text), "call, not yet received by %s", name);
    names->in_queue =
        bundle_reason(&convert->perfetto, arena_text(&convert->arena, text, (size_t)bytes));
    bytes = snprintf(text, sizeof(text), "reply of %s", name);
    names->in_reply =
        bundle_reason(&convert->perfetto, arena_text(&convert->arena, text, (size_t)bytes));
    return names;
}

static void write_box_name(const struct object *object, uint32_t mailbox, char *out, size_t bytes)
{
    if (object != NULL && object->name[0] != '\0') {
        snprintf(out, bytes, "%s", object->name);
    } else {
        snprintf(out, bytes, "mailbox %u", mailbox);
    }
}

/* The names of a mailbox; object and thread names are at most NAME_BYTES long. */
static const struct box_names *box_names_of(struct convert *convert, uint32_t mailbox)
{
    struct object *object = registry_object(&convert->registry, mailbox);
    struct box_names *names =
        object != NULL ? object->state : id_map_find(&convert->boxes, mailbox);
    if (LIKELY(names != NULL)) {
        return names;
    }
    char name[64] = "mailbox";
    bool is_one_of_many = object == NULL && convert->boxes.count >= BOXES_MAX;
    if (!is_one_of_many) {
        write_box_name(object, mailbox, name, sizeof(name));
    }
    names = make_names(convert, name);
    if (object != NULL) {
        object->state = names;
    } else if (!is_one_of_many) {
        id_map_insert(&convert->boxes, mailbox, names);
    }
    return names;
}

/* The names of calls with a label: "MAILBOX.find" if an interface defines it. */
static const struct box_names *names_of(struct convert *convert, uint32_t mailbox, uint64_t label)
{
    const char *operation = schema_operation_name(&convert->session->schema, label);
    uint64_t key = (uint64_t)mailbox << 32 | label;
    struct box_names *names = operation != NULL ? id_map_find(&convert->operations, key) : NULL;
    if (operation == NULL || (names == NULL && convert->operations.count >= BOXES_MAX)) {
        return box_names_of(convert, mailbox);
    }
    if (names == NULL) {
        const char *dot = strchr(operation, '.');
        char box[48];
        char name[80];
        write_box_name(registry_object(&convert->registry, mailbox), mailbox, box, sizeof(box));
        snprintf(name, sizeof(name), "%s.%.24s", box, dot != NULL ? dot + 1 : operation);
        names = make_names(convert, name);
        id_map_insert(&convert->operations, key, names);
    }
    return names;
}

/* ---- how many are open ---- */

#define SHOW_EVERY_NS 1000000u /* a value for every call would be more than all else */

static void show_open(struct convert *convert)
{
    struct perfetto *perfetto = &convert->perfetto;
    if (convert->calls_counter == 0) {
        convert->calls_counter = track_new(perfetto);
        track_describe_counter(perfetto, perfetto->last_ns, convert->calls_counter, 0,
                               "calls in flight", COUNTER_UNIT_COUNT, NULL);
    }
    convert->calls_shown_ns = perfetto->last_ns;
    track_counter(perfetto, convert_time(convert), convert->calls_counter,
                  (int64_t)convert->calls_open);
}

/* A new greatest number is always shown, any other once a millisecond. */
static void count_open(struct convert *convert, int change)
{
    convert->calls_open += (uint64_t)(int64_t)change;
    bool is_peak = convert->calls_open > convert->calls_peak;
    convert->calls_peak = MAX(convert->calls_peak, convert->calls_open);
    if (is_peak || convert->perfetto.last_ns - convert->calls_shown_ns >= SHOW_EVERY_NS) {
        show_open(convert);
    }
}

void calls_finish(struct convert *convert)
{
    if (convert->calls_counter != 0) {
        show_open(convert);
    }
}

static void put_flow(struct convert *convert, struct track_event *event, const struct call *call,
                     bool is_last)
{
    track_flow(event, call->flow, is_last);
    convert->totals.flows_whole += is_last && event->at != NULL;
}

/* ---- the client ---- */

void on_call(struct convert *convert, const struct step *step)
{
    const struct convert_ids *ids = &convert->ids;
    struct slice_stack *stack = slices_of_core(convert, step->cpu);
    if (stack == NULL) {
        return;
    }
    uint64_t id = field_get(&ids->call_call, step->record);
    uint32_t mailbox = (uint32_t)field_get(&ids->call_mailbox, step->record);
    struct call *call = id_map_find(&convert->calls, id);
    if (call != NULL && (call->client != NULL || call->place != SERVE_NOWHERE)) {
        convert->totals.orphans++; /* the id is taken: damage; the slice is shown without a flow */
        call = NULL;
    } else if (call == NULL) {
        call = make_call(convert, id);
    }
    uint64_t label = field_get(&ids->call_label, step->record);
    const struct box_names *names = names_of(convert, mailbox, label);
    struct slice slice = {
        .kind = SLICE_CALL, .category = CATEGORY_IPC, .call = id, .name = names->call};
    struct track_event event = slice_push(convert, stack, slice);
    track_arg_pointer(&event, ARG_CALL, id);
    track_arg_pointer(&event, ARG_LABEL, label);
    if (call != NULL) {
        call->client = convert->core[step->cpu].current;
        call->flow_begun = event.at != NULL;
        convert->totals.flows += call->flow_begun;
        put_flow(convert, &event, call, false);
        track_correlation(&event, call->flow);
    }
    track_commit(&event);
    convert->core[step->cpu].current->calls = names;
    if (call != NULL) {
        count_open(convert, 1);
    }
}

/* The flow of a call that was served ends where its client goes on. */
static void show_reply(struct convert *convert, uint64_t track, const struct call *call,
                       int64_t status)
{
    const char *name = status < 0 ? "no reply" : "reply";
    struct track_event event = track_instant(&convert->perfetto, convert_time(convert), track,
                                             track_name(&convert->perfetto, name), CATEGORY_IPC);
    put_flow(convert, &event, call, true);
    track_correlation(&event, call->flow);
    track_commit(&event);
}

void on_return(struct convert *convert, const struct step *step)
{
    const struct convert_ids *ids = &convert->ids;
    uint64_t id = field_get(&ids->return_call, step->record);
    int64_t status = field_get_signed(&ids->return_status, step->record);
    struct call *call = id_map_find(&convert->calls, id);
    struct slice_stack *stack = slices_of_core(convert, step->cpu);
    int index = stack != NULL ? slice_find(stack, SLICE_CALL, id) : -1;
    if (UNLIKELY(index < 0 && stack != NULL && call == NULL)) {
        struct slice unknown = {.kind = SLICE_CALL,
                                .category = CATEGORY_IPC,
                                .call = id,
                                .name = track_name(&convert->perfetto, "call")};
        index = slices_adopt(convert, step->cpu, stack, unknown);
    }
    if (index < 0) {
        convert->totals.orphans++;
    } else {
        bool has_flow = call != NULL && call->flow_begun && call->was_served;
        if (has_flow) {
            show_reply(convert, stack->uuid, call, status);
        }
        struct track_event event = slice_end(convert, stack, index);
        put_status(convert, &event, status);
        if (call != NULL && !has_flow) {
            track_arg_bool(&event, ARG_SERVED, call->was_served);
        }
        track_commit(&event);
        slice_remove(convert, stack, index, false);
    }
    if (stack != NULL) {
        convert->core[step->cpu].current->calls = NULL;
    }
    if (call != NULL) {
        bool was_counted = call->client != NULL && !call->is_over;
        call->is_over = true;
        drop_if_done(convert, call);
        if (was_counted) {
            count_open(convert, -1);
        }
    }
}

/* ---- the server ---- */

static struct async_track *make_track(struct convert *convert, struct process *process)
{
    struct async_track *track = arena_alloc(&convert->arena, sizeof(*track));
    track->uuid = track_new(&convert->perfetto);
    track->process = process;
    uint64_t parent = process != NULL ? process_track(convert, process) : 0;
    track_describe(&convert->perfetto, convert->perfetto.last_ns, track->uuid, parent,
                   "calls held");
    return track;
}

/* A free track of the server's process, or a new one. */
static struct async_track *take_track(struct convert *convert, const struct person *server)
{
    struct process *process = server->thread->process;
    for (struct async_track **at = &convert->free_tracks; *at != NULL; at = &(*at)->next_free) {
        struct async_track *track = *at;
        if (track->process == process) {
            *at = track->next_free;
            return track;
        }
    }
    return make_track(convert, process);
}

static void give_track(struct convert *convert, struct async_track *track)
{
    track->next_free = convert->free_tracks;
    convert->free_tracks = track;
}

void calls_reopen(struct convert *convert)
{
    for (size_t i = 0; i < convert->calls.slots; i++) {
        const struct call *call = convert->calls.slot[i].value;
        if (call == NULL || call->place != SERVE_ON_TRACK) {
            continue;
        }
        struct track_event event = track_begin(&convert->perfetto, convert_time(convert),
                                               call->track->uuid, call->serve_name, CATEGORY_IPC);
        track_arg_bool(&event, ARG_TRUNCATED, true);
        track_commit(&event);
    }
}

/* The serve slice ends: on the thread's own track what is above it goes on, on a track of its own there is nothing else. */
static void end_serving(struct convert *convert, struct call *call)
{
    if (call->place == SERVE_ON_TRACK) {
        struct track_event event =
            track_end(&convert->perfetto, convert_time(convert), call->track->uuid);
        track_commit(&event);
        give_track(convert, call->track);
    } else if (call->place == SERVE_ON_THREAD) {
        int index = slice_find(&call->server->slices, SLICE_SERVE, call->id);
        if (index >= 0) {
            struct track_event event = slice_end(convert, &call->server->slices, index);
            track_commit(&event);
            slice_remove(convert, &call->server->slices, index, true);
        }
    }
    call->place = SERVE_NOWHERE;
    drop_if_done(convert, call);
}

/* A serve slice whose client has given up, and which was never answered, ends when its server goes on to the next call. */
static void end_abandoned(struct convert *convert, struct slice_stack *stack)
{
    int index = slice_find(stack, SLICE_SERVE, NO_CALL);
    if (index < 0) {
        return;
    }
    struct call *call = id_map_find(&convert->calls, stack->slice[index].call);
    if (call == NULL) {
        struct track_event event = slice_end(convert, stack, index);
        track_commit(&event);
        slice_remove(convert, stack, index, true);
    } else if (call->is_over) {
        end_serving(convert, call);
    }
}

static void put_serve(struct convert *convert, struct track_event *event, const struct step *step,
                      const struct call *call)
{
    const struct convert_ids *ids = &convert->ids;
    track_arg_pointer(event, ARG_CALL, call->id);
    track_arg_pointer(event, ARG_LABEL, field_get(&ids->receive_label, step->record));
    track_arg_uint(event, ARG_BADGE, field_get(&ids->receive_badge, step->record));
    if (call->client != NULL) {
        track_arg_text(event, ARG_CLIENT, call->client->thread->name);
    }
    if (call->flow_begun) {
        put_flow(convert, event, call, false);
    }
    track_correlation(event, call->flow);
    track_commit(event);
}

void on_receive(struct convert *convert, const struct step *step)
{
    const struct convert_ids *ids = &convert->ids;
    struct slice_stack *stack = slices_of_core(convert, step->cpu);
    if (stack == NULL) {
        return;
    }
    uint64_t id = field_get(&ids->receive_call, step->record);
    struct call *call = id_map_find(&convert->calls, id);
    if (call == NULL) {
        call = make_call(convert, id);
    }
    if (call->place != SERVE_NOWHERE) {
        convert->totals.orphans++; /* received twice: damage */
        return;
    }
    end_abandoned(convert, stack);
    call->serve_name = names_of(convert, (uint32_t)field_get(&ids->receive_mailbox, step->record),
                                field_get(&ids->receive_label, step->record))
                           ->serve;
    call->server = convert->core[step->cpu].current;
    call->was_served = true;
    struct track_event event;
    if (slice_find(stack, SLICE_SERVE, NO_CALL) < 0 && call->server->thread->tid != 0 &&
        stack->depth < SLICE_DEPTH) {
        struct slice slice = {
            .kind = SLICE_SERVE, .category = CATEGORY_IPC, .call = id, .name = call->serve_name};
        call->place = SERVE_ON_THREAD;
        event = slice_insert(convert, stack, slice);
        put_serve(convert, &event, step, call);
        slices_reopen_above(convert, stack, slice_find(stack, SLICE_SERVE, id));
    } else {
        call->place = SERVE_ON_TRACK;
        call->track = take_track(convert, call->server);
        event = track_begin(&convert->perfetto, convert_time(convert), call->track->uuid,
                            call->serve_name, CATEGORY_IPC);
        put_serve(convert, &event, step, call);
    }
}

void on_reply(struct convert *convert, const struct step *step)
{
    struct call *call =
        id_map_find(&convert->calls, field_get(&convert->ids.reply_call, step->record));
    if (call == NULL || call->place == SERVE_NOWHERE) {
        convert->totals.orphans++;
        return;
    }
    if (call->place == SERVE_ON_THREAD) {
        slices_of_person(convert, call->server, step->cpu); /* forgets it if it is stale */
    }
    if (call->client == NULL) {
        call->is_over = true; /* its client is not in the capture: nothing more will come */
    }
    end_serving(convert, call);
}

void on_copy(struct convert *convert, const struct step *step)
{
    const struct convert_ids *ids = &convert->ids;
    struct slice_stack *stack = slices_of_core(convert, step->cpu);
    if (stack == NULL) {
        return;
    }
    struct track_event event = track_instant(&convert->perfetto, convert_time(convert), stack->uuid,
                                             track_name(&convert->perfetto, "copy"), CATEGORY_IPC);
    track_arg_uint(&event, ARG_BYTES, field_get(&ids->copy_bytes, step->record));
    track_arg_uint(&event, ARG_FROM, field_get(&ids->copy_from, step->record));
    track_arg_uint(&event, ARG_TO, field_get(&ids->copy_to, step->record));
    track_arg_bool(&event, ARG_REPLY, field_get(&ids->copy_reply, step->record) != 0);
    put_status(convert, &event, field_get_signed(&ids->copy_status, step->record));
    track_commit(&event);
}
