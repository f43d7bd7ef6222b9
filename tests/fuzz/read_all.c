/* SPDX-License-Identifier: MIT */
/* All consumers of the decoder, one after the other; their output is thrown away. */
#include "read_all.h"

#include <stdlib.h>

#include "tools/trace/check_rules.h"
#include "tools/trace/convert.h"
#include "tools/trace/report.h"
#include "tools/trace/text.h"

/* A reader that takes more steps than this reads something twice, and may do so for ever. */
static uint64_t lane_steps_most(const struct session_lane *lane)
{
    return lane->entries * (TRACE_SUBBUF_BYTES / 8 + 2) + 2;
}

static uint64_t steps_most(const struct session *session)
{
    uint64_t most = 0;
    for (unsigned i = 0; i < session->lane_count; i++) {
        most += lane_steps_most(&session->lane[i]);
    }
    return most;
}

static void count_step(uint64_t *steps_left)
{
    if ((*steps_left)-- == 0) {
        abort();
    }
}

/* The rules and the merged stream; returns how many records came. */
static uint64_t read_rules(struct session *session)
{
    struct registry registry;
    struct finding_list findings = {0};
    struct rules_totals totals;
    struct merge *merge = xcalloc(1, sizeof(*merge));
    registry_open(&registry, session, rules_thread_bytes());
    struct rules *rules = rules_open(session, &registry, &findings);
    merge_open(merge, session, &findings);
    uint64_t records = 0;
    uint64_t last = 0, left = steps_most(session);
    for (const struct step *step; (step = merge_next(merge)) != NULL;) {
        count_step(&left);
        if (step->tsc < last) {
            abort(); /* the merged stream goes back in time */
        }
        last = step->tsc;
        records += step->kind == STEP_RECORD;
        rules_step(rules, step);
    }
    merge_close(merge);
    rules_close(rules, &totals);
    registry_close(&registry);
    finding_free(&findings);
    free(merge);
    return records;
}

static void read_text(struct session *session)
{
    struct registry registry;
    struct symbols symbols;
    char text[TEXT_RECORD_BYTES];
    registry_open(&registry, session, 0);
    if (symbols_load(&symbols, session, NULL) == OK) {
        struct text_context context = {&session->schema, &registry, &symbols};
        for (unsigned i = 0; i < session->lane_count; i++) {
            struct lane lane;
            uint64_t left = lane_steps_most(&session->lane[i]);
            for (lane_open(&lane, session, i, NULL); lane.step.kind != STEP_END;
                 lane_advance(&lane)) {
                count_step(&left);
                if (lane.step.kind == STEP_RECORD) {
                    text_record(&context, session->schema.event[lane.step.id], lane.step.record,
                                text, sizeof(text));
                }
            }
            lane_close(&lane);
        }
    }
    symbols_free(&symbols);
    registry_close(&registry);
}

static void read_convert(struct session *session, bool all, uint64_t records)
{
    struct convert *convert = xcalloc(1, sizeof(*convert));
    struct convert_window window = {.from_ns = 0, .to_ns = INT64_MAX, .all = all};
    perfetto_init(&convert->perfetto);
    out_discard(&convert->perfetto.out);
    convert_run(convert, session, &window);
    if (out_close(&convert->perfetto.out) != OK ||
        convert->totals.events + convert->totals.left_out + convert->totals.for_names != records) {
        abort(); /* events appeared or vanished */
    }
    convert_free(convert);
    free(convert);
}

/* The parts of every operation's trips must add up to the whole, and each core's time to what was told of it. */
static void read_report(struct session *session)
{
    struct report *report = xcalloc(1, sizeof(*report));
    struct symbols symbols = {0};
    report_run(report, session, &symbols);
    for (size_t i = 0; i < report->operation_count; i++) {
        const struct operation *row = report->operation[i];
        if (row->queue.sum + row->serve.sum + row->back.sum != row->trip.sum) {
            abort();
        }
    }
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        uint64_t told = report->core[cpu].idle_ticks;
        for (size_t i = 0; i < report->process_count; i++) {
            told += report->process[i]->cpu_ticks[cpu];
        }
        if (told != report->core[cpu].known_ticks) {
            abort();
        }
    }
    report_free(report);
    free(report);
}

void read_all(const void *bytes, size_t count)
{
    struct input input;
    struct session *session = xcalloc(1, sizeof(*session));
    complain_silently = true;
    input_from_memory(&input, bytes, count);
    if (session_open(session, &input, 0) == OK) {
        uint64_t records = read_rules(session);
        read_text(session);
        read_convert(session, false, records);
        read_convert(session, true, records);
        read_report(session);
        session_close(session);
    }
    free(session);
}
