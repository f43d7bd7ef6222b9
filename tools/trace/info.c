/* SPDX-License-Identifier: MIT */
/* spoor-trace info: what is in it. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include "command.h"
#include "json.h"

static const char usage[] = "usage: spoor-trace info [OPTIONS] INPUT\n\n"
                            "Tells what a capture or memory image holds: kernel, boot, cores, "
                            "clock, duration, events per kind and core,\n"
                            "losses by cause, blocks, holes.\n\n"
                            "  --json       for programs\n"
                            "  --session N  of a file that holds several, counted from 0\n";

/* Column of the meta lane in the table of counts; cores come before it. */
#define META_COLUMN   CPU_MAX
#define COLUMNS       (CPU_MAX + 1)
#define NS_PER_SECOND 1e9

static const char *const lost_names[TRACE_LOST_CAUSES] = {"full", "nested", "cause 2", "cause 3"};
static const char *const lost_keys[TRACE_LOST_CAUSES] = {"full", "nested", "cause2", "cause3"};
static const char *const hole_keys[HOLE_CAUSES] = {"overwritten", "damaged", "verdict", "unsent"};

struct info {
    struct capture_file file;
    struct span span;
    uint64_t count[SCHEMA_EVENTS_MAX][COLUMNS];
    uint64_t by_event[SCHEMA_EVENTS_MAX];
    uint64_t by_column[COLUMNS];
    struct lane_totals lane[TRACE_LANES_MAX];
    uint64_t records;
    uint64_t unknown;
    uint64_t bytes;
    uint64_t holes;
    uint64_t missing[HOLE_CAUSES];
    uint64_t lost[TRACE_LOST_CAUSES];
    uint64_t tail; /* emitted, as the last STATUS says, after the last record */
};

static void count_lane(struct info *info, unsigned index)
{
    struct lane lane;
    for (lane_open(&lane, &info->file.session, index, NULL); lane.step.kind != STEP_END;
         lane_advance(&lane)) {
        if (lane.step.kind == STEP_RECORD) {
            unsigned column = lane.step.lane_kind == TRACE_LANE_META ? META_COLUMN : lane.step.cpu;
            info->count[lane.step.id][column]++;
        }
    }
    info->lane[index] = lane.totals;
    lane_close(&lane);
}

static void add_lane(struct info *info, unsigned index)
{
    const struct session_lane *place = &info->file.session.lane[index];
    struct lane_totals *totals = &info->lane[index];
    if (place->has_last_status) {
        for (unsigned i = 0; i < TRACE_LOST_CAUSES; i++) {
            totals->lost[i] = MAX(totals->lost[i], place->last_status.lost[i]);
        }
        if (place->last_status.events > totals->next_event) {
            info->tail += place->last_status.events - totals->next_event;
        }
    }
    info->records += totals->records;
    info->unknown += totals->unknown;
    info->bytes += totals->bytes;
    info->holes += totals->holes;
    for (unsigned i = 0; i < HOLE_CAUSES; i++) {
        info->missing[i] += totals->missing[i];
    }
    for (unsigned i = 0; i < TRACE_LOST_CAUSES; i++) {
        info->lost[i] += totals->lost[i];
    }
}

static void count_all(struct info *info)
{
    for (unsigned i = 0; i < info->file.session.lane_count; i++) {
        count_lane(info, i);
        add_lane(info, i);
    }
    for (unsigned id = 0; id < SCHEMA_EVENTS_MAX; id++) {
        for (unsigned column = 0; column < COLUMNS; column++) {
            info->by_event[id] += info->count[id][column];
            info->by_column[column] += info->count[id][column];
        }
    }
    info->span = session_span(&info->file.session);
}

static uint64_t duration_ns(const struct info *info)
{
    const struct span *span = &info->span;
    return span->end_tsc > span->start_tsc
               ? clock_delta_ns(&info->file.session.clock, span->end_tsc - span->start_tsc)
               : 0;
}

static unsigned column_count(const struct info *info)
{
    return MIN(info->file.session.region.cpu_count, (unsigned)CPU_MAX);
}

static void print_head(const struct info *info)
{
    const struct session *session = &info->file.session;
    const struct trace_region *region = &session->region;
    printf("file        %s, %" PRIu64 " bytes, %s\n", info->file.input.name, info->file.input.bytes,
           session->is_image ? "memory image" : "capture");
    if (session->sessions > 1) {
        printf("session     %u of %u\n", session->number, session->sessions);
    }
    printf("kernel      %s (build id %016" PRIx64 ")\n", region->version_text, region->kernel_id);
    printf("cmdline     %s\n", region->cmdline);
    printf("boot id     %016" PRIx64 "\n", region->boot_id);
    printf("cores       %u\n", region->cpu_count);
    printf("clock       %" PRIu64 " kHz\n", region->tsc_khz);
    printf("duration    %.6f s\n", (double)duration_ns(info) / NS_PER_SECOND);
    printf("events      %" PRIu64 ", %" PRIu64 " bytes", info->records, info->bytes);
    if (info->records != 0) {
        printf(", %.1f bytes each", (double)info->bytes / (double)info->records);
    }
    printf("%s\n", info->unknown != 0 ? " (some cannot be decoded)" : "");
    if (!session->is_image) {
        printf("blocks      %" PRIu64 " intact, %" PRIu64 " missing, %" PRIu64
               " bytes that are none, %s\n",
               session->blocks, session->blocks_missing, session->bytes_skipped,
               session->has_end ? "ended in order" : "no end");
    }
}

static void print_losses(const struct info *info)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < HOLE_CAUSES; i++) {
        total += info->missing[i];
        if (info->missing[i] != 0) {
            printf("lost        %" PRIu64 " %s\n", info->missing[i], hole_cause_name(i));
        }
    }
    for (unsigned i = 0; i < TRACE_LOST_CAUSES; i++) {
        total += info->lost[i];
        if (info->lost[i] != 0) {
            printf("lost        %" PRIu64 " not written: %s\n", info->lost[i], lost_names[i]);
        }
    }
    if (total == 0) {
        printf("lost        nothing\n");
    }
    if (info->tail != 0) {
        printf("not sent    %" PRIu64 " events after the last sub-buffer\n", info->tail);
    }
    printf("holes       %" PRIu64 "\n", info->holes);
}

static void print_table(const struct info *info)
{
    unsigned columns = column_count(info);
    printf("\n%-24s%12s", "event", "all");
    for (unsigned cpu = 0; cpu < columns; cpu++) {
        printf("     cpu %-2u", cpu);
    }
    printf("      meta\n");
    for (unsigned id = 0; id < SCHEMA_EVENTS_MAX; id++) {
        if (info->by_event[id] == 0) {
            continue;
        }
        printf("%-24s%12" PRIu64, info->file.session.schema.event[id]->name, info->by_event[id]);
        for (unsigned cpu = 0; cpu < columns; cpu++) {
            printf("%11" PRIu64, info->count[id][cpu]);
        }
        printf("%10" PRIu64 "\n", info->count[id][META_COLUMN]);
    }
}

static void write_losses(struct json *json, const char *name, const uint64_t *missing,
                         const uint64_t *lost)
{
    json_object(json, name);
    for (unsigned i = 0; i < HOLE_CAUSES; i++) {
        json_number(json, hole_keys[i], missing[i]);
    }
    for (unsigned i = 0; i < TRACE_LOST_CAUSES; i++) {
        json_number(json, lost_keys[i], lost[i]);
    }
    json_end_object(json);
}

static void write_events(struct json *json, const struct info *info)
{
    json_object(json, "events");
    json_number(json, "total", info->records);
    json_number(json, "undecodable", info->unknown);
    json_number(json, "bytes", info->bytes);
    json_object(json, "kinds");
    for (unsigned id = 0; id < SCHEMA_EVENTS_MAX; id++) {
        if (info->by_event[id] == 0) {
            continue;
        }
        json_object(json, info->file.session.schema.event[id]->name);
        json_number(json, "total", info->by_event[id]);
        json_array(json, "cpus");
        for (unsigned cpu = 0; cpu < column_count(info); cpu++) {
            json_number(json, NULL, info->count[id][cpu]);
        }
        json_end_array(json);
        json_number(json, "meta", info->count[id][META_COLUMN]);
        json_end_object(json);
    }
    json_end_object(json);
    json_end_object(json);
}

static void write_lanes(struct json *json, const struct info *info)
{
    json_array(json, "lanes");
    for (unsigned i = 0; i < info->file.session.lane_count; i++) {
        const struct session_lane *place = &info->file.session.lane[i];
        const struct lane_totals *totals = &info->lane[i];
        char name[LANE_NAME_BYTES];
        json_object(json, NULL);
        json_text(json, "name", session_lane_name(&info->file.session, i, name));
        json_number(json, "cpu", place->cpu);
        json_number(json, "kind", place->kind);
        json_number(json, "sub_buffers", place->entries);
        json_number(json, "events", totals->records);
        json_number(json, "events_before", totals->before);
        json_number(json, "holes", totals->holes);
        write_losses(json, "lost", totals->missing, totals->lost);
        json_end_object(json);
    }
    json_end_array(json);
}

static void write_json(const struct info *info)
{
    const struct session *session = &info->file.session;
    const struct trace_region *region = &session->region;
    struct json json = {.file = stdout};
    json_object(&json, NULL);
    json_text(&json, "file", info->file.input.name);
    json_number(&json, "bytes", info->file.input.bytes);
    json_text(&json, "kind", session->is_image ? "image" : "capture");
    json_number(&json, "session", session->number);
    json_number(&json, "sessions", session->sessions);
    json_text(&json, "kernel", region->version_text);
    json_hex(&json, "kernel_id", region->kernel_id);
    json_text(&json, "cmdline", region->cmdline);
    json_hex(&json, "boot_id", region->boot_id);
    json_hex(&json, "schema_hash", session->schema.hash);
    json_number(&json, "cpus", region->cpu_count);
    json_number(&json, "tsc_khz", region->tsc_khz);
    json_number(&json, "unix_ns", region->unix_ns);
    json_real(&json, "duration_s", (double)duration_ns(info) / NS_PER_SECOND);
    json_object(&json, "blocks");
    json_number(&json, "intact", session->blocks);
    json_number(&json, "missing", session->blocks_missing);
    json_number(&json, "damaged", session->blocks_damaged);
    json_number(&json, "bytes_skipped", session->bytes_skipped);
    json_bool(&json, "has_end", session->has_end);
    json_end_object(&json);
    write_events(&json, info);
    write_losses(&json, "lost", info->missing, info->lost);
    json_number(&json, "not_sent", info->tail);
    json_number(&json, "holes", info->holes);
    write_lanes(&json, info);
    json_number(&json, "findings", finding_total(&session->findings));
    json_end_object(&json);
}

static int run(const char *path, unsigned session, bool json)
{
    struct info *info = xcalloc(1, sizeof(*info));
    int code = EXIT_UNUSABLE;
    if (capture_file_open(&info->file, path, session) == OK) {
        count_all(info);
        if (json) {
            write_json(info);
        } else {
            print_head(info);
            print_losses(info);
            print_findings(stdout, &info->file.session.findings);
            print_table(info);
        }
        code = finding_total(&info->file.session.findings) != 0 ? EXIT_FINDINGS : EXIT_GOOD;
        capture_file_close(&info->file);
    }
    free(info);
    return code;
}

int command_info(int argc, char **argv)
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
        complain("info: give one input; try --help");
        return EXIT_UNUSABLE;
    }
    return run(argv[optind], (unsigned)session, json);
}
