/* SPDX-License-Identifier: MIT */
/*
 * spoor-trace convert: the loop over the merged stream, and the window.
 *
 * Before the window begins events are followed in silence: who runs, what is open. At its beginning all that is shown as of
 * then, slices with truncated = true. Without --from the window begins where every core is recorded (session_span()), so a
 * flight recorder whose meta lane reaches back for hours, and each ring another while, gives a timeline of the seconds for
 * which it is complete.
 *
 * Slices still open at the end stay open: they did not end.
 */
#include "convert.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include "command.h"

#define FIRST_NS 1000u /* earliest time written: some room for what comes "1 ns before" */

static const char usage[] =
    "usage: spoor-trace convert [OPTIONS] INPUT OUTPUT\n\n"
    "Writes a Perfetto trace (open it at https://ui.perfetto.dev). Either may be \"-\".\n\n"
    "The timeline covers the time for which every core is recorded.\n\n"
    "  --all             from the first record of any core to the last; what the others lack is "
    "shown as LOST\n"
    "  --from S, --to S  only this part, in seconds since the start; what was open at its "
    "beginning is kept\n"
    "  --compress        through gzip; Perfetto opens it as it is\n"
    "  --symbols ELF     names for kernel addresses\n"
    "  --programs FOLDER names for addresses of processes: their ELF files, by name\n"
    "  --session N       of a file that holds several, counted from 0\n"
    "  --quiet           no summary\n";

static void tell_machine(struct convert *convert, uint64_t ns)
{
    const struct trace_region *region = &convert->session->region;
    char boot_id[24];
    char kernel_id[24];
    snprintf(boot_id, sizeof(boot_id), "%016" PRIx64, region->boot_id);
    snprintf(kernel_id, sizeof(kernel_id), "%016" PRIx64, region->kernel_id);
    const struct perfetto_attribute attributes[] = {
        {"spoor.version", region->version_text, 0},
        {"spoor.cmdline", region->cmdline, 0},
        {"spoor.boot_id", boot_id, 0},
        {"spoor.kernel_id", kernel_id, 0},
        {"spoor.cores", NULL, region->cpu_count},
        {"spoor.tsc_khz", NULL, (int64_t)region->tsc_khz},
        {"spoor.clock_tsc", NULL, (int64_t)region->clock_tsc},
        {"spoor.time_offset_ns", NULL, (int64_t)convert->offset_ns},
    };
    uint64_t unix_ns = 0;
    if (region->unix_ns != 0) {
        unix_ns = region->unix_ns + convert_ns(convert, convert->from_tsc) -
                  convert_ns(convert, region->unix_tsc);
    }
    perfetto_clock(&convert->perfetto, ns, unix_ns);
    perfetto_system(&convert->perfetto, region->version_text);
    perfetto_attributes(&convert->perfetto, attributes, ARRAY_COUNT(attributes));
}

/* The window begins. */
static void go_live(struct convert *convert)
{
    convert->is_live = true;
    convert->perfetto.silent = false;
    convert->is_unbroken = true;
    convert->complete_ns = convert->perfetto.last_ns;
    health_stats(convert, false);
    people_begin(convert);
    health_reopen(convert);
    recording_reopen(convert);
    calls_reopen(convert);
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        sched_resume_core(convert, cpu);
        kdebug_reopen(convert, cpu);
    }
    for (size_t i = 0; i < convert->registry.threads.slots; i++) {
        const struct thread *thread = convert->registry.threads.slot[i].value;
        struct person *person = thread != NULL ? thread->state : NULL;
        if (person != NULL && person->slices.depth != 0) {
            person_announce(convert, person, person->cpu);
            slices_reopen(convert, slices_of_person(convert, person, person->cpu));
        }
    }
}

static void take_hole(struct convert *convert, const struct step *step)
{
    if (step->lane_kind == TRACE_LANE_NORMAL) {
        sched_forget(convert, step->cpu);
        bundle_lost(&convert->perfetto, step->cpu);
    }
    if (step->lane_kind != TRACE_LANE_META) {
        kdebug_hole(convert, step->cpu);
    }
    health_hole(convert, step);
}

/* Something happens to a lane. */
static COLD void take_event_of_lane(struct convert *convert, const struct step *step)
{
    if (step->kind == STEP_HOLE) {
        take_hole(convert, step);
    } else if (step->kind == STEP_BEGIN) {
        health_resume(convert, step);
        if (step->lane_kind == TRACE_LANE_NORMAL) {
            sched_begin_core(convert, step);
        }
    }
    if (step->lane_kind == TRACE_LANE_NORMAL && step->kind != STEP_HOLE) {
        account_subbuf(convert, step);
    }
}

static void ignore(struct convert *convert, const struct step *step)
{
    (void)convert;
    (void)step;
}

static void count_outside(struct convert *convert, const struct step *step)
{
    bool is_meta = step->lane_kind == TRACE_LANE_META;
    convert->totals.left_out += !is_meta;
    convert->totals.for_names += is_meta;
}

/* Before the window: no time passes for Perfetto. */
static HOT const struct step *follow_in_silence(struct convert *convert)
{
    const struct step *step;
    while ((step = merge_next(&convert->merge)) != NULL && step->tsc < convert->from_tsc) {
        convert->now_tsc = step->tsc;
        if (step->kind == STEP_RECORD) {
            count_outside(convert, step);
            convert->handler[step->id](convert, step);
        } else {
            take_event_of_lane(convert, step);
        }
    }
    return step;
}

/* Returns the first step behind the window. */
static HOT const struct step *convert_steps(struct convert *convert, const struct step *step)
{
    while (LIKELY(step != NULL && step->tsc <= convert->to_tsc)) {
        convert->now_tsc = step->tsc;
        uint64_t ns = convert_ns(convert, step->tsc);
        if (LIKELY(step->kind == STEP_RECORD)) {
            perfetto_step(&convert->perfetto, ns);
            convert->totals.events++;
            account_record(convert, step);
            convert->handler[step->id](convert, step);
        } else {
            /* A core begins with two switches; the one to the thread that runs shall have the time itself. */
            bool begins = step->kind == STEP_BEGIN && !convert->core[step->cpu].shown;
            perfetto_step(&convert->perfetto, ns - begins);
            take_event_of_lane(convert, step);
        }
        step = merge_next(&convert->merge);
    }
    return step;
}

static void count_left_out(struct convert *convert, const struct step *step)
{
    for (; step != NULL; step = merge_next(&convert->merge)) {
        if (step->kind == STEP_RECORD) {
            count_outside(convert, step);
        }
    }
}

/* Times before the clock's zero exist: events of a boot before its clock was set up. They all move up together. */
static uint64_t find_offset(const struct session *session)
{
    int64_t least = INT64_MAX;
    for (unsigned i = 0; i < session->lane_count; i++) {
        if (session->lane[i].entries != 0) {
            least = MIN(least, clock_ns(&session->clock, session->lane[i].entry[0].tsc));
        }
    }
    return least < (int64_t)FIRST_NS ? FIRST_NS - (uint64_t)least : 0;
}

/* The tick at a time of the window. */
static uint64_t tsc_after(const struct session *session, uint64_t tsc, int64_t ns)
{
    uint64_t ticks = clock_ticks(&session->clock, (uint64_t)ns);
    return ticks > UINT64_MAX - tsc ? UINT64_MAX : tsc + ticks;
}

void convert_run(struct convert *convert, struct session *session,
                 const struct convert_window *window)
{
    struct span span = session_span(session);
    uint64_t start_tsc = window->all ? span.first_tsc : span.start_tsc;
    convert->session = session;
    convert->offset_ns = find_offset(session);
    convert->from_tsc = tsc_after(session, start_tsc, window->from_ns);
    uint64_t end_tsc = window->all ? UINT64_MAX : span.end_tsc;
    convert->to_tsc = MIN(tsc_after(session, start_tsc, window->to_ns), end_tsc);
    convert->perfetto.silent = true;
    registry_open(&convert->registry, session, sizeof(struct person));
    for (unsigned id = 0; id < SCHEMA_EVENTS_MAX; id++) {
        const struct schema_event *event = session->schema.event[id];
        bool is_told_elsewhere =
            event == NULL || event->meta || strcmp(event->category_name, "trace") == 0;
        convert->handler[id] = is_told_elsewhere ? ignore : on_generic;
    }
    convert->categories = ~0ull;
    convert_bind(convert);
    tell_machine(convert, convert_ns(convert, convert->from_tsc));
    track_describe_root(&convert->perfetto);
    convert->perfetto.last_ns = convert_ns(convert, convert->from_tsc) -
                                2; /* the first core's first switch is 1 ns early */
    merge_open(&convert->merge, session, NULL);
    const struct step *step = follow_in_silence(convert);
    go_live(convert);
    step = convert_steps(convert, step);
    if (window->to_ns == INT64_MAX) {
        count_left_out(convert, step);
    }
    slices_finish(convert);
    calls_finish(convert);
    user_finish(convert);
    id_map_free(&convert->probes);
    health_stats(convert, true);
    bundle_flush_all(&convert->perfetto);
    merge_close(&convert->merge);
}

void convert_free(struct convert *convert)
{
    perfetto_free(&convert->perfetto);
    registry_close(&convert->registry);
    id_map_free(&convert->calls);
    id_map_free(&convert->marks);
    id_map_free(&convert->function_tracks);
    id_map_free(&convert->levels);
    id_map_free(&convert->boxes);
    id_map_free(&convert->operations);
    arena_free(&convert->arena);
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        free(convert->core[cpu].gap_ns);
    }
    profile_free(convert);
}

static void print_summary(const struct convert *convert, const char *name)
{
    fprintf(stderr, "%s: %" PRIu64 " events, %" PRIu64 " packets, %" PRIu64 " bytes", name,
            convert->totals.events, convert->perfetto.packets, convert->perfetto.out.bytes);
    if (convert->totals.flows != 0) {
        fprintf(stderr, ", %" PRIu64 " of %" PRIu64 " calls with both ends",
                convert->totals.flows_whole, convert->totals.flows);
    }
    if (convert->totals.samples != 0) {
        fprintf(stderr, ", %" PRIu64 " samples of stacks", convert->totals.samples);
    }
    if (convert->totals.left_out != 0) {
        fprintf(stderr, ", %" PRIu64 " events left out (not all cores are recorded then)",
                convert->totals.left_out);
    }
    if (convert->totals.lost != 0) {
        fprintf(stderr, ", %" PRIu64 " events LOST", convert->totals.lost);
    }
    fputc('\n', stderr);
    print_findings(stderr, &convert->session->findings);
}

struct convert_options {
    const char *input;
    const char *output;
    const char *symbols;
    const char *programs;
    struct convert_window window;
    unsigned long session;
    bool compress;
    bool quiet;
};

static int run(struct convert *convert, const struct convert_options *options)
{
    struct capture_file file;
    if (capture_file_open(&file, options->input, (unsigned)options->session) != OK) {
        return EXIT_UNUSABLE;
    }
    int code = EXIT_UNUSABLE;
    perfetto_init(&convert->perfetto);
    convert->programs.folder = options->programs;
    if (symbols_load(&convert->symbols, &file.session, options->symbols) == OK &&
        out_open(&convert->perfetto.out, options->output, options->compress) == OK) {
        convert_run(convert, &file.session, &options->window);
        if (out_close(&convert->perfetto.out) == OK) {
            code = finding_total(&file.session.findings) != 0 ? EXIT_FINDINGS : EXIT_GOOD;
            if (!options->quiet) {
                print_summary(convert, convert->perfetto.out.name);
            }
        }
        convert_free(convert);
    }
    symbols_free(&convert->symbols);
    programs_free(&convert->programs);
    capture_file_close(&file);
    return code;
}

static bool read_options(int argc, char **argv, struct convert_options *options, bool *out_help)
{
    static const struct option table[] = {
        {"help", no_argument, NULL, 'h'},          {"from", required_argument, NULL, 'a'},
        {"to", required_argument, NULL, 'z'},      {"compress", no_argument, NULL, 'c'},
        {"symbols", required_argument, NULL, 'y'}, {"programs", required_argument, NULL, 'p'},
        {"session", required_argument, NULL, 's'}, {"quiet", no_argument, NULL, 'q'},
        {"all", no_argument, NULL, 'l'},           {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "hq", table, NULL)) != -1;) {
        bool good = true;
        switch (c) {
        case 'h':
            *out_help = true;
            return true;
        case 'a':
            good = option_seconds("--from", optarg, &options->window.from_ns);
            break;
        case 'z':
            good = option_seconds("--to", optarg, &options->window.to_ns);
            break;
        case 'l':
            options->window.all = true;
            break;
        case 'c':
            options->compress = true;
            break;
        case 'y':
            options->symbols = optarg;
            break;
        case 'p':
            options->programs = optarg;
            break;
        case 's':
            good = option_number("--session", optarg, &options->session);
            break;
        case 'q':
            options->quiet = true;
            break;
        default:
            good = false;
            break;
        }
        if (!good) {
            return false;
        }
    }
    if (optind + 2 != argc) {
        complain("convert: give one input and one output; try --help");
        return false;
    }
    options->input = argv[optind];
    options->output = argv[optind + 1];
    return true;
}

int command_convert(int argc, char **argv)
{
    struct convert_options options = {.window = {.to_ns = INT64_MAX}};
    bool help = false;
    if (!read_options(argc, argv, &options, &help)) {
        return EXIT_UNUSABLE;
    }
    if (help) {
        fputs(usage, stdout);
        return EXIT_GOOD;
    }
    if (options.window.to_ns < options.window.from_ns) {
        complain("convert: --to lies before --from");
        return EXIT_UNUSABLE;
    }
    struct convert *convert = xcalloc(1, sizeof(*convert));
    int code = run(convert, &options);
    free(convert);
    return code;
}
