/* SPDX-License-Identifier: MIT */
/* spoor-trace dump: every event as a line. */
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "command.h"
#include "merge.h"
#include "text.h"

#define NO_THREAD     UINT32_MAX
#define FILTERS_MAX   32
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
    "                   events and categories, cores, threads: one of each kind that is given must "
    "match\n"
    "  --from S, --to S only this part, in seconds since the start\n"
    "  --limit N        stop after N lines\n"
    "  --symbols ELF    names for kernel addresses\n"
    "  --session N      of a file that holds several, counted from 0\n";

struct filter {
    const char *events[FILTERS_MAX];
    const char *threads[FILTERS_MAX];
    unsigned event_count;
    unsigned thread_count;
    uint64_t cpus;      /* mask; 0: any */
    bool *event_passes; /* by id */
};

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
};

static bool add_filter(struct filter *filter, char *list)
{
    char *place = NULL;
    for (char *word = strtok_r(list, ",", &place); word != NULL;
         word = strtok_r(NULL, ",", &place)) {
        unsigned long cpu;
        if (filter->event_count == FILTERS_MAX || filter->thread_count == FILTERS_MAX) {
            complain("--filter: more than %d of a kind", FILTERS_MAX);
            return false;
        }
        if (strncmp(word, "thread=", 7) == 0) {
            filter->threads[filter->thread_count++] = word + 7;
        } else if (strncmp(word, "cpu=", 4) == 0) {
            if (!option_number("--filter cpu", word + 4, &cpu)) {
                return false;
            }
            if (cpu >= CPU_MAX) {
                complain("--filter: there is no core %lu", cpu);
                return false;
            }
            filter->cpus |= 1ull << cpu;
        } else {
            filter->events[filter->event_count++] = word;
        }
    }
    return true;
}

static bool name_matches(const struct schema_event *event, const char *word)
{
    size_t bytes = strlen(word);
    bool is_prefix = bytes != 0 && word[bytes - 1] == '.';
    return strcmp(event->category_name, word) == 0 || strcmp(event->name, word) == 0 ||
           (is_prefix && strncmp(event->name, word, bytes) == 0);
}

/* Which event ids pass. A word that matches nothing is a mistake worth telling. */
static bool settle_filter(struct filter *filter, const struct schema *schema)
{
    filter->event_passes = xcalloc(SCHEMA_EVENTS_MAX, sizeof(bool));
    for (unsigned i = 0; i < filter->event_count; i++) {
        bool any = false;
        for (unsigned id = 0; id < SCHEMA_EVENTS_MAX; id++) {
            if (schema->event[id] != NULL && name_matches(schema->event[id], filter->events[i])) {
                filter->event_passes[id] = true;
                any = true;
            }
        }
        if (!any) {
            complain("--filter: no category or event is named \"%s\"", filter->events[i]);
            return false;
        }
    }
    return true;
}

static bool thread_matches(struct dump *dump, uint64_t tid, const char *word)
{
    char *end;
    unsigned long number = strtoul(word, &end, 10);
    if (end != word && *end == '\0') {
        return number == tid;
    }
    const struct thread *thread = id_map_find(&dump->registry.threads, tid);
    return thread != NULL && strcmp(thread->name, word) == 0;
}

static bool any_thread_matches(struct dump *dump, const struct step *step)
{
    const struct schema_event *event = dump->file.session.schema.event[step->id];
    for (unsigned i = 0; i < dump->filter.thread_count; i++) {
        const char *word = dump->filter.threads[i];
        bool is_core_lane = step->lane_kind != TRACE_LANE_META;
        if (is_core_lane && thread_matches(dump, dump->current[step->cpu], word)) {
            return true;
        }
        for (unsigned k = 0; k < event->field_count; k++) {
            const struct schema_field *field = &event->field[k];
            if (field->kind == SCHEMA_TID &&
                thread_matches(dump, schema_value(field, step->record), word)) {
                return true;
            }
        }
    }
    return false;
}

static bool passes(struct dump *dump, const struct step *step)
{
    const struct filter *filter = &dump->filter;
    return (filter->event_count == 0 || filter->event_passes[step->id]) &&
           (filter->cpus == 0 ||
            (step->lane_kind != TRACE_LANE_META && filter->cpus >> step->cpu & 1)) &&
           (filter->thread_count == 0 || any_thread_matches(dump, step));
}

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
    dump->lines++;
}

static void print_hole(struct dump *dump, const struct step *step, int64_t ns)
{
    const struct lane_hole *hole = merge_hole(&dump->merge, step);
    char name[LANE_NAME_BYTES];
    print_time(ns);
    if (hole->is_end) {
        printf("  %s: the record ends here\n",
               session_lane_name(&dump->file.session, step->lane, name));
        dump->lines++;
        return;
    }
    printf("  %s: LOST %" PRIu64 " events in %" PRIu64 " ns (%s)\n",
           session_lane_name(&dump->file.session, step->lane, name), hole->events,
           clock_delta_ns(&dump->file.session.clock, hole->to_tsc - hole->from_tsc),
           hole_cause_name(hole->cause));
    dump->lines++;
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
            print_record(dump, step, ns);
        }
        if (is_normal && step->id == dump->switch_id) {
            dump->current[step->cpu] = (uint32_t)field_get(&dump->switch_next, step->record);
        }
        break;
    case STEP_HOLE:
        if (in_span) {
            print_hole(dump, step, ns);
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
        settle_filter(&dump->filter, &dump->file.session.schema)) {
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
    free(dump->filter.event_passes);
    capture_file_close(&dump->file);
    return code;
}

int command_dump(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},          {"filter", required_argument, NULL, 'f'},
        {"from", required_argument, NULL, 'a'},    {"to", required_argument, NULL, 'z'},
        {"limit", required_argument, NULL, 'n'},   {"symbols", required_argument, NULL, 'y'},
        {"session", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
    struct dump *dump = xcalloc(1, sizeof(*dump));
    unsigned long session = 0;
    unsigned long limit = ULONG_MAX;
    const char *symbols = NULL;
    dump->from_ns = INT64_MIN;
    dump->to_ns = INT64_MAX;
    int code = EXIT_UNUSABLE;
    bool good = true;
    for (int c; good && (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (c) {
        case 'h':
            fputs(usage, stdout);
            code = EXIT_GOOD;
            goto out;
        case 'f':
            good = add_filter(&dump->filter, optarg);
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
        case 's':
            good = option_number("--session", optarg, &session);
            break;
        default:
            good = false;
            break;
        }
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
