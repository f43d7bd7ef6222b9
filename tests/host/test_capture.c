/* SPDX-License-Identifier: MIT */
/* tools/trace, the reading side: blocks, sessions, damage, memory images, lanes, order, conservation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tools/trace/merge.h"
#include "trace_support.h"

#define EVENTS 6000

struct opened {
    struct bytes bytes;
    struct input input;
    struct session session;
    struct finding_list findings;
};

static void open_work(struct opened *opened, struct bytes bytes)
{
    memset(opened, 0, sizeof(*opened));
    opened->bytes = bytes;
    assert_int_equal(open_bytes(&opened->session, &opened->input, bytes, 0), OK);
}

static void close_work(struct opened *opened)
{
    session_close(&opened->session);
    finding_free(&opened->findings);
    free(opened->bytes.data);
}

static uint64_t missing_in_all(const struct session *session, uint64_t *out_holes)
{
    uint64_t missing = 0;
    *out_holes = 0;
    for (unsigned i = 0; i < session->lane_count; i++) {
        struct lane lane;
        for (lane_open(&lane, session, i, NULL); lane.step.kind != STEP_END; lane_advance(&lane)) {
        }
        for (unsigned cause = 0; cause < HOLE_CAUSES; cause++) {
            missing += lane.totals.missing[cause];
        }
        *out_holes += lane.totals.holes;
        lane_close(&lane);
    }
    return missing;
}

/* Records in a SUBBUF block, counted by hand. */
static uint64_t records_in(struct capture_block *block)
{
    const uint64_t *at = (const uint64_t *)((char *)(block + 1) + sizeof(struct capture_subbuf) +
                                            sizeof(struct trace_subbuf));
    const uint64_t *end = (const uint64_t *)((char *)(block + 1) + block->bytes);
    uint64_t records = 0;
    while (at < end) {
        records += TRACE_EVENT(*at) != 0;
        at += 1 + TRACE_WORDS(*at);
    }
    return records;
}

static void test_every_event_arrives(void **state)
{
    (void)state;
    uint64_t events;
    struct opened opened;
    open_work(&opened, make_work(4, EVENTS, 1, &events));
    assert_int_equal(count_records(&opened.session, &opened.findings), events);
    assert_int_equal(finding_total(&opened.findings), 0);
    assert_int_equal(finding_total(&opened.session.findings), 0);
    assert_true(opened.session.has_end);
    close_work(&opened);
}

static void test_merged_order(void **state)
{
    (void)state;
    uint64_t events;
    struct opened opened;
    open_work(&opened, make_work(8, EVENTS, 2, &events));
    struct merge *merge = calloc(1, sizeof(*merge));
    merge_open(merge, &opened.session, &opened.findings);
    uint64_t last = 0;
    uint64_t records = 0;
    for (const struct step *step; (step = merge_next(merge)) != NULL;) {
        assert_true(step->tsc >= last);
        last = step->tsc;
        records += step->kind == STEP_RECORD;
    }
    assert_int_equal(records, events);
    merge_close(merge);
    free(merge);
    close_work(&opened);
}

static void test_meta_comes_first_at_equal_times(void **state)
{
    (void)state;
    struct maker maker;
    maker_begin(&maker, 1);
    SYNTH(&maker.synth, SYNTH_LANE(0), 500, "irq.enter", 0xe0);
    SYNTH_TEXT(&maker.synth, SYNTH_META, 500, "life.thread.create", "x", 5, 1, 8);
    struct opened opened;
    open_work(&opened, maker_end(&maker));
    struct merge *merge = calloc(1, sizeof(*merge));
    merge_open(merge, &opened.session, NULL);
    assert_int_equal(merge_next(merge)->lane_kind, TRACE_LANE_META);
    merge_close(merge);
    free(merge);
    close_work(&opened);
}

static void test_any_spoilt_block_costs_only_itself(void **state)
{
    (void)state;
    uint64_t events;
    struct bytes whole = make_work(2, EVENTS, 3, &events);
    unsigned blocks = block_count(whole);
    for (unsigned n = 1; n < blocks; n++) {
        struct bytes copy = {.data = malloc(whole.count), .count = whole.count};
        memcpy(copy.data, whole.data, whole.count);
        struct capture_block *block = block_at(copy, n);
        uint64_t gone = block->type == CAPTURE_SUBBUF ? records_in(block) : 0;
        size_t place = block->bytes == 0 ? 8 : sizeof(*block) + n * 7919u % block->bytes;
        ((char *)block)[place] ^= (char)(1u << n % 8);
        struct opened opened;
        open_work(&opened, copy);
        assert_int_equal(count_records(&opened.session, NULL), events - gone);
        assert_int_equal(opened.session.blocks, blocks - 1);
        assert_true(opened.session.findings.count[FINDING_BLOCK_DAMAGED] >= 1);
        bool is_last = n == blocks - 1;
        assert_int_equal(opened.session.blocks_missing, is_last ? 0 : 1);
        close_work(&opened);
    }
    free(whole.data);
}

static void test_spoilt_sub_buffer_leaves_an_exact_hole(void **state)
{
    (void)state;
    uint64_t events;
    struct bytes bytes = make_work(1, EVENTS, 4, &events);
    struct capture_block *block = block_find(bytes, CAPTURE_SUBBUF, 2);
    uint64_t gone = records_in(block);
    ((char *)block_payload(block))[500] ^= 4;
    struct opened opened;
    open_work(&opened, bytes);
    uint64_t holes;
    assert_int_equal(missing_in_all(&opened.session, &holes), gone);
    assert_int_equal(holes, 1);
    struct lane lane;
    lane_open(&lane, &opened.session, SYNTH_LANE(0), NULL);
    while (lane.step.kind != STEP_HOLE) {
        lane_advance(&lane);
    }
    assert_int_equal(lane.hole.cause, HOLE_DAMAGED);
    assert_int_equal(lane.step.tsc, lane.hole.from_tsc);
    lane_advance(&lane);
    assert_int_equal(lane.step.kind, STEP_BEGIN);
    assert_int_equal(lane.step.tsc, lane.hole.to_tsc);
    lane_close(&lane);
    close_work(&opened);
}

static void test_file_cut_anywhere(void **state)
{
    (void)state;
    struct bytes whole = make_work(2, 2000, 5, NULL);
    for (size_t cut = sizeof(struct capture_block) + 40; cut < whole.count; cut += 1009) {
        struct bytes part = {.data = whole.data, .count = cut};
        uint64_t intact = 0;
        unsigned n = 0;
        for (struct capture_block *block; (block = block_at(part, n)) != NULL; n++) {
            if ((char *)(block + 1) + block->bytes > part.data + cut) {
                break;
            }
            intact += block->type == CAPTURE_SUBBUF ? records_in(block) : 0;
        }
        struct input input;
        struct session session;
        status_t status = open_bytes(&session, &input, part, 0);
        if (n == 0) {
            assert_int_equal(status, ERR_CORRUPT); /* not even START is there */
            continue;
        }
        assert_int_equal(status, OK);
        assert_int_equal(count_records(&session, NULL), intact);
        assert_false(session.has_end);
        assert_int_equal(session.findings.count[NOTE_NO_END], 1);
        session_close(&session);
    }
    free(whole.data);
}

static void test_junk_between_blocks_is_skipped(void **state)
{
    (void)state;
    static const char junk[] = "log text, and SPBK, a magic without a header, \x53\x50\x42\x4b";
    uint64_t events;
    struct bytes whole = make_work(1, EVENTS, 6, &events);
    struct bytes mixed = {.data = malloc(2 * whole.count)};
    unsigned junks = 0;
    for (unsigned n = 0; block_at(whole, n) != NULL; n++) {
        struct capture_block *block = block_at(whole, n);
        memcpy(mixed.data + mixed.count, block, sizeof(*block) + block->bytes);
        mixed.count += sizeof(*block) + block->bytes;
        if (n % 3 == 0) {
            memcpy(mixed.data + mixed.count, junk, sizeof(junk));
            mixed.count += sizeof(junk);
            junks++;
        }
    }
    free(whole.data);
    struct opened opened;
    open_work(&opened, mixed);
    assert_int_equal(count_records(&opened.session, NULL), events);
    assert_int_equal(opened.session.blocks_missing, 0);
    assert_int_equal(opened.session.bytes_skipped, junks * sizeof(junk));
    close_work(&opened);
}

static void test_missing_block_is_named(void **state)
{
    (void)state;
    struct bytes bytes = make_work(1, EVENTS, 7, NULL);
    block_remove(&bytes, block_at(bytes, 5));
    struct opened opened;
    open_work(&opened, bytes);
    assert_int_equal(opened.session.blocks_missing, 1);
    assert_int_equal(opened.session.findings.count[FINDING_BLOCK_MISSING], 1);
    assert_non_null(
        strstr(opened.session.findings.text[FINDING_BLOCK_MISSING][0], "blocks 5 to 5"));
    close_work(&opened);
}

/* spoilt: what was sent has another checksum than what it was computed of, as when the writer comes by meanwhile. */
static void check_verdict(bool spoilt)
{
    struct maker maker;
    maker_begin(&maker, 1);
    synth_work(&maker.synth, SYNTH_MIXED, EVENTS, 8);
    struct capture_verdict verdict = {.sequence = 4};
    synth_block(&maker.synth, CAPTURE_VERDICT, &verdict, sizeof(verdict));
    uint64_t events = maker.synth.events;
    struct bytes bytes = maker_end(&maker);
    struct capture_block *block = block_at(bytes, 4);
    assert_int_equal(block->type, CAPTURE_SUBBUF);
    uint64_t gone = records_in(block);
    ((char *)block)[sizeof(*block) + block->bytes / 2] ^= (char)spoilt;
    struct opened opened;
    open_work(&opened, bytes);
    assert_int_equal(count_records(&opened.session, &opened.findings), events - gone);
    assert_int_equal(finding_total(&opened.findings), 0);
    assert_int_equal(finding_total(&opened.session.findings), 0);
    assert_int_equal(opened.session.blocks_damaged, 0);
    assert_int_equal(opened.session.lane[1].verdicts, 1);
    uint64_t holes;
    assert_int_equal(missing_in_all(&opened.session, &holes), gone);
    close_work(&opened);
}

static void test_verdict_drops_what_it_names(void **state)
{
    (void)state;
    check_verdict(false);
    check_verdict(true);
}

static void test_of_a_sub_buffer_sent_twice_the_longer_counts(void **state)
{
    (void)state;
    struct maker maker;
    maker_begin(&maker, 1);
    for (unsigned i = 0; i < 100; i++) {
        SYNTH(&maker.synth, SYNTH_LANE(0), 1000 + i, "irq.enter", i);
        if (i % 10 == 0) {
            synth_send_partial(&maker.synth, SYNTH_LANE(0));
        }
    }
    struct bytes bytes = maker_end(&maker);
    struct opened opened;
    open_work(&opened, bytes);
    assert_int_equal(count_records(&opened.session, &opened.findings), 100);
    assert_int_equal(finding_total(&opened.findings), 0);
    session_close(&opened.session);
    block_remove(&bytes, block_at(bytes, block_count(bytes) - 3)); /* the last and longest copy */
    assert_int_equal(open_bytes(&opened.session, &opened.input, bytes, 0), OK);
    assert_int_equal(count_records(&opened.session, &opened.findings), 91);
    close_work(&opened);
}

static void test_events_not_sent_at_the_end_of_an_unfinished_sub_buffer(void **state)
{
    (void)state;
    struct maker maker;
    maker_begin(&maker, 1);
    SYNTH(&maker.synth, SYNTH_LANE(0), 1000, "irq.enter", 1);
    synth_send_partial(&maker.synth, SYNTH_LANE(0));
    maker.synth.lane[SYNTH_LANE(0)].drop_next = true;
    for (unsigned i = 0; i < 3000; i++) {
        SYNTH(&maker.synth, SYNTH_LANE(0), 2000 + i, "irq.exit", 1);
    }
    struct opened opened;
    open_work(&opened, maker_end(&maker));
    struct lane lane;
    lane_open(&lane, &opened.session, SYNTH_LANE(0), &opened.findings);
    while (lane.step.kind != STEP_HOLE) {
        lane_advance(&lane);
    }
    assert_int_equal(lane.hole.cause, HOLE_UNSENT);
    uint64_t missing = lane.hole.events;
    while (lane.step.kind != STEP_END) {
        lane_advance(&lane);
    }
    assert_int_equal(lane.totals.records + missing, 3001);
    assert_int_equal(lane.totals.next_event, 3001);
    assert_int_equal(finding_total(&opened.findings), 0);
    lane_close(&lane);
    close_work(&opened);
}

static void test_one_session_of_several(void **state)
{
    (void)state;
    uint64_t events[3];
    struct bytes all = {0};
    for (unsigned i = 0; i < 3; i++) {
        struct bytes one = make_work(1 + i, 500 * (i + 1), i, &events[i]);
        all.data = realloc(all.data, all.count + one.count);
        memcpy(all.data + all.count, one.data, one.count);
        all.count += one.count;
        free(one.data);
    }
    for (unsigned i = 0; i < 3; i++) {
        struct input input;
        struct session session;
        assert_int_equal(open_bytes(&session, &input, all, i), OK);
        assert_int_equal(session.sessions, 3);
        assert_int_equal(session.region.cpu_count, 1 + i);
        assert_int_equal(count_records(&session, NULL), events[i]);
        assert_int_equal(finding_total(&session.findings), 0);
        session_close(&session);
    }
    struct input input;
    struct session session;
    assert_int_equal(open_bytes(&session, &input, all, 3), ERR_NOT_FOUND);
    free(all.data);
}

static void test_without_start_the_lanes_are_guessed(void **state)
{
    (void)state;
    uint64_t events;
    struct bytes bytes = make_work(2, EVENTS, 9, &events);
    ((char *)block_payload(block_at(bytes, 0)))[9] ^= 1;
    struct opened opened;
    open_work(&opened, bytes);
    assert_true(opened.session.is_guessed);
    assert_int_equal(count_records(&opened.session, NULL), events);
    assert_true(opened.session.findings.count[FINDING_START_MISSING] != 0);
    close_work(&opened);
}

static void test_what_cannot_be_read_is_refused(void **state)
{
    (void)state;
    struct input input;
    struct session session;
    struct bytes bytes = make_work(1, 100, 1, NULL);
    struct capture_block *start = block_at(bytes, 0);
    struct trace_region *region = block_payload(start);
    struct trace_region good = *region;

    region->version = 99;
    block_seal(start);
    assert_int_equal(open_bytes(&session, &input, bytes, 0), ERR_NOT_SUPPORTED);
    *region = good;
    region->subbuf_bytes = 0x8000;
    block_seal(start);
    assert_int_equal(open_bytes(&session, &input, bytes, 0), ERR_NOT_SUPPORTED);
    *region = good;
    region->lane_count = TRACE_LANES_MAX + 1;
    block_seal(start);
    assert_int_equal(open_bytes(&session, &input, bytes, 0), ERR_CORRUPT);
    *region = good;
    region->lane[1].cpu = CPU_MAX;
    block_seal(start);
    assert_int_equal(open_bytes(&session, &input, bytes, 0), ERR_CORRUPT);
    *region = good;
    start->version = 2;
    block_seal(start);
    assert_int_equal(open_bytes(&session, &input, bytes, 0), ERR_NOT_SUPPORTED);
    free(bytes.data);

    char text[] = "#!/bin/sh\n# not a capture at all, and no memory image either\n";
    assert_int_equal(open_bytes(&session, &input, (struct bytes){text, sizeof(text)}, 0),
                     ERR_CORRUPT);
    assert_int_equal(open_bytes(&session, &input, (struct bytes){text, 0}, 0), ERR_CORRUPT);
}

static void test_unknown_schema_is_refused_unless_the_capture_holds_it(void **state)
{
    (void)state;
    struct input input;
    struct session session;
    struct bytes bytes = make_work(1, 100, 1, NULL);
    struct capture_block *start = block_at(bytes, 0);
    ((struct trace_region *)block_payload(start))->schema_hash ^= 1;
    block_seal(start);
    assert_int_equal(open_bytes(&session, &input, bytes, 0),
                     ERR_NOT_SUPPORTED); /* SCHEMA does not fit the hash */
    free(bytes.data);
}

struct lie {
    const char *what;
    size_t offset; /* in struct trace_subbuf */
    uint64_t flip;
};

static void test_lying_sub_buffer_headers_are_left_out(void **state)
{
    (void)state;
    static const struct lie lies[] = {
        {"magic", offsetof(struct trace_subbuf, magic), 1},
        {"core", offsetof(struct trace_subbuf, cpu), 1},
        {"kind", offsetof(struct trace_subbuf, kind), 2},
        {"boot", offsetof(struct trace_subbuf, boot_id), 1},
        {"position", offsetof(struct trace_subbuf, position), TRACE_SUBBUF_BYTES},
    };
    for (size_t i = 0; i < ARRAY_COUNT(lies); i++) {
        uint64_t events;
        struct bytes bytes = make_work(1, EVENTS, 10, &events);
        struct capture_block *block = block_find(bytes, CAPTURE_SUBBUF, 1);
        uint64_t gone = records_in(block);
        char *header = (char *)block_payload(block) + sizeof(struct capture_subbuf);
        *(uint16_t *)(header + lies[i].offset) ^= (uint16_t)lies[i].flip;
        block_seal(block);
        struct opened opened;
        open_work(&opened, bytes);
        assert_int_equal(count_records(&opened.session, NULL), events - gone);
        assert_int_equal(opened.session.findings.count[FINDING_SUBBUF], 1);
        close_work(&opened);
    }
}

static void test_lane_that_does_not_exist(void **state)
{
    (void)state;
    struct bytes bytes = make_work(1, EVENTS, 11, NULL);
    struct capture_block *block = block_find(bytes, CAPTURE_SUBBUF, 1);
    ((struct capture_subbuf *)block_payload(block))->lane = 0xffffffff;
    block_seal(block);
    struct opened opened;
    open_work(&opened, bytes);
    assert_int_equal(opened.session.findings.count[FINDING_SUBBUF], 1);
    close_work(&opened);
}

/* ---- records ---- */

static uint64_t *first_record(struct bytes bytes)
{
    struct capture_block *block = block_find(bytes, CAPTURE_SUBBUF, 0);
    return (uint64_t *)((char *)block_payload(block) + sizeof(struct capture_subbuf) +
                        sizeof(struct trace_subbuf));
}

static void spoil_record(uint64_t flip, enum finding_rule rule, uint64_t delivered,
                         uint64_t unknown)
{
    struct maker maker;
    maker_begin(&maker, 1);
    for (unsigned i = 0; i < 10; i++) {
        SYNTH(&maker.synth, SYNTH_LANE(0), 1000 + 10 * i, "irq.enter", i);
    }
    struct bytes bytes = maker_end(&maker);
    first_record(bytes)[4] ^= flip;
    block_seal(block_find(bytes, CAPTURE_SUBBUF, 0));
    struct opened opened;
    open_work(&opened, bytes);
    assert_int_equal(count_records(&opened.session, &opened.findings), delivered);
    assert_int_equal(opened.findings.count[rule], 1);
    struct lane lane;
    lane_open(&lane, &opened.session, SYNTH_LANE(0), NULL);
    unsigned steps = 0;
    for (; lane.step.kind != STEP_END; lane_advance(&lane)) {
        steps += lane.step.kind == STEP_RECORD;
    }
    assert_int_equal(lane.totals.unknown, unknown);
    assert_int_equal(steps, delivered - unknown);
    lane_close(&lane);
    close_work(&opened);
}

static void test_record_that_leaves_its_sub_buffer(void **state)
{
    (void)state;
    spoil_record(30ull << TRACE_WORDS_SHIFT, FINDING_RECORD, 4, 0);
}

static void test_record_of_no_known_event(void **state)
{
    (void)state;
    spoil_record(0x1e0, FINDING_RECORD, 10, 1);
}

static void test_record_of_a_wrong_length(void **state)
{
    (void)state;
    spoil_record(1ull << TRACE_WORDS_SHIFT, FINDING_RECORD, 9, 1); /* swallows the one after it */
}

static void test_time_that_goes_back(void **state)
{
    (void)state;
    spoil_record(1ull << (TRACE_TIME_SHIFT + 41), FINDING_TIME, 10, 0);
}

static void test_sub_buffer_that_begins_in_the_past(void **state)
{
    (void)state;
    uint64_t events;
    struct bytes bytes = make_work(1, EVENTS, 10, &events);
    struct capture_block *block = block_find(bytes, CAPTURE_SUBBUF, 1);
    char *header = (char *)block_payload(block) + sizeof(struct capture_subbuf);
    ((struct trace_subbuf *)header)->tsc = 1;
    block_seal(block);
    struct opened opened;
    open_work(&opened, bytes);
    assert_int_equal(count_records(&opened.session, &opened.findings), events);
    assert_int_equal(opened.findings.count[FINDING_TIME], 1);
    close_work(&opened);
}

static void test_time_is_unwrapped(void **state)
{
    (void)state;
    static const uint64_t times[] = {(1ull << 42) - 5, (1ull << 42) + 3,
                                     (1ull << 42) + (1ull << 40), 13ull << 39, (1ull << 43) + 1};
    struct maker maker;
    maker_begin(&maker, 1);
    for (unsigned i = 0; i < ARRAY_COUNT(times); i++) {
        SYNTH(&maker.synth, SYNTH_LANE(0), times[i], "irq.enter", i);
    }
    uint64_t far = (1ull << 60) + 77;
    SYNTH(&maker.synth, SYNTH_LANE(0), far, "trace.sync", far);
    SYNTH(&maker.synth, SYNTH_LANE(0), far + 1, "irq.exit", 1);
    struct opened opened;
    open_work(&opened, maker_end(&maker));
    struct lane lane;
    lane_open(&lane, &opened.session, SYNTH_LANE(0), &opened.findings);
    assert_int_equal(lane.step.kind, STEP_BEGIN);
    for (unsigned i = 0; i < ARRAY_COUNT(times); i++) {
        lane_advance(&lane);
        assert_int_equal(lane.step.tsc, times[i]);
    }
    lane_advance(&lane);
    assert_int_equal(lane.step.tsc, far);
    lane_advance(&lane);
    assert_int_equal(lane.step.tsc, far + 1);
    assert_int_equal(finding_total(&opened.findings), 0);
    lane_close(&lane);
    close_work(&opened);
}

static void test_sparse_lanes_may_be_silent_for_longer(void **state)
{
    (void)state;
    uint64_t later = 1000 + 3 * (1ull << 40); /* more than half of the 42 bits */
    struct maker maker;
    maker_begin(&maker, 1);
    SYNTH(&maker.synth, SYNTH_LANE_NMI(0), 1000, "kdebug.enter", 0);
    SYNTH(&maker.synth, SYNTH_LANE_NMI(0), later, "kdebug.leave", 0);
    SYNTH(&maker.synth, SYNTH_LANE_NMI(0), later - 10, "kdebug.enter", 0);
    struct opened opened;
    open_work(&opened, maker_end(&maker));
    struct lane lane;
    lane_open(&lane, &opened.session, SYNTH_LANE_NMI(0), &opened.findings);
    lane_advance(&lane);
    lane_advance(&lane);
    assert_int_equal(lane.step.tsc, later);
    assert_int_equal(finding_total(&opened.findings), 0);
    lane_advance(&lane);
    assert_int_equal(lane.step.tsc, later);
    assert_int_equal(opened.findings.count[FINDING_TIME], 1);
    lane_close(&lane);
    close_work(&opened);
}

static void test_who_runs_at_the_beginning(void **state)
{
    (void)state;
    struct maker maker;
    maker_begin(&maker, 2);
    synth_set_current(&maker.synth, 0, 7);
    SYNTH(&maker.synth, SYNTH_LANE(0), 1000, "irq.enter", 1);
    synth_set_current(
        &maker.synth, 1,
        9); /* the header may be written in the middle of a switch: the record decides */
    synth_switch(&maker.synth, 1, 1000, 8, 9, 0, 0);
    struct opened opened;
    open_work(&opened, maker_end(&maker));
    struct lane lane;
    lane_open(&lane, &opened.session, SYNTH_LANE(0), NULL);
    assert_int_equal(lane.step.current, 7);
    lane_close(&lane);
    lane_open(&lane, &opened.session, SYNTH_LANE(1), NULL);
    assert_int_equal(lane.step.current, 8);
    lane_close(&lane);
    close_work(&opened);
}

static void test_conservation_is_checked_between_neighbours(void **state)
{
    (void)state;
    for (int wrong = -1; wrong <= 1; wrong++) {
        struct bytes bytes = make_work(1, EVENTS, 12, NULL);
        struct capture_block *block = block_find(bytes, CAPTURE_SUBBUF, 2);
        struct trace_subbuf *header =
            (struct trace_subbuf *)((char *)block_payload(block) + sizeof(struct capture_subbuf));
        header->first_event += (uint64_t)wrong;
        block_seal(block);
        struct opened opened;
        open_work(&opened, bytes);
        count_records(&opened.session, &opened.findings);
        assert_int_equal(opened.findings.count[FINDING_CONSERVATION] != 0, wrong != 0);
        close_work(&opened);
    }
}

/* ---- memory images ---- */

static struct bytes make_image(unsigned cpus, uint64_t events, struct bytes *out_capture,
                               size_t lead)
{
    struct maker maker;
    struct bytes image = {0};
    maker_begin(&maker, cpus);
    synth_work(&maker.synth, SYNTH_MIXED, events, 13);
    FILE *file = open_memstream(&image.data, &image.count);
    for (size_t i = 0; i < lead; i++) {
        fputc(0, file);
    }
    synth_write_image(&maker.synth, file);
    fclose(file);
    *out_capture = maker_end(&maker);
    return image;
}

static void compare_lanes(const struct session *a, const struct session *b)
{
    assert_int_equal(a->lane_count, b->lane_count);
    for (unsigned i = 0; i < a->lane_count; i++) {
        struct lane left;
        struct lane right;
        lane_open(&left, a, i, NULL);
        lane_open(&right, b, i, NULL);
        while (left.step.kind != STEP_END) {
            assert_int_equal(left.step.kind, right.step.kind);
            assert_int_equal(left.step.tsc, right.step.tsc);
            assert_int_equal(left.step.id, right.step.id);
            lane_advance(&left);
            lane_advance(&right);
        }
        assert_int_equal(right.step.kind, STEP_END);
        lane_close(&left);
        lane_close(&right);
    }
}

static void test_image_and_capture_tell_the_same(void **state)
{
    (void)state;
    for (size_t lead = 0; lead <= 0x20008;
         lead += 0x20008) { /* alone, and somewhere inside a core file */
        struct bytes capture;
        struct bytes image = make_image(2, 4000, &capture, lead);
        struct opened a;
        struct opened b;
        open_work(&a, capture);
        open_work(&b, image);
        assert_true(b.session.is_image);
        assert_int_equal(finding_total(&b.session.findings), 0);
        compare_lanes(&a.session, &b.session);
        close_work(&a);
        close_work(&b);
    }
}

static void test_image_of_rings_that_went_round(void **state)
{
    (void)state;
    struct bytes capture;
    struct bytes image = make_image(1, 60000, &capture, 0);
    struct opened a;
    struct opened b;
    open_work(&a, capture);
    open_work(&b, image);
    assert_int_equal(finding_total(&b.session.findings), 0);
    const struct session_lane *lane = &b.session.lane[SYNTH_LANE(0)];
    assert_int_equal(lane->entries, 15); /* the oldest of the ring may be under the next header */
    struct lane whole;
    struct lane rest;
    lane_open(&whole, &a.session, SYNTH_LANE(0), NULL);
    lane_open(&rest, &b.session, SYNTH_LANE(0), &b.findings);
    assert_true(rest.totals.before > 0);
    while (rest.step.kind != STEP_END) {
        lane_advance(&rest);
    }
    while (whole.step.kind != STEP_END) {
        lane_advance(&whole);
    }
    assert_int_equal(rest.totals.before + rest.totals.records, whole.totals.records);
    assert_int_equal(finding_total(&b.findings), 0);
    lane_close(&whole);
    lane_close(&rest);
    close_work(&a);
    close_work(&b);
}

static void test_image_whose_writer_was_just_beginning_a_sub_buffer(void **state)
{
    (void)state;
    struct bytes capture;
    struct bytes image = make_image(1, 60000, &capture, 0);
    free(capture.data);
    struct trace_region *region = (struct trace_region *)image.data;
    struct trace_lane_place *place = &region->lane[SYNTH_LANE(0)];
    struct trace_lane *control = (struct trace_lane *)(image.data + place->control_offset);
    uint64_t next = control->limit; /* the header of the next sub-buffer lies over the oldest one */
    struct trace_subbuf *header =
        (struct trace_subbuf *)(image.data + place->ring_offset + (next & control->mask));
    header->tsc = ~0ull; /* the fields come in any order: this one is there, its position is not */
    struct opened opened;
    open_work(&opened, image);
    assert_int_equal(finding_total(&opened.session.findings), 0);
    assert_int_equal(opened.session.lane[SYNTH_LANE(0)].entries, 15);
    close_work(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_event_arrives),
        cmocka_unit_test(test_merged_order),
        cmocka_unit_test(test_meta_comes_first_at_equal_times),
        cmocka_unit_test(test_any_spoilt_block_costs_only_itself),
        cmocka_unit_test(test_spoilt_sub_buffer_leaves_an_exact_hole),
        cmocka_unit_test(test_file_cut_anywhere),
        cmocka_unit_test(test_junk_between_blocks_is_skipped),
        cmocka_unit_test(test_missing_block_is_named),
        cmocka_unit_test(test_verdict_drops_what_it_names),
        cmocka_unit_test(test_of_a_sub_buffer_sent_twice_the_longer_counts),
        cmocka_unit_test(test_events_not_sent_at_the_end_of_an_unfinished_sub_buffer),
        cmocka_unit_test(test_one_session_of_several),
        cmocka_unit_test(test_without_start_the_lanes_are_guessed),
        cmocka_unit_test(test_what_cannot_be_read_is_refused),
        cmocka_unit_test(test_unknown_schema_is_refused_unless_the_capture_holds_it),
        cmocka_unit_test(test_lying_sub_buffer_headers_are_left_out),
        cmocka_unit_test(test_lane_that_does_not_exist),
        cmocka_unit_test(test_record_that_leaves_its_sub_buffer),
        cmocka_unit_test(test_record_of_no_known_event),
        cmocka_unit_test(test_record_of_a_wrong_length),
        cmocka_unit_test(test_time_that_goes_back),
        cmocka_unit_test(test_sub_buffer_that_begins_in_the_past),
        cmocka_unit_test(test_time_is_unwrapped),
        cmocka_unit_test(test_sparse_lanes_may_be_silent_for_longer),
        cmocka_unit_test(test_who_runs_at_the_beginning),
        cmocka_unit_test(test_conservation_is_checked_between_neighbours),
        cmocka_unit_test(test_image_and_capture_tell_the_same),
        cmocka_unit_test(test_image_of_rings_that_went_round),
        cmocka_unit_test(test_image_whose_writer_was_just_beginning_a_sub_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
