/* SPDX-License-Identifier: MIT */
/* spoor-trace ipc: how long calls take, per mailbox. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include "command.h"
#include "histogram.h"
#include "json.h"
#include "merge.h"

static const char usage[] =
    "usage: spoor-trace ipc [OPTIONS] INPUT\n\n"
    "Round trips per mailbox, from ipc.call to ipc.return on the client's side, in nanoseconds of "
    "the machine's clock,\n"
    "and how long the server worked on each, from ipc.receive to ipc.reply. Calls that failed or "
    "are not whole in the\n"
    "capture are counted, not timed. Percentiles are exact within 0.8 %.\n\n"
    "  --json       for programs\n"
    "  --session N  of a file that holds several, counted from 0\n";

struct mailbox {
    uint32_t id;
    const char *name;
    uint64_t failed;
    uint64_t bytes; /* copied, both ways */
    struct histogram trip;
    struct histogram serve;
};

struct call {
    uint64_t call_tsc;
    uint64_t receive_tsc;
    uint64_t reply_tsc;
    uint32_t mailbox;
    uint32_t stages; /* bits: 1 called, 2 received, 4 replied */
    uint64_t bytes;
    struct call *next_free;
};

enum { STAGE_CALL = 1, STAGE_RECEIVE = 2, STAGE_REPLY = 4, STAGES_ALL = 7 };

struct ipc {
    struct capture_file file;
    struct registry registry;
    struct id_map calls;
    struct id_map mailboxes;
    struct mailbox **list; /* in order of appearance */
    size_t mailbox_count;
    size_t capacity;
    struct mailbox all;
    struct arena arena;
    struct call *free_calls;
    uint64_t incomplete;
};

static struct mailbox *find_mailbox(struct ipc *ipc, uint32_t id)
{
    struct mailbox *mailbox = id_map_find(&ipc->mailboxes, id);
    if (mailbox == NULL) {
        const struct object *object = registry_object(&ipc->registry, id);
        mailbox = xcalloc(1, sizeof(*mailbox));
        mailbox->id = id;
        mailbox->name = object != NULL ? object->name : "";
        id_map_insert(&ipc->mailboxes, id, mailbox);
        ipc->list =
            array_grow(ipc->list, ipc->mailbox_count, &ipc->capacity, sizeof(struct mailbox *));
        ipc->list[ipc->mailbox_count++] = mailbox;
    }
    return mailbox;
}

static struct call *make_call(struct ipc *ipc, uint64_t id)
{
    struct call *call = id_map_find(&ipc->calls, id);
    if (call == NULL) {
        call = ipc->free_calls;
        if (call != NULL) {
            ipc->free_calls = call->next_free;
        } else {
            call = arena_alloc(&ipc->arena, sizeof(*call));
        }
        id_map_insert(&ipc->calls, id, call);
    } else {
        ipc->incomplete++;
    }
    *call = (struct call){0};
    return call;
}

static void finish_call(struct ipc *ipc, uint64_t id, uint64_t tsc, int64_t status)
{
    struct call *call = id_map_remove(&ipc->calls, id);
    if (call == NULL) {
        ipc->incomplete++;
        return;
    }
    const struct clock *clock = &ipc->file.session.clock;
    struct mailbox *mailbox = find_mailbox(ipc, call->mailbox);
    struct mailbox *both[] = {mailbox, &ipc->all};
    for (unsigned i = 0; i < ARRAY_COUNT(both); i++) {
        both[i]->bytes += call->bytes;
        if (status != 0) {
            both[i]->failed++;
        } else if (call->stages == STAGES_ALL) {
            histogram_add(&both[i]->trip, clock_delta_ns(clock, tsc - call->call_tsc));
            histogram_add(&both[i]->serve,
                          clock_delta_ns(clock, call->reply_tsc - call->receive_tsc));
        }
    }
    ipc->incomplete += status == 0 && call->stages != STAGES_ALL;
    call->next_free = ipc->free_calls;
    ipc->free_calls = call;
}

struct ipc_ids {
    unsigned call;
    unsigned receive;
    unsigned reply;
    unsigned ret;
    unsigned copy;
    struct field_ref call_call;
    struct field_ref call_mailbox;
    struct field_ref receive_call;
    struct field_ref reply_call;
    struct field_ref return_call;
    struct field_ref return_status;
    struct field_ref copy_call;
    struct field_ref copy_bytes;
};

static void bind_ipc(struct ipc_ids *ids, const struct schema *schema)
{
    *ids = (struct ipc_ids){
        .call = schema_event_id(schema, "ipc.call"),
        .receive = schema_event_id(schema, "ipc.receive"),
        .reply = schema_event_id(schema, "ipc.reply"),
        .ret = schema_event_id(schema, "ipc.return"),
        .copy = schema_event_id(schema, "ipc.copy"),
        .call_call = schema_field_ref(schema, "ipc.call", "call"),
        .call_mailbox = schema_field_ref(schema, "ipc.call", "mailbox"),
        .receive_call = schema_field_ref(schema, "ipc.receive", "call"),
        .reply_call = schema_field_ref(schema, "ipc.reply", "call"),
        .return_call = schema_field_ref(schema, "ipc.return", "call"),
        .return_status = schema_field_ref(schema, "ipc.return", "status"),
        .copy_call = schema_field_ref(schema, "ipc.copy", "call"),
        .copy_bytes = schema_field_ref(schema, "ipc.copy", "bytes"),
    };
}

static void take_record(struct ipc *ipc, const struct ipc_ids *ids, const struct step *step)
{
    struct call *call;
    if (step->id == ids->call) {
        call = make_call(ipc, field_get(&ids->call_call, step->record));
        call->call_tsc = step->tsc;
        call->mailbox = (uint32_t)field_get(&ids->call_mailbox, step->record);
        call->stages = STAGE_CALL;
    } else if (step->id == ids->receive) {
        call = id_map_find(&ipc->calls, field_get(&ids->receive_call, step->record));
        if (call != NULL) {
            call->receive_tsc = step->tsc;
            call->stages |= STAGE_RECEIVE;
        }
    } else if (step->id == ids->reply) {
        call = id_map_find(&ipc->calls, field_get(&ids->reply_call, step->record));
        if (call != NULL && call->stages & STAGE_RECEIVE) {
            call->reply_tsc = step->tsc;
            call->stages |= STAGE_REPLY;
        }
    } else if (step->id == ids->copy) {
        call = id_map_find(&ipc->calls, field_get(&ids->copy_call, step->record));
        if (call != NULL) {
            call->bytes += field_get(&ids->copy_bytes, step->record);
        }
    } else if (step->id == ids->ret) {
        finish_call(ipc, field_get(&ids->return_call, step->record), step->tsc,
                    field_get_signed(&ids->return_status, step->record));
    }
}

static void measure(struct ipc *ipc)
{
    struct ipc_ids ids;
    bind_ipc(&ids, &ipc->file.session.schema);
    struct merge *merge = xmalloc(sizeof(*merge));
    merge_open(merge, &ipc->file.session, NULL);
    for (const struct step *step; (step = merge_next(merge)) != NULL;) {
        if (step->kind == STEP_RECORD) {
            take_record(ipc, &ids, step);
        }
    }
    merge_close(merge);
    free(merge);
    ipc->incomplete += ipc->calls.count;
}

static void print_row(const char *name, const struct mailbox *mailbox)
{
    const struct histogram *trip = &mailbox->trip;
    printf("%-24s%10" PRIu64 "%10" PRIu64 "%12" PRIu64 "%12" PRIu64 "%12" PRIu64 "%12" PRIu64
           "%14" PRIu64 "\n",
           name, trip->count, mailbox->failed, histogram_percentile(trip, 500),
           histogram_percentile(trip, 990), trip->max, histogram_percentile(&mailbox->serve, 500),
           mailbox->bytes);
}

static void print_table(const struct ipc *ipc)
{
    printf("%-24s%10s%10s%12s%12s%12s%12s%14s\n", "mailbox", "trips", "failed", "median ns",
           "p99 ns", "max ns", "serve ns", "bytes copied");
    for (size_t i = 0; i < ipc->mailbox_count; i++) {
        char name[64];
        const struct mailbox *mailbox = ipc->list[i];
        snprintf(name, sizeof(name), "%u %s", mailbox->id, mailbox->name);
        print_row(name, mailbox);
    }
    print_row("all", &ipc->all);
    if (ipc->incomplete != 0) {
        printf("%" PRIu64 " calls are not whole in this capture\n", ipc->incomplete);
    }
}

static void write_mailbox(struct json *json, const char *key, const struct mailbox *mailbox)
{
    const struct histogram *trip = &mailbox->trip;
    json_object(json, key);
    if (key == NULL) {
        json_number(json, "mailbox", mailbox->id);
        json_text(json, "name", mailbox->name);
    }
    json_number(json, "count", trip->count);
    json_number(json, "failed", mailbox->failed);
    json_number(json, "min_ns", trip->min);
    json_number(json, "median_ns", histogram_percentile(trip, 500));
    json_number(json, "p99_ns", histogram_percentile(trip, 990));
    json_number(json, "max_ns", trip->max);
    json_number(json, "mean_ns", trip->count != 0 ? trip->sum / trip->count : 0);
    json_number(json, "serve_median_ns", histogram_percentile(&mailbox->serve, 500));
    json_number(json, "bytes_copied", mailbox->bytes);
    json_end_object(json);
}

static void write_json(const struct ipc *ipc)
{
    struct json json = {.file = stdout};
    json_object(&json, NULL);
    json_text(&json, "file", ipc->file.input.name);
    json_array(&json, "mailboxes");
    for (size_t i = 0; i < ipc->mailbox_count; i++) {
        write_mailbox(&json, NULL, ipc->list[i]);
    }
    json_end_array(&json);
    write_mailbox(&json, "all", &ipc->all);
    json_number(&json, "incomplete", ipc->incomplete);
    json_end_object(&json);
}

static int run(const char *path, unsigned session, bool json)
{
    struct ipc *ipc = xcalloc(1, sizeof(*ipc));
    int code = EXIT_UNUSABLE;
    if (capture_file_open(&ipc->file, path, session) == OK) {
        registry_open(&ipc->registry, &ipc->file.session, 0);
        measure(ipc);
        if (json) {
            write_json(ipc);
        } else {
            print_table(ipc);
        }
        code = finding_total(&ipc->file.session.findings) != 0 ? EXIT_FINDINGS : EXIT_GOOD;
        registry_close(&ipc->registry);
        capture_file_close(&ipc->file);
    }
    for (size_t i = 0; i < ipc->mailbox_count; i++) {
        free(ipc->list[i]);
    }
    free(ipc->list);
    id_map_free(&ipc->calls);
    id_map_free(&ipc->mailboxes);
    arena_free(&ipc->arena);
    free(ipc);
    return code;
}

int command_ipc(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"session", required_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    bool json = false;
    unsigned long session = 0;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (c) {
        case 'h':
            fputs(usage, stdout);
            return EXIT_GOOD;
        case 'j':
            json = true;
            break;
        case 's':
            if (!option_number("--session", optarg, &session)) {
                return EXIT_UNUSABLE;
            }
            break;
        default:
            return EXIT_UNUSABLE;
        }
    }
    if (optind + 1 != argc) {
        complain("ipc: give one input; try --help");
        return EXIT_UNUSABLE;
    }
    return run(argv[optind], (unsigned)session, json);
}
