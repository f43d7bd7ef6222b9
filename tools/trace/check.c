/* SPDX-License-Identifier: MIT */
/* spoor-trace check: can this capture be trusted? */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include "check_rules.h"
#include "command.h"
#include "json.h"

static const char usage[] = "usage: spoor-trace check [OPTIONS] INPUT\n\n"
                            "Checks blocks (checksum, sequence), sub-buffer headers, record "
                            "lengths, time order per lane, conservation\n"
                            "(emitted == delivered + lost, exactly), thread switches, nesting of "
                            "system calls, interrupts and faults,\n"
                            "and the causal order of IPC. Prints each finding; exit code 1 if "
                            "there is one. Notes are no findings.\n\n"
                            "  --json       for programs\n"
                            "  --quiet      findings only\n"
                            "  --session N  of a file that holds several, counted from 0\n";

struct check {
    struct capture_file file;
    struct finding_list findings; /* of the stream; those of the file are in the session */
    struct lane_totals lane[TRACE_LANES_MAX];
    struct rules_totals rules;
};

static void add_findings(struct finding_list *to, const struct finding_list *from)
{
    for (unsigned rule = 0; rule < FINDING_RULES_AND_NOTES; rule++) {
        for (uint64_t i = 0; i < from->count[rule]; i++) {
            if (i >= FINDING_TEXTS_MAX) {
                to->count[rule] += from->count[rule] - i;
                break;
            }
            finding_add(to, rule, "%s", from->text[rule][i]);
        }
    }
}

static uint64_t missing_of(const struct lane_totals *totals)
{
    uint64_t missing = 0;
    for (unsigned i = 0; i < HOLE_CAUSES; i++) {
        missing += totals->missing[i];
    }
    return missing;
}

/* Events after the last record that was sent, as far as a STATUS block or control block knows. */
static uint64_t tail_of(const struct check *check, unsigned lane)
{
    const struct session_lane *place = &check->file.session.lane[lane];
    uint64_t sent = check->lane[lane].next_event;
    return place->has_last_status && place->last_status.events > sent
               ? place->last_status.events - sent
               : 0;
}

static void check_conservation(struct check *check, unsigned index)
{
    const struct session_lane *place = &check->file.session.lane[index];
    const struct lane_totals *totals = &check->lane[index];
    struct finding_list *findings = &check->findings;
    char name[LANE_NAME_BYTES];
    session_lane_name(&check->file.session, index, name);
    uint64_t accounted = totals->before + totals->records + missing_of(totals);
    if (place->entries != 0 && accounted != totals->next_event) {
        finding_add(findings, FINDING_CONSERVATION,
                    "%s: %" PRIu64 " before + %" PRIu64 " delivered + %" PRIu64
                    " lost is not %" PRIu64 " emitted",
                    name, totals->before, totals->records, missing_of(totals), totals->next_event);
    }
    if (missing_of(totals) != 0) {
        finding_add(findings, NOTE_LOSS, "%s: %" PRIu64 " events are missing in %" PRIu64 " holes",
                    name, missing_of(totals), totals->holes);
    }
    if (!place->has_last_status) {
        return;
    }
    const struct trace_lane *status = &place->last_status;
    if (place->entries != 0 && status->events < totals->next_event) {
        finding_add(findings, FINDING_CONSERVATION,
                    "%s: the last STATUS counts %" PRIu64 " events, the sub-buffers hold %" PRIu64,
                    name, status->events, totals->next_event);
    }
    for (unsigned cause = 0; cause < TRACE_LOST_CAUSES; cause++) {
        uint64_t lost = MAX(status->lost[cause], totals->lost[cause]);
        if (lost != 0) {
            finding_add(findings, NOTE_LOSS, "%s: %" PRIu64 " events were not written (cause %u)",
                        name, lost, cause);
        }
        if (status->lost[cause] < totals->lost[cause] ||
            check->rules.lost_reported[index][cause] > lost) {
            finding_add(findings, FINDING_CONSERVATION,
                        "%s: cause %u: STATUS counts %" PRIu64 " lost, headers %" PRIu64
                        ", records %" PRIu64,
                        name, cause, status->lost[cause], totals->lost[cause],
                        check->rules.lost_reported[index][cause]);
        }
    }
}

static void run_rules(struct check *check)
{
    struct registry registry;
    struct merge *merge = xmalloc(sizeof(*merge));
    registry_open(&registry, &check->file.session, rules_thread_bytes());
    struct rules *rules = rules_open(&check->file.session, &registry, &check->findings);
    merge_open(merge, &check->file.session, &check->findings);
    rules_run(rules, merge);
    for (unsigned i = 0; i < merge->lanes; i++) {
        check->lane[i] = merge->lane[i].totals;
    }
    merge_close(merge);
    rules_close(rules, &check->rules);
    registry_close(&registry);
    free(merge);
}

static void check_all(struct check *check)
{
    add_findings(&check->findings, &check->file.session.findings);
    run_rules(check);
    for (unsigned i = 0; i < check->file.session.lane_count; i++) {
        check_conservation(check, i);
    }
    if (check->rules.orphans != 0) {
        finding_add(&check->findings, NOTE_ORPHAN,
                    "%" PRIu64 " ends have their beginning before the capture or in a hole",
                    check->rules.orphans);
    }
}

static void print_summary(const struct check *check)
{
    const struct rules_totals *rules = &check->rules;
    uint64_t records = 0;
    uint64_t missing = 0;
    uint64_t tail = 0;
    for (unsigned i = 0; i < check->file.session.lane_count; i++) {
        records += check->lane[i].records;
        missing += missing_of(&check->lane[i]);
        tail += tail_of(check, i);
    }
    printf("%" PRIu64 " events delivered, %" PRIu64 " lost in between, %" PRIu64
           " after the last sub-buffer\n",
           records, missing, tail);
    printf("%" PRIu64 " switches, %" PRIu64 " system calls, %" PRIu64 " faults, %" PRIu64
           " interrupts\n",
           rules->switches, rules->syscalls, rules->faults, rules->irqs);
    printf("%" PRIu64 " calls: %" PRIu64 " whole, %" PRIu64 " failed, %" PRIu64
           " open at the end\n",
           rules->calls, rules->calls_whole, rules->calls_failed, rules->calls_open);
    uint64_t findings = finding_total(&check->findings);
    if (findings == 0) {
        printf("no findings\n");
    } else {
        printf("%" PRIu64 " findings\n", findings);
    }
}

static void write_list(struct json *json, const struct finding_list *list, unsigned from,
                       unsigned to)
{
    for (unsigned rule = from; rule < to; rule++) {
        if (list->count[rule] == 0) {
            continue;
        }
        json_object(json, NULL);
        json_text(json, "rule", finding_rule_name(rule));
        json_number(json, "count", list->count[rule]);
        json_array(json, "texts");
        for (unsigned i = 0; i < FINDING_TEXTS_MAX && list->text[rule][i] != NULL; i++) {
            json_text(json, NULL, list->text[rule][i]);
        }
        json_end_array(json);
        json_end_object(json);
    }
}

static void write_lanes(struct json *json, const struct check *check)
{
    json_array(json, "lanes");
    for (unsigned i = 0; i < check->file.session.lane_count; i++) {
        const struct lane_totals *totals = &check->lane[i];
        char name[LANE_NAME_BYTES];
        json_object(json, NULL);
        json_text(json, "name", session_lane_name(&check->file.session, i, name));
        json_number(json, "before", totals->before);
        json_number(json, "delivered", totals->records);
        json_number(json, "missing", missing_of(totals));
        json_number(json, "emitted", totals->next_event + tail_of(check, i));
        json_number(json, "not_sent", tail_of(check, i));
        json_array(json, "not_written");
        for (unsigned cause = 0; cause < TRACE_LOST_CAUSES; cause++) {
            json_number(
                json, NULL,
                MAX(totals->lost[cause], check->file.session.lane[i].last_status.lost[cause]));
        }
        json_end_array(json);
        json_end_object(json);
    }
    json_end_array(json);
}

static void write_json(const struct check *check)
{
    const struct rules_totals *rules = &check->rules;
    struct json json = {.file = stdout};
    json_object(&json, NULL);
    json_text(&json, "file", check->file.input.name);
    json_number(&json, "findings", finding_total(&check->findings));
    json_array(&json, "rules");
    write_list(&json, &check->findings, 0, FINDING_RULES);
    json_end_array(&json);
    json_array(&json, "notes");
    write_list(&json, &check->findings, FINDING_RULES, FINDING_RULES_AND_NOTES);
    json_end_array(&json);
    json_number(&json, "switches", rules->switches);
    json_number(&json, "syscalls", rules->syscalls);
    json_number(&json, "faults", rules->faults);
    json_number(&json, "irqs", rules->irqs);
    json_object(&json, "calls");
    json_number(&json, "all", rules->calls);
    json_number(&json, "whole", rules->calls_whole);
    json_number(&json, "failed", rules->calls_failed);
    json_number(&json, "open", rules->calls_open);
    json_end_object(&json);
    json_number(&json, "orphans", rules->orphans);
    write_lanes(&json, check);
    json_end_object(&json);
}

static int run(const char *path, unsigned session, bool json, bool quiet)
{
    struct check *check = xcalloc(1, sizeof(*check));
    int code = EXIT_UNUSABLE;
    if (capture_file_open(&check->file, path, session) == OK) {
        check_all(check);
        if (json) {
            write_json(check);
        } else {
            print_findings(stdout, &check->findings);
            if (!quiet) {
                print_summary(check);
            }
        }
        code = finding_total(&check->findings) != 0 ? EXIT_FINDINGS : EXIT_GOOD;
        capture_file_close(&check->file);
    }
    finding_free(&check->findings);
    free(check);
    return code;
}

int command_check(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"session", required_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    bool json = false;
    bool quiet = false;
    unsigned long session = 0;
    for (int c; (c = getopt_long(argc, argv, "hq", options, NULL)) != -1;) {
        switch (c) {
        case 'h':
            fputs(usage, stdout);
            return EXIT_GOOD;
        case 'j':
            json = true;
            break;
        case 'q':
            quiet = true;
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
        complain("check: give one input; try --help");
        return EXIT_UNUSABLE;
    }
    return run(argv[optind], (unsigned)session, json, quiet);
}
