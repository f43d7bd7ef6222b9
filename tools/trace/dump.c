/* SPDX-License-Identifier: MIT */
/* spoor-trace dump: every event as a line. */
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "command.h"
#include "filter.h"
#include "json.h"
#include "text.h"

#define NO_THREAD     UINT32_MAX
#define NS_PER_SECOND 1000000000

static const char usage[] =
    "usage: spoor-trace dump [OPTIONS] INPUT\n\n"
    "Prints one line per event: seconds since the start, core, thread that ran there, event, "
    "fields.\n"
    "The start is the moment from which every core is recorded; what is older has negative times.\n"
    "Holes in the recording are lines of their own.\n\n"
    "  --filter WHAT    only events that match; may be repeated or be a list with commas:\n"
    "                     ipc                   a category\n"
    "                     sched.thread.switch   an event; \"sched.\" all that begin so\n"
    "                     cpu=2                 a core\n"
    "                     thread=12, thread=server   a thread that ran there or that the event "
    "names\n"
    "                     label=3, status!=OK, bytes>=4096   a field: = != < <= > >=\n"
    "                   events and categories, cores, threads: one of each kind that is given must "
    "match,\n"
    "                   and all conditions on fields\n"
    "                   without INPUT they are only tested, against the events of this version\n"
    "  --json           an object per line, for programs\n"
    "  --from S, --to S only this part, in seconds since the start\n"
    "  --limit N        stop after N lines\n"
    "  --symbols ELF    names for kernel addresses\n"
    "  --session N      of a file that holds several, counted from 0\n";

struct dump {
    struct capture_file file;
    struct registry registry;
    struct symbols symbols;
    struct text_context text;
    struct filter filter;
    struct merge merge;
    uint32_t current[CPU_MAX];
    unsigned switch_id;
    struct field_ref switch_next;
    int64_t start_ns;
    int64_t from_ns;
    int64_t to_ns;
    uint64_t lines;
    uint64_t limit;
    bool as_json;
};

static void print_time(int64_t ns)
{
    uint64_t magnitude = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    printf("%s%" PRIu64 ".%09" PRIu64, ns < 0 ? "-" : "", magnitude / NS_PER_SECOND,
           magnitude % NS_PER_SECOND);
}

static void print_place(struct dump *dump, const struct step *step)
{
    if (step->lane_kind == TRACE_LANE_META) {
        printf("  meta %-24s", "");
        return;
    }
    uint32_t tid = dump->current[step->cpu];
    if (tid == NO_THREAD) {
        printf("  cpu%-2u%c%-24s", (unsigned)step->cpu,
               step->lane_kind == TRACE_LANE_NMI ? '!' : ' ', "-");
        return;
    }
    char thread[64];
    snprintf(thread, sizeof(thread), "%u:%s", tid, registry_thread(&dump->registry, tid)->name);
    printf("  cpu%-2u%c%-24s", (unsigned)step->cpu, step->lane_kind == TRACE_LANE_NMI ? '!' : ' ',
           thread);
}

static void print_record(struct dump *dump, const struct step *step, int64_t ns)
{
    const struct schema_event *event = dump->file.session.schema.event[step->id];
    char fields[TEXT_RECORD_BYTES];
    text_record(&dump->text, event, step->record, fields, sizeof(fields));
    print_time(ns);
    print_place(dump, step);
    printf(" %s%s\n", event->name, fields);
}

static void print_hole(struct dump *dump, const struct step *step, int64_t ns)
{
    const struct lane_hole *hole = merge_hole(&dump->merge, step);
    char name[LANE_NAME_BYTES];
    print_time(ns);
    printf("  %s: ", session_lane_name(&dump->file.session, step->lane, name));
    if (hole->is_end) {
        puts("the record ends here");
        return;
    }
    printf("LOST %" PRIu64 " events in %" PRIu64 " ns (%s)\n", hole->events,
           clock_delta_ns(&dump->file.session.clock, hole->to_tsc - hole->from_tsc),
           hole_cause_name(hole->cause));
}

/* ---- for programs: times in nanoseconds since the start, fields by name ---- */

static void json_fields(struct json *json, struct dump *dump, const struct schema_event *event,
                        const uint64_t *record)
{
    json_object(json, "fields");
    for (unsigned i = 0; i < event->field_count; i++) {
        const struct schema_field *field = &event->field[i];
        char text[TEXT_RECORD_BYTES];
        if (field->bits == 0) {
            text_special(&dump->text, event, field, record, text, sizeof(text));
            json_text(json, field->name, text);
        } else if (field->kind == SCHEMA_STATUS) {
            json_signed(json, field->name, (int64_t)schema_value(field, record));
        } else if (field->kind == SCHEMA_ENUM) {
            text_value(&dump->text, field, schema_value(field, record), text, sizeof(text));
            json_text(json, field->name, text);
        } else {
            json_number(json, field->name, schema_value(field, record));
        }
    }
    json_end_object(json);
}

static void json_record(struct dump *dump, const struct step *step, int64_t ns)
{
    struct json json = {.file = stdout, .is_line = true};
    const struct schema_event *event = dump->file.session.schema.event[step->id];
    json_object(&json, NULL);
    json_signed(&json, "ns", ns);
    if (step->lane_kind != TRACE_LANE_META) {
        json_number(&json, "cpu", step->cpu);
        uint32_t tid = dump->current[step->cpu];
        if (tid != NO_THREAD) {
            json_number(&json, "tid", tid);
            json_text(&json, "thread", registry_thread(&dump->registry, tid)->name);
        }
    }
    json_text(&json, "event", event->name);
    json_fields(&json, dump, event, step->record);
    json_end_object(&json);
}

static void json_hole(struct dump *dump, const struct step *step, int64_t ns)
{
    struct json json = {.file = stdout, .is_line = true};
    const struct lane_hole *hole = merge_hole(&dump->merge, step);
    char name[LANE_NAME_BYTES];
    json_object(&json, NULL);
    json_signed(&json, "ns", ns);
    json_text(&json, "lane", session_lane_name(&dump->file.session, step->lane, name));
    if (hole->is_end) {
        json_bool(&json, "end", true);
    } else {
        json_number(&json, "lost", hole->events);
        json_number(&json, "duration",
                    clock_delta_ns(&dump->file.session.clock, hole->to_tsc - hole->from_tsc));
        json_text(&json, "cause", hole_cause_name(hole->cause));
    }
    json_end_object(&json);
}

static void show_record(struct dump *dump, const struct step *step, int64_t ns)
{
    (dump->as_json ? json_record : print_record)(dump, step, ns);
    dump->lines++;
}

static void show_hole(struct dump *dump, const struct step *step, int64_t ns)
{
    (dump->as_json ? json_hole : print_hole)(dump, step, ns);
    dump->lines++;
}

static bool passes(struct dump *dump, const struct step *step)
{
    uint32_t current = step->lane_kind == TRACE_LANE_META ? NO_THREAD : dump->current[step->cpu];
    return filter_passes(&dump->filter, &dump->file.session.schema, &dump->registry, step, current);
}

static void take_step(struct dump *dump, const struct step *step)
{
    int64_t ns = (int64_t)((uint64_t)clock_ns(&dump->file.session.clock, step->tsc) -
                           (uint64_t)dump->start_ns);
    bool in_span = ns >= dump->from_ns && ns <= dump->to_ns;
    bool is_normal = step->lane_kind == TRACE_LANE_NORMAL;
    switch (step->kind) {
    case STEP_RECORD:
        if (in_span && passes(dump, step)) {
            show_record(dump, step, ns);
        }
        if (is_normal && step->id == dump->switch_id) {
            dump->current[step->cpu] = (uint32_t)field_get(&dump->switch_next, step->record);
        }
        break;
    case STEP_HOLE:
        if (in_span) {
            show_hole(dump, step, ns);
        }
        break;
    default:
        if (is_normal) {
            dump->current[step->cpu] = step->current;
        }
        break;
    }
}

static void dump_steps(struct dump *dump)
{
    const struct schema *schema = &dump->file.session.schema;
    memset(dump->current, 0xff, sizeof(dump->current));
    dump->switch_id = schema_event_id(schema, "sched.thread.switch");
    dump->switch_next = schema_field_ref(schema, "sched.thread.switch", "next");
    dump->start_ns =
        clock_ns(&dump->file.session.clock, session_span(&dump->file.session).start_tsc);
    merge_open(&dump->merge, &dump->file.session, NULL);
    const struct step *step;
    while (dump->lines < dump->limit && (step = merge_next(&dump->merge)) != NULL &&
           !ferror(stdout)) {
        take_step(dump, step);
    }
    merge_close(&dump->merge);
}

static int run(struct dump *dump, const char *path, unsigned session, const char *symbols)
{
    if (capture_file_open(&dump->file, path, session) != OK) {
        return EXIT_UNUSABLE;
    }
    int code = EXIT_UNUSABLE;
    if (symbols_load(&dump->symbols, &dump->file.session, symbols) == OK &&
        filter_settle(&dump->filter, &dump->file.session.schema)) {
        registry_open(&dump->registry, &dump->file.session, 0);
        dump->text =
            (struct text_context){&dump->file.session.schema, &dump->registry, &dump->symbols};
        dump_steps(dump);
        registry_close(&dump->registry);
        bool damaged = finding_total(&dump->file.session.findings) != 0;
        if (damaged) {
            complain("%s: damaged in places; \"spoor-trace check\" tells where",
                     dump->file.input.name);
        }
        code = damaged ? EXIT_FINDINGS : EXIT_GOOD;
    }
    symbols_free(&dump->symbols);
    filter_free(&dump->filter);
    capture_file_close(&dump->file);
    return code;
}

/* Could it match an event of this version? For those who want to know before they record. */
static int test_filter(struct filter *filter)
{
    struct schema schema;
    schema_builtin(&schema);
    int code = filter_settle(filter, &schema) ? EXIT_GOOD : EXIT_UNUSABLE;
    filter_free(filter);
    schema_free(&schema);
    return code;
}

int command_dump(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"filter", required_argument, NULL, 'f'},
                                            {"from", required_argument, NULL, 'a'},
                                            {"to", required_argument, NULL, 'z'},
                                            {"limit", required_argument, NULL, 'n'},
                                            {"symbols", required_argument, NULL, 'y'},
                                            {"session", required_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    struct dump *dump = xcalloc(1, sizeof(*dump));
    unsigned long session = 0;
    unsigned long limit = ULONG_MAX;
    const char *symbols = NULL;
    dump->from_ns = INT64_MIN;
    dump->to_ns = INT64_MAX;
    int code = EXIT_UNUSABLE;
    bool good = true;
    bool has_filter = false;
    for (int c; good && (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (c) {
        case 'h':
            fputs(usage, stdout);
            code = EXIT_GOOD;
            goto out;
        case 'f':
            has_filter = true;
            good = filter_add(&dump->filter, optarg);
            break;
        case 'a':
            good = option_seconds("--from", optarg, &dump->from_ns);
            break;
        case 'z':
            good = option_seconds("--to", optarg, &dump->to_ns);
            break;
        case 'n':
            good = option_number("--limit", optarg, &limit);
            break;
        case 'y':
            symbols = optarg;
            break;
        case 'j':
            dump->as_json = true;
            break;
        case 's':
            good = option_number("--session", optarg, &session);
            break;
        default:
            good = false;
            break;
        }
    }
    if (good && optind == argc && has_filter) {
        code = test_filter(&dump->filter);
        goto out;
    }
    if (good && optind + 1 != argc) {
        complain("dump: give one input; try --help");
        good = false;
    }
    dump->limit = limit;
    if (good) {
        code = run(dump, argv[optind], (unsigned)session, symbols);
    }
out:
    free(dump);
    return code;
}
