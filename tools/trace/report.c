/* SPDX-License-Identifier: MIT */
/* spoor-trace report: the command, the loop over the merged stream, what happens to lanes. */
#include "report.h"

#include <getopt.h>
#include <stdlib.h>

static const char usage[] =
    "usage: spoor-trace report [OPTIONS] INPUT\n\n"
    "Where the time went, as JSON for programs: calls by server and operation with the slowest of "
    "each in full, wake-ups,\n"
    "processor time by process and core, page faults, system calls, interrupts, losses. `spoor "
    "report` shows it to people.\n\n"
    "  --symbols ELF  names for kernel addresses\n"
    "  --session N    of a file that holds several, counted from 0\n";

void report_handle(struct report *report, const char *event, report_fn handler)
{
    unsigned id = schema_event_id(&report->session->schema, event);
    if (id < SCHEMA_EVENTS_MAX) {
        report->handler[id] = handler;
    }
}

uint64_t report_hash(uint64_t hash, const char *text)
{
    hash = hash != 0 ? hash : 0xcbf29ce484222325ull;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3ull;
    }
    return (hash ^ 0xff) * 0x100000001b3ull & INT64_MAX; /* texts do not run into each other */
}

/* What recording itself has cost, and how far its consumer was behind. */
static void account(struct report *report, const struct step *step)
{
    struct core_report *core = &report->core[step->cpu];
    if (step->kind == STEP_RECORD && step->lane_kind != TRACE_LANE_META) {
        core->events++;
        core->trace_cost += registry_cost(&report->registry, step);
    } else if (step->kind == STEP_SUBBUF && step->lane_kind == TRACE_LANE_NORMAL) {
        uint32_t unread = report->merge.lane[step->lane].header.unread;
        core->unread_max = MAX(core->unread_max, unread == 0 ? 0 : unread - 1);
    }
}

static void take_step(struct report *report, const struct step *step)
{
    bool is_normal = step->lane_kind == TRACE_LANE_NORMAL;
    report->last_tsc = step->tsc;
    account(report, step);
    if (step->kind == STEP_RECORD) {
        report->events++;
        if (report->handler[step->id] != NULL) {
            report->handler[step->id](report, step);
        }
    } else if (step->kind == STEP_BEGIN && is_normal) {
        report_begin_core(report, step);
    } else if (step->kind == STEP_HOLE && is_normal) {
        report_forget_core(report, step->cpu, step->tsc);
    }
}

void report_run(struct report *report, struct session *session, const struct symbols *symbols)
{
    report->session = session;
    report->symbols = symbols;
    registry_open(&report->registry, session, sizeof(struct worker));
    report_bind_time(report);
    report_bind_calls(report);
    report_bind_other(report);
    merge_open(&report->merge, session, NULL);
    for (const struct step *step; (step = merge_next(&report->merge)) != NULL;) {
        take_step(report, step);
    }
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        report_forget_core(report, cpu, report->last_tsc);
    }
    report_finish_calls(report);
}

void report_free(struct report *report)
{
    for (size_t i = 0; i < report->process_count; i++) {
        free(report->process[i]);
    }
    for (size_t i = 0; i < report->operation_count; i++) {
        free(report->operation[i]);
    }
    for (unsigned i = 0; i < report->number_count; i++) {
        free(report->number[i]);
    }
    free(report->process);
    free(report->operation);
    struct id_map *maps[] = {&report->processes, &report->calls, &report->operations,
                             &report->numbers, &report->pairs};
    for (unsigned i = 0; i < ARRAY_COUNT(maps); i++) {
        id_map_free(maps[i]);
    }
    arena_free(&report->arena);
    merge_close(&report->merge);
    registry_close(&report->registry);
}

static int run(const char *path, unsigned number, const char *symbols_path)
{
    struct capture_file file;
    struct symbols symbols = {0};
    if (capture_file_open(&file, path, number) != OK) {
        return EXIT_UNUSABLE;
    }
    int code = EXIT_UNUSABLE;
    if (symbols_load(&symbols, &file.session, symbols_path) == OK) {
        struct report *report = xcalloc(1, sizeof(*report));
        report_run(report, &file.session, &symbols);
        report_write(report, file.input.name, stdout);
        code = finding_total(&file.session.findings) != 0 ? EXIT_FINDINGS : EXIT_GOOD;
        report_free(report);
        free(report);
    }
    symbols_free(&symbols);
    capture_file_close(&file);
    return code;
}

int command_report(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"symbols", required_argument, NULL, 'y'},
                                            {"session", required_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    const char *symbols = NULL;
    unsigned long session = 0;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (c) {
        case 'h':
            fputs(usage, stdout);
            return EXIT_GOOD;
        case 'j': /* as the other commands have it; there is no other form */
            break;
        case 'y':
            symbols = optarg;
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
        complain("report: give one input; try --help");
        return EXIT_UNUSABLE;
    }
    return run(argv[optind], (unsigned)session, symbols);
}
