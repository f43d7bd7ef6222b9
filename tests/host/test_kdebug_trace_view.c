/* SPDX-License-Identifier: MIT */
/* trace last, where and mark over rings as they become: overwritten, with holes, of a million events. The rows must be those of a
 * reader that knows no short cut, and the rings stay as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/layout.h"
#include "gen/trace_table.h"
#include "kdebug/cmd/trace_print.h"
#include "tests/host/kdebug_support.h"
#include "tests/host/kdebug_trace_support.h"

#define ROUNDS       60u
#define RANDOM_LANES 5u
#define THREADS      6u

static uint64_t random_state;

static uint64_t random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static unsigned below(unsigned limit)
{
    return (unsigned)(random_u64() >> 20) % limit;
}

static int begin(void **state)
{
    fake_begin(state);
    fake_cpus = 2;
    random_state = 88172645463325252ull;
    return 0;
}

/* ---- rings of every kind ---- */

static const struct {
    uint16_t event;
    uint8_t words;
} kinds[] = {
    {TRACE_EVENT_IPC_CALL, 2},
    {TRACE_EVENT_IPC_RETURN, 1},
    {TRACE_EVENT_IPC_REPLY, 1},
    {TRACE_EVENT_IPC_RECEIVE, 2},
    {TRACE_EVENT_SCHED_THREAD_SWITCH, 1},
    {TRACE_EVENT_SCHED_THREAD_WAKE, 1},
    {TRACE_EVENT_IRQ_ENTER, 0},
    {TRACE_EVENT_KDEBUG_ENTER, 0},
    {TRACE_EVENT_USER_MARK, 2},
    {TRACE_EVENT_LOG_LINE, 4},
    {TRACE_EVENT_IPC_CALL, 1}, /* cut short: no fields of its second word */
    {TRACE_EVENT_COUNT, 1},    /* of a kernel that knows more events */
};

/* Small values in all fields, so that conditions are met often. */
static uint64_t random_word(unsigned event)
{
    if (event == TRACE_EVENT_SCHED_THREAD_SWITCH) {
        return below(THREADS) | (uint64_t)below(THREADS) << 24 | (uint64_t)below(4) << 48;
    }
    return below(THREADS) | (uint64_t)below(4) << 32;
}

static void write_random(unsigned lane, uint64_t tsc)
{
    unsigned kind = below(ARRAY_COUNT(kinds));
    uint64_t words[4];
    for (unsigned i = 0; i < kinds[kind].words; i++) {
        words[i] = random_word(kinds[kind].event);
    }
    unsigned small = below(8) == 0 ? 0xfd : below(6);
    write_record(lane, tsc, kinds[kind].event, small, words, kinds[kind].words);
}

static void make_holes(void)
{
    for (unsigned hole = below(4); hole > 0; hole--) {
        unsigned lane = below(RANDOM_LANES);
        uint64_t bytes = region->lane[lane].ring_bytes;
        ring_at(lane, below((unsigned)(bytes / TRACE_SUBBUF_BYTES)) * TRACE_SUBBUF_BYTES)[0] ^= 1;
    }
    if (below(4) == 0) { /* its ring was made anew a while ago */
        unsigned lane = 2 + below(RANDOM_LANES - 2);
        region->lane[lane].first =
            lanes[lane].position / 2 / TRACE_SUBBUF_BYTES * TRACE_SUBBUF_BYTES;
    }
}

static void tell_loss(unsigned lane, uint64_t tsc)
{
    const uint64_t words[] = {3, tsc - 1, tsc};
    lanes[lane].events += 3;
    write_record(lane, tsc, TRACE_EVENT_TRACE_LOST, 1, words, 3);
}

static void make_random_rings(void)
{
    make_region(RANDOM_LANES, 2 * SMALL_RING_BYTES);
    uint64_t tsc = CLOCK_TSC;
    bool is_quiet = below(2) == 0;
    for (unsigned i = below(40000); i > 0; i--) {
        unsigned lane = is_quiet && i % 4096 > 100 ? 2 : below(RANDOM_LANES);
        tsc += 1 + below(3000);
        if (lane == 0 && lanes[0].position + 4096 > SMALL_RING_BYTES) {
            continue; /* a meta lane keeps its oldest */
        }
        if (below(2000) == 0) {
            tell_loss(lane, tsc);
        } else {
            write_random(lane, tsc);
        }
    }
    make_holes();
}

/* ---- the plain reader: each record of each lane from the oldest on, and every condition asked of it as it is written ---- */

struct row {
    uint64_t tsc;
    uint64_t record[1 + TRACE_WORDS_MAX];
    uint32_t current;
    unsigned cpu;
};

static struct row *rows;
static unsigned row_count, row_room;

static void add_row(const struct row *row)
{
    if (row_count == row_room) {
        row_room = row_room == 0 ? 4096 : 2 * row_room;
        rows = realloc(rows, row_room * sizeof(*rows));
    }
    rows[row_count++] = *row;
}

static void read_plain_subbuf(unsigned lane, uint64_t start)
{
    const uint64_t mask = (1ull << TRACE_TIME_BITS) - 1;
    const struct trace_subbuf *head = (const struct trace_subbuf *)ring_at(lane, start);
    if (head->magic != TRACE_SUBBUF_MAGIC || head->position != start) {
        return;
    }
    struct row row = {.tsc = head->tsc, .current = head->current, .cpu = lanes[lane].cpu};
    uint64_t end = MIN(start + TRACE_SUBBUF_BYTES, lanes[lane].position);
    for (uint64_t at = start + sizeof(*head); at < end;) {
        const uint64_t *words = (const uint64_t *)ring_at(lane, at);
        unsigned count = 1 + TRACE_WORDS(words[0]);
        row.tsc += (TRACE_TIME(words[0]) - row.tsc) & mask;
        memcpy(row.record, words, 8 * count);
        if (TRACE_EVENT(words[0]) != TRACE_EVENT_TRACE_PAD) {
            add_row(&row);
        }
        if (TRACE_EVENT(words[0]) == TRACE_EVENT_SCHED_THREAD_SWITCH) {
            row.current = words[1] >> 24 & 0xffffff;
        }
        at += 8 * count;
    }
}

static int by_time(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return (x->tsc > y->tsc) - (x->tsc < y->tsc);
}

static void read_plain(void)
{
    row_count = 0;
    for (unsigned lane = 0; lane < region->lane_count; lane++) {
        uint64_t start = trace_oldest_in(&region->lane[lane], lanes[lane].position);
        for (; start < lanes[lane].position; start += TRACE_SUBBUF_BYTES) {
            read_plain_subbuf(lane, start);
        }
    }
    qsort(rows, row_count, sizeof(*rows), by_time);
}

/* ---- random conditions: as text, and as what they mean ---- */

struct condition {
    enum { AND, OR, NOT, EVENT, THREAD, CURRENT, CPU, FIELD, VALUE_NAME } kind;
    unsigned left, right;
    unsigned compare;
    const char *word, *name;
    int64_t value;
};

static struct condition conditions[64];
static unsigned condition_count;

static const char *const operators[] = {"==", "!=", "<", "<=", ">", ">="};

static unsigned random_condition(unsigned depth)
{
    static const char *const starts[] = {"ipc", "sched", "sched.thread.w", "user.mark", "irq"};
    static const char *const names[] = {"status", "prev", "priority", "label", "id", "vector"};
    static const char *const values[][2] = {{"reason", "pick"},    {"reason", "panic"},
                                            {"state", "receive"},  {"level", "warning"},
                                            {"reason", "handoff"}, {"state", "dead"}};
    struct condition condition = {.kind = depth > 2 ? EVENT + below(6) : below(VALUE_NAME + 1)};
    condition.compare = below(condition.kind == THREAD || condition.kind == VALUE_NAME ? 2 : 6);
    condition.value = below(THREADS);
    if (condition.kind <= NOT) {
        condition.left = random_condition(depth + 1);
        condition.right = condition.kind == NOT ? 0 : random_condition(depth + 1);
    } else if (condition.kind == EVENT) {
        condition.word = starts[below(ARRAY_COUNT(starts))];
    } else if (condition.kind == FIELD) {
        condition.word = names[below(ARRAY_COUNT(names))];
        condition.value -= condition.word[0] == 's' ? 3 : 0;
    } else if (condition.kind == VALUE_NAME) {
        unsigned i = below(ARRAY_COUNT(values));
        condition.word = values[i][0];
        condition.name = values[i][1];
    }
    conditions[condition_count] = condition;
    return condition_count++;
}

static void print_condition(char *to, unsigned i)
{
    const struct condition *condition = &conditions[i];
    static const char *const words[] = {"and", "or", "not", "event", "thread", "current", "cpu"};
    to += strlen(to);
    if (condition->kind <= OR) {
        strcat(to, "(");
        print_condition(to, condition->left);
        sprintf(to + strlen(to), " %s ", words[condition->kind]);
        print_condition(to, condition->right);
        strcat(to, ")");
    } else if (condition->kind == NOT) {
        strcat(to, "not ");
        print_condition(to, condition->left);
    } else if (condition->kind == EVENT) {
        sprintf(to, "event is %s", condition->word);
    } else {
        sprintf(to, "%s %s ", condition->kind < FIELD ? words[condition->kind] : condition->word,
                operators[condition->compare]);
        if (condition->name != NULL) {
            strcat(to, condition->name);
        } else {
            sprintf(to + strlen(to), "%lld", (long long)condition->value);
        }
    }
}

static bool compare(int64_t have, unsigned how, int64_t want)
{
    const bool results[] = {have == want, have != want, have<want, have <= want, have> want,
                            have >= want};
    return results[how];
}

static bool field_is(const struct condition *condition, const struct row *row)
{
    const struct trace_event_info *info = trace_event_info(TRACE_EVENT(row->record[0]));
    for (unsigned i = 0; info != NULL && i < info->fields; i++) {
        const struct trace_field *field = &info->field[i];
        if (strcmp(field->name, condition->word) != 0 ||
            field->word > TRACE_WORDS(row->record[0])) {
            continue;
        }
        uint64_t value = trace_field_value(field, row->record);
        if (condition->kind == FIELD) {
            return compare((int64_t)value, condition->compare, condition->value);
        }
        const char *name = field->kind == TRACE_KIND_ENUM ? trace_enum_name(field, value) : NULL;
        bool is_it = name != NULL && strcmp(name, condition->name) == 0;
        return condition->compare == 0 ? is_it : !is_it;
    }
    return false;
}

static bool names_thread(const struct row *row, uint64_t thread)
{
    const struct trace_event_info *info = trace_event_info(TRACE_EVENT(row->record[0]));
    if (info == NULL) {
        return false;
    }
    for (unsigned i = 0; i < info->fields; i++) {
        if (info->field[i].kind == TRACE_KIND_TID &&
            info->field[i].word <= TRACE_WORDS(row->record[0]) &&
            trace_field_value(&info->field[i], row->record) == thread) {
            return true;
        }
    }
    return row->current == thread;
}

static bool meets(unsigned i, const struct row *row)
{
    const struct condition *condition = &conditions[i];
    const struct trace_event_info *info = trace_event_info(TRACE_EVENT(row->record[0]));
    switch (condition->kind) {
    case AND:
        return meets(condition->left, row) && meets(condition->right, row);
    case OR:
        return meets(condition->left, row) || meets(condition->right, row);
    case NOT:
        return !meets(condition->left, row);
    case EVENT:
        return info != NULL && strncmp(info->name, condition->word, strlen(condition->word)) == 0;
    case THREAD:
        return names_thread(row, (uint64_t)condition->value) == (condition->compare == 0);
    case CURRENT:
        return compare(row->current, condition->compare, condition->value);
    case CPU:
        return compare(row->cpu, condition->compare, condition->value);
    default:
        return field_is(condition, row);
    }
}

/* ---- one against the other ---- */

struct view {
    unsigned limit, root;
    uint64_t from, to; /* microseconds after the clock's; to 0: none */
    bool is_forward;
};

static struct view random_view(char *line)
{
    uint64_t last_us = row_count == 0 ? 9 : (rows[row_count - 1].tsc - CLOCK_TSC) / 1000;
    struct view view = {.limit = 1 + below(below(2) == 0 ? 20 : KD_EVENTS_MAX)};
    do {
        condition_count = 0;
        view.root = random_condition(0);
    } while (condition_count > 10);
    sprintf(line, "trace last since 0 %u where ", view.limit);
    print_condition(line, view.root);
    if (below(3) == 0) {
        view.is_forward = true;
        view.from = below((unsigned)last_us + 1);
        sprintf(line + strlen(line), " after %llu.%06llu", (unsigned long long)view.from / 1000000,
                (unsigned long long)view.from % 1000000);
    }
    if (below(3) == 0) {
        view.to = 1 + below((unsigned)last_us + 1);
        sprintf(line + strlen(line), " before %llu.%06llu", (unsigned long long)view.to / 1000000,
                (unsigned long long)view.to % 1000000);
    }
    return view;
}

/* Numbers of rows[] that the view has to show, oldest first. */
static unsigned choose_plain(const struct view *view, unsigned *chosen)
{
    unsigned passing = 0;
    unsigned *all = malloc((row_count + 1) * sizeof(*all));
    for (unsigned i = 0; i < row_count; i++) {
        uint64_t since = rows[i].tsc - CLOCK_TSC;
        if (since >= view->from * 1000 && (view->to == 0 || since < view->to * 1000) &&
            meets(view->root, &rows[i])) {
            all[passing++] = i;
        }
    }
    unsigned count = MIN(passing, view->limit);
    memcpy(chosen, view->is_forward ? all : all + passing - count, count * sizeof(*all));
    free(all);
    return count;
}

/* Times are in nanoseconds and no two records have the same, so a row's time says which it is. */
static void expect_row(const char *text, const struct row *row, const char *line)
{
    unsigned long long us, ns, since = row->tsc - CLOCK_TSC;
    unsigned cpu;
    if (sscanf(text, "+%llu.%llu us cpu%u", &us, &ns, &cpu) != 3) {
        assert_int_equal(sscanf(text, "+%llu.%llu us meta", &us, &ns), 2);
        cpu = row->cpu;
    }
    if (us * 1000 + ns != since || cpu != row->cpu) {
        fail_msg("%s: %.60s and not %llu ns", line, text, since);
    }
}

static void compare_view(const struct view *view, const char *line)
{
    static unsigned chosen[KD_EVENTS_MAX];
    unsigned count = choose_plain(view, chosen);
    const char *text = fake_run(line);
    for (unsigned i = 0; i < count; i++) {
        expect_row(text, &rows[chosen[i]], line);
        text = strchr(text, '\n') + 1;
    }
    if (*text != '\0') {
        fail_msg("%s: also %.80s", line, text);
    }
}

static void test_views_are_those_of_a_plain_reader(void **state)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t seed = random_state;
        begin(state);
        random_state = seed;
        make_random_rings();
        read_plain();
        uint8_t *before = malloc(region->bytes);
        memcpy(before, region, region->bytes);
        for (unsigned i = 0; i < 8; i++) {
            char line[1024];
            struct view view = random_view(line);
            compare_view(&view, line);
        }
        assert_memory_equal(before, region, region->bytes);
        free(before);
    }
}

/* ---- a million events ---- */

#define MILLION    1000000u
#define RARE       5u /* of its calls there are few, all but the newest of them a long way back */
#define RARE_CALLS 30u
#define CORES      4u

static bool is_rare(unsigned i)
{
    return i % (MILLION / RARE_CALLS / 4) == 77 && i < MILLION / 2;
}

/* Calls, replies and switches of four cores; the rare thread runs for a call each time. Returns how many calls it made. */
static unsigned write_million(void)
{
    unsigned calls = 0;
    make_region(2 + CORES, 0x800000);
    for (unsigned i = 0; i < MILLION; i++) {
        unsigned lane = 2 + i % CORES;
        uint64_t tsc = CLOCK_TSC + i * 1000ull, words[] = {i, 7};
        if (is_rare(i)) {
            uint64_t to = 100 | (uint64_t)RARE << 24, away = RARE | 100ull << 24;
            write_record(lane, tsc - 2, TRACE_EVENT_SCHED_THREAD_SWITCH, 0, &to, 1);
            write_record(lane, tsc - 1, TRACE_EVENT_IPC_CALL, 0, words, 2);
            write_record(lane, tsc, TRACE_EVENT_SCHED_THREAD_SWITCH, 0, &away, 1);
            calls++;
        } else {
            write_record(lane, tsc,
                         i / CORES % 3 == 0 ? TRACE_EVENT_IPC_REPLY : TRACE_EVENT_IPC_CALL, 0,
                         words, i / CORES % 3 == 0 ? 1 : 2);
        }
    }
    return calls;
}

static unsigned count_lines(const char *text)
{
    unsigned lines = 0;
    for (; *text != '\0'; text++) {
        lines += *text == '\n';
    }
    return lines;
}

/* The last calls of the rare thread, oldest first, by the number that each has. */
static void expect_rare(const char *text, unsigned calls, unsigned shown)
{
    unsigned number = 0;
    for (unsigned i = 0; i < MILLION; i++) {
        if (is_rare(i) && ++number > calls - shown) {
            char call[24];
            snprintf(call, sizeof(call), " call=0x%x ", i);
            text = strstr(text, call);
            assert_non_null(text);
        }
    }
}

static unsigned reads_of(const char *line)
{
    unsigned before = fake_reads;
    (void)fake_run(line);
    return fake_reads - before;
}

/* Reading a page takes five physical reads: four levels of tables and itself. */
static void test_a_million_events(void **state)
{
    (void)state;
    unsigned calls = write_million();
    uint64_t events = 0;
    for (unsigned lane = 2; lane < 2 + CORES; lane++) {
        events += lanes[lane].events;
        assert_true(lanes[lane].position < region->lane[lane].ring_bytes); /* all are there */
    }
    assert_true(events >= MILLION);
    uint8_t *before = malloc(region->bytes);
    memcpy(before, region, region->bytes);

    const char *text = fake_run("trace last 20 where event is ipc and thread == 5");
    assert_int_equal(count_lines(text), 20);
    expect_rare(text, calls, 20);
    assert_int_equal(count_lines(fake_run("trace last 1024 ipc thread 5")), calls);
    assert_int_equal(count_lines(fake_run("trace last 3 after 0.9 where not event is ipc.call")),
                     3);
    (void)fake_run("trace mark a where thread == 5");
    (void)fake_run("trace last 9 since a delta after a");
    (void)fake_run("trace mark a off");
    (void)fake_run("trace");

    /* What is recent is found in the newest sub-buffers of the cores, and what is asked from a time on is not sought before it. */
    unsigned newest = CORES * (TRACE_SUBBUF_BYTES / PAGE_BYTES) * 5, shown = 20 * 2 * 5;
    assert_true(reads_of("trace last 20 ipc") < 3 * newest + shown);
    assert_true(reads_of("trace last 20 after 0.999 thread 5") < 3 * newest + shown);
    assert_true(reads_of("trace last 20 thread 99") > 100 * newest);

    assert_memory_equal(before, region, region->bytes);
    free(before);
}

/* ---- conditions and marks, letter by letter ---- */

static void write_few(void)
{
    make_region(4, SMALL_RING_BYTES);
    uint64_t switched = 5 | 9ull << 24 | 8ull << 48;
    const uint64_t called[] = {0x77, 0}, marked[] = {1, 7};
    write_record(2, CLOCK_TSC + 1000, TRACE_EVENT_IPC_CALL, 0, called, 2);
    write_record(2, CLOCK_TSC + 2000, TRACE_EVENT_SCHED_THREAD_SWITCH, 3 | 1 << 4, &switched, 1);
    write_record(2, CLOCK_TSC + 5500, TRACE_EVENT_IPC_RETURN, 0xfe, called, 1);
    write_record(3, CLOCK_TSC + 7000, TRACE_EVENT_USER_MARK, 0, marked, 2);
}

#define CALL "     0.000001 cpu0     72  ipc.call flags=0x0 call=0x77 mailbox=0 label=0x0"
#define SWITCH                                                                                     \
    "     0.000002 cpu0     72  sched.thread.switch state=receive reason=handoff prev=5 next=9 "   \
    "priority=8"
#define RETURN "     0.000005 cpu0      9  ipc.return status=ERR_WRONG_TYPE call=0x77"
#define MARK   "     0.000007 cpu1     73  user.mark id=1 value=7"

static void test_conditions(void **state)
{
    (void)state;
    static const struct {
        const char *conditions, *output;
    } cases[] = {
        {"event is ipc", CALL "\n" RETURN "\n"},
        {"event is ipc and not status < 0", CALL "\n"},
        {"status < 0", RETURN "\n"},
        {"status != -2", ""},
        {"state == receive", SWITCH "\n"},
        {"reason != handoff", ""},
        {"thread == 5", SWITCH "\n"},
        {"thread == 9", SWITCH "\n" RETURN "\n"},
        {"thread != 9 and thread != 72", MARK "\n"},
        {"current == 72 or cpu == 1", CALL "\n" SWITCH "\n" MARK "\n"},
        {"not (event is ipc or event is user)", SWITCH "\n"},
        {"call == 0x70 + 7 and (cpu == 1 or current >= 72)", CALL "\n"},
        {"event is user or event is ipc and current == 9", RETURN "\n" MARK "\n"},
        {"event is ipc, 1", RETURN "\n"}, /* options go on behind it */
        {"event is ipc cpu 0 1", RETURN "\n"},
        {"event is ipc where call == 0x77 where current == 9", RETURN "\n"},
    };
    static const char *const wrong[][2] = {
        {"", "a condition is missing"},
        {"event", "expected 'is'"},
        {"event is", "no event's name begins so"},
        {"event is nothing", "no event's name begins so"},
        {"no_field == 1", "no event has such a field"},
        {"call = 1", "expected =="},
        {"call ==", "a value is missing"},
        {"thread < 5", "threads are == or !="},
        {"(call == 1", "expected )"},
        {"call == 1 and", "a condition is missing"},
        {"((((((((((call == 1))))))))))", "too deep"},
        {"not not not not not not not not not call == 1", "too deep"},
        {"id == 1 or id == 2 or id == 3 or id == 4 or id == 5 or id == 6 or id == 7 or id == 8 or "
         "id == 9 or id == 1 or "
         "id == 2 or id == 3 or id == 4",
         "too many conditions"},
    };
    write_few();
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        char line[160];
        snprintf(line, sizeof(line), "trace last where %s", cases[i].conditions);
        assert_string_equal(fake_run(line), cases[i].output);
    }
    for (unsigned i = 0; i < ARRAY_COUNT(wrong); i++) {
        char line[240];
        snprintf(line, sizeof(line), "trace last where %s", wrong[i][0]);
        if (strstr(fake_run(line), wrong[i][1]) == NULL) {
            fail_msg("%s: %s", line, fake_run(line));
        }
    }
}

static void test_marks_and_differences(void **state)
{
    (void)state;
    write_few();
    assert_string_equal(fake_run("trace mark"), "");
    assert_string_equal(fake_run("trace mark c ipc.call"), CALL "  <- mark c\n");
    assert_string_equal(fake_run("trace mark r 2"), RETURN "  <- mark r\n");
    assert_string_equal(fake_run("trace mark s 2 after 0"), SWITCH "  <- mark s\n");
    assert_string_equal(fake_run("trace mark"),
                        CALL "  <- mark c\n" RETURN "  <- mark r\n" SWITCH "  <- mark s\n");
    assert_string_equal(fake_run("trace mark s off"), "");

    /* Marks are in the list, times since one go both ways, and it is where a search begins or ends. */
    assert_string_equal(
        fake_run("trace last since r"),
        "-        4.500 us cpu0     72  ipc.call flags=0x0 call=0x77 mailbox=0 label=0x0  <- mark "
        "c\n"
        "-        3.500 us cpu0     72  sched.thread.switch state=receive reason=handoff prev=5 "
        "next=9 priority=8\n"
        "+        0.000 us cpu0      9  ipc.return status=ERR_WRONG_TYPE call=0x77  <- mark r\n"
        "+        1.500 us cpu1     73  user.mark id=1 value=7\n");
    assert_string_equal(
        fake_run("trace last after r since c delta"),
        "+        4.500 us +        0.000 us cpu0      9  ipc.return status=ERR_WRONG_TYPE "
        "call=0x77  <- mark r\n"
        "+        6.000 us +        1.500 us cpu1     73  user.mark id=1 value=7\n");
    assert_string_equal(fake_run("trace last 1 before r"), SWITCH "\n");

    assert_non_null(strstr(fake_run("trace last since x"), "there is no such mark"));
    assert_non_null(strstr(fake_run("trace last since soon"), "or a mark"));
    assert_non_null(strstr(fake_run("trace mark A"), "letters from a to z"));
    assert_non_null(strstr(fake_run("trace mark d 5"), "there is no such event"));
    assert_non_null(strstr(fake_run("trace mark d 0"), "there is no such event"));

    /* Around the ring: the mark still says when it was. */
    const uint64_t words[2] = {0};
    for (unsigned i = 0; i < 2 * SMALL_RING_BYTES / 24; i++) {
        write_record(2, CLOCK_TSC + 8000, TRACE_EVENT_USER_MARK, 0, words, 2);
    }
    assert_string_equal(fake_run("trace mark"),
                        "     0.000001 (gone)  <- mark c\n     0.000005 (gone)  <- mark r\n");
    assert_string_equal(fake_run("trace last 1 since r cpu 1"),
                        "+        1.500 us cpu1     73  user.mark id=1 value=7\n");
    region->boot_id++; /* of another boot, it says nothing */
    assert_string_equal(fake_run("trace mark"), "");
    assert_non_null(strstr(fake_run("trace last since r"), "there is no such mark"));
    region->boot_id--;
    (void)fake_run("trace mark c off; trace mark r off");
    assert_string_equal(fake_run("trace mark"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_views_are_those_of_a_plain_reader, begin),
        cmocka_unit_test_setup(test_a_million_events, begin),
        cmocka_unit_test_setup(test_conditions, begin),
        cmocka_unit_test_setup(test_marks_and_differences, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
