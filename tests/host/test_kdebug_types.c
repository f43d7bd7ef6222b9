/* SPDX-License-Identifier: MIT */
/*
 * Types of kdebug: the table that btf.py makes of this very program, so the compiler is the judge
 * of sizes and offsets; expressions over fields; printing; and damaged tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/list.h"
#include "gen/layout.h"
#include "kdebug/core/access.h"
#include "kdebug/core/command.h"
#include "kdebug/core/types.h"
#include "tests/host/kdebug_support.h"

enum colour { COLOUR_RED, COLOUR_GREEN, COLOUR_BLUE = 7 };
enum access { ACCESS_READ = 1, ACCESS_WRITE = 2, ACCESS_RUN = 8 };
enum below { BELOW_ZERO = -3, ABOVE_ZERO = 3 };
enum wide { WIDE_SMALL, WIDE_LARGE = 0x123456789a };

typedef uint64_t mileage_t;
struct opaque;

struct inner {
    int16_t x, y;
};

struct sample {
    uint8_t byte;
    int32_t number;
    mileage_t miles;
    _Atomic unsigned shared;
    const volatile char *text;
    char name[12];
    bool yes, odd;
    char letter;
    unsigned low : 3;
    int middle : 5;
    unsigned high : 20;
    enum colour colour;
    enum access access;
    enum below below;
    enum wide wide;
    struct inner inner;
    union {
        uint32_t word;
        uint8_t bytes[4];
    };
    struct {
        int deep;
    } named;
    uint16_t grid[2][3];
    struct inner pair[2];
    struct sample *next;
    struct opaque *hidden;
    int (*call)(int);
    struct list link;
    long tail[];
};

/* What only a declaration of another unit would know must not win over the whole type. */
extern struct sample only_declared;

static struct sample *sample;
static void *table;
static size_t table_bytes;
struct list *heads; /* makes sure that the types are in the program */
enum wide wide_keeper;

static int make_table(void **state)
{
    (void)state;
    char name[] = "/tmp/kdebug-types-XXXXXX";
    char command[256];
    int file = mkstemp(name);
    assert_true(file >= 0);
    snprintf(command, sizeof(command), "/usr/bin/python3 tools/gen/btf.py /proc/%d/exe %s",
             (int)getpid(), name);
    assert_int_equal(system(command), 0);
    FILE *stream = fdopen(file, "rb");
    assert_int_equal(fseek(stream, 0, SEEK_END), 0);
    table_bytes = (size_t)ftell(stream);
    rewind(stream);
    table = malloc(table_bytes);
    assert_int_equal(fread(table, 1, table_bytes, stream), table_bytes);
    fclose(stream);
    unlink(name);
    return 0;
}

static int drop_table(void **state)
{
    (void)state;
    kd_types_use("", 0);
    free(table);
    return 0;
}

static int begin(void **state)
{
    fake_begin(state);
    assert_true(kd_types_use(table, table_bytes));
    sample = fake_alloc(sizeof(*sample));
    char *text = fake_alloc(16);
    strcpy(text, "a \"text\"");
    *sample = (struct sample){
        .byte = 200,
        .number = -5,
        .miles = 0x12345,
        .shared = 9,
        .text = text,
        .name = "sample one",
        .yes = true,
        .letter = 'q',
        .low = 5,
        .middle = -3,
        .high = 0xabcde,
        .colour = COLOUR_BLUE,
        .access = ACCESS_READ | ACCESS_RUN,
        .below = BELOW_ZERO,
        .wide = WIDE_LARGE,
        .inner = {-1, 2},
        .word = 0x04030201,
        .named = {77},
        .grid = {{1, 2, 3}, {4, 5, 6}},
        .pair = {{1, 2}, {3, 4}},
        .call = (int (*)(int))(KERNEL_IMAGE_BASE + 0x1010),
    };
    struct sample *second = fake_alloc(sizeof(*second));
    strcpy(second->name, "two");
    second->number = 100;
    second->colour = COLOUR_GREEN;
    sample->next = second;
    struct list *head = fake_alloc(sizeof(*head));
    list_init(head);
    list_push_back(head, &sample->link);
    list_push_back(head, &second->link);
    fake_symbol(0x1000, 'T', "kernel_main");
    fake_symbol(0x2000, 'T', "next_one");
    fake_symbols_use();
    char line[80];
    snprintf(line, sizeof(line), "set $s = (struct sample *)0x%llx",
             (unsigned long long)(uintptr_t)sample);
    fake_run(line);
    snprintf(line, sizeof(line), "set $head = (struct list *)0x%llx",
             (unsigned long long)(uintptr_t)head);
    fake_run(line);
    return 0;
}

#define OFFSET(field)                                                                              \
    {                                                                                              \
#field, offsetof(struct sample, field)                                                     \
    }

static void test_sizes_and_offsets_are_the_compilers(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        size_t offset;
    } fields[] = {
        OFFSET(byte),   OFFSET(number),     OFFSET(miles), OFFSET(shared),    OFFSET(text),
        OFFSET(name),   OFFSET(yes),        OFFSET(odd),   OFFSET(letter),    OFFSET(colour),
        OFFSET(access), OFFSET(below),      OFFSET(wide),  OFFSET(inner),     OFFSET(inner.y),
        OFFSET(word),   OFFSET(named.deep), OFFSET(grid),  OFFSET(pair),      OFFSET(next),
        OFFSET(hidden), OFFSET(call),       OFFSET(link),  OFFSET(link.prev), OFFSET(tail),
    };
    char line[100], want[100];
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
        snprintf(line, sizeof(line), "print /d offsetof(struct sample, %s)", fields[i].field);
        snprintf(want, sizeof(want), "%zu\n", fields[i].offset);
        assert_string_equal(fake_run(line), want);
    }
    static const struct {
        const char *type;
        size_t bytes;
    } types[] = {
        {"struct sample", sizeof(struct sample)},
        {"sample *", 8},
        {"mileage_t", 8},
        {"enum wide", sizeof(enum wide)},
        {"unsigned short", 2},
        {"unsigned", 4},
        {"char", 1},
        {"bool", 1},
        {"struct inner", sizeof(struct inner)},
        {"$s->grid", 12},
        {"$s->grid[1]", 6},
        {"$s->pair", 8},
        {"$s->shared", 4},
        {"((struct sample *)0)->name", 12},
    };
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        snprintf(line, sizeof(line), "print /d sizeof(%s)",
                 strcmp(types[i].type, "sample *") == 0 ? "struct sample *" : types[i].type);
        snprintf(want, sizeof(want), "%zu\n", types[i].bytes);
        assert_string_equal(fake_run(line), want);
    }
}

static const struct {
    const char *expression, *shown;
} shown[] = {
    {"$s->byte", "200\n"},
    {"$s->number", "-5\n"},
    {"$s->number < 0", "0x1 = 1\n"},
    {"$s->number + 6", "0x1 = 1\n"},
    {"$s->byte < $s->number", "0x1 = 1\n"}, /* one of them has no sign: as in C */
    {"$s->miles", "0x12345\n"},
    {"$s->shared", "9\n"},
    {"$s->name", "\"sample one\"\n"},
    {"$s->yes", "true\n"},
    {"$s->odd", "false\n"},
    {"$s->letter", "'q'\n"},
    {"$s->low", "5\n"},
    {"$s->middle", "-3\n"},
    {"$s->high", "0xabcde\n"},
    {"$s->colour", "COLOUR_BLUE\n"},
    {"$s->access", "ACCESS_READ | ACCESS_RUN\n"},
    {"$s->below", "BELOW_ZERO\n"},
    {"$s->wide", "WIDE_LARGE\n"},
    {"$s->inner.x", "-1\n"},
    {"$s->word", "0x4030201\n"},
    {"$s->bytes[2]", "3\n"},
    {"$s->bytes", "{1, 2, 3, 4}\n"},
    {"$s->named.deep", "77\n"},
    {"$s->grid", "{{1, 2, 3}, {4, 5, 6}}\n"},
    {"$s->grid[1][2]", "6\n"},
    {"$s->pair[1].y", "4\n"},
    {"$s->next->name", "\"two\"\n"},
    {"(*$s->next).number", "100\n"},
    {"$s->next->next", "NULL\n"},
    {"$s->hidden", "NULL\n"},
    {"$s->call", "0xffffffff80001010 <kernel_main+0x10>\n"},
    {"$s->colour == COLOUR_BLUE", "0x1 = 1\n"},
    {"$s->colour == BLUE", "0x1 = 1\n"},
    {"$s->name == \"sample one\"", "0x1 = 1\n"},
    {"$s->name == \"sample\"", "0x0 = 0\n"},
    {"$s->name != \"sample one and more\"", "0x1 = 1\n"},
    {"ABOVE_ZERO", "ABOVE_ZERO\n"},
    {"(uint8_t)0x1ff", "255\n"},
    {"(signed char)0xff", "-1\n"},
    {"(enum colour)1", "COLOUR_GREEN\n"},
    {"(bool)8", "true\n"},
    {"&$s->pair[1] - &$s->pair[0]", "0x1 = 1\n"},
    {"(uint64_t)(&$s->pair[0] + 1) - (uint64_t)&$s->pair[0]", "0x4 = 4\n"},
    {"*&$s->number", "-5\n"},
    {"$s->next->next && $s->next->next->number == 1", "0x0 = 0\n"}, /* the rest is not read */
    {"1 || *0x5000", "0x1 = 1\n"},
    {"$s->inner", NULL},
};

static void test_expressions_over_fields(void **state)
{
    (void)state;
    char line[200];
    for (size_t i = 0; i < ARRAY_COUNT(shown) && shown[i].shown != NULL; i++) {
        snprintf(line, sizeof(line), "print %s", shown[i].expression);
        const char *got = fake_run(line);
        if (strcmp(got, shown[i].shown) != 0) {
            fail_msg("%s shows %s instead of %s", shown[i].expression, got, shown[i].shown);
        }
    }
}

static const struct {
    const char *expression, *message;
} wrong[] = {
    {"$s->nothing", "error: no field of this name"},
    {"$s->number.x", "error: only a structure or a pointer to one has fields"},
    {"$s->hidden->x", "error: this pointer points to no structure that is known"},
    {"$s->next->next->number + 1", "error: nothing is mapped at 0x4"},
    {"$s->pair[2]", "error: the array has no such element"},
    {"$s->number[1]", "error: only an array or a pointer to something has elements"},
    {"&5", "error: only what lies in memory has an address"},
    {"&$s->low", "error: only what lies in memory has an address"},
    {"*$s + 1", "error: a whole structure is no number"},
    {"(struct nothing *)1", "error: no struct 'nothing'"},
    {"(struct sample)1", "error: only numbers, enums and pointers can be cast to"},
    {"sizeof(struct nothing)", "error: no struct 'nothing'"},
    {"offsetof(struct sample, nothing)", "error: no field of this name"},
    {"$nothing", "error: no variable '$nothing'"},
    {"ZERO", "error: no symbol 'ZERO'"}, /* two enumerators end so */
};

static void test_mistakes_are_named(void **state)
{
    (void)state;
    char line[200];
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        snprintf(line, sizeof(line), "print %s", wrong[i].expression);
        const char *got = fake_run(line);
        if (strstr(got, wrong[i].message) == NULL) {
            fail_msg("%s shows %s instead of %s", wrong[i].expression, got, wrong[i].message);
        }
    }
}

static void test_a_structure_is_printed_by_fields(void **state)
{
    (void)state;
    const char *text = fake_run("print *$s");
    static const char *const parts[] = {
        "(struct sample) 0x",
        " {\n  .byte = 200\n  .number = -5\n",
        "  .text = 0x",
        " \"a \\\"text\\\"\"\n  .name = \"sample one\"\n",
        "  .inner = {\n    .x = -1\n    .y = 2\n  }\n",
        "  {\n    .word = 0x4030201\n    .bytes = {1, 2, 3, 4}\n  }\n",
        "  .grid = {{1, 2, 3}, {4, 5, 6}}\n  .pair = {{x = 1, y = 2}, {x = 3, y = 4}}\n",
        "  .call = 0xffffffff80001010 <kernel_main+0x10>\n",
        "  .tail = {}\n}\n",
    };
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        if (strstr(text, parts[i]) == NULL) {
            fail_msg("'%s' is missing in\n%s", parts[i], text);
        }
    }
    assert_string_equal(fake_run("print *(struct inner *)0x5000"),
                        "(struct inner) 0x5000 {\n  .x = <unreadable>\n  .y = <unreadable>\n}\n");
    assert_string_equal(fake_run("print $s->number $s->name $s->colour"),
                        "-5 \"sample one\" COLOUR_BLUE \n");
    assert_string_equal(
        fake_run("type struct inner"),
        "struct inner, 4 bytes\n      0      2  int16_t x\n      2      2  int16_t y\n");
    assert_non_null(strstr(fake_run("type sample"), " unsigned int high : 20 at bit 0\n"));
    assert_string_equal(fake_run("type -part olour"), "enum colour\n");
}

static void test_lists_and_arrays_flow_through_pipes(void **state)
{
    (void)state;
    assert_string_equal(fake_run("list $head sample link | print .name"),
                        "\"sample one\"\n\"two\"\n");
    assert_string_equal(fake_run("list $head sample link | where .colour == GREEN | print .name"),
                        "\"two\"\n");
    assert_string_equal(fake_run("list $head sample link | sort -r .number | print .number"),
                        "100\n-5\n");
    assert_string_equal(fake_run("list $head sample link | sort .name | print .name"),
                        "\"sample one\"\n\"two\"\n");
    assert_string_equal(fake_run("list $head sample link | sort .number | head 1 | count"),
                        "0x1 = 1\n");
    assert_string_equal(fake_run("list $head sample link | uniq .yes | count"), "0x2 = 2\n");
    assert_string_equal(fake_run("list $head sample link | uniq 1 | count"), "0x1 = 1\n");
    assert_string_equal(fake_run("array $s->grid[1]"), "4\n5\n6\n");
    assert_string_equal(fake_run("array $s->pair | where .x > 1 | print .y"), "4\n");
    assert_string_equal(fake_run("array &$s->pair[0] 2 | print .x"), "1\n3\n");
    assert_non_null(strstr(fake_run("list $head sample nothing"), "error: no field 'nothing'"));
    assert_non_null(strstr(fake_run("array $s"), "error: a pointer does not know"));
}

static void test_what_is_set_is_there(void **state)
{
    (void)state;
    fake_run("set $s->number = -7");
    assert_int_equal(sample->number, -7);
    fake_run("set $s->middle = 4");
    assert_int_equal(sample->middle, 4);
    assert_int_equal(sample->low, 5);
    assert_int_equal(sample->high, 0xabcde);
    fake_run("set $s->colour = COLOUR_GREEN");
    assert_int_equal(sample->colour, COLOUR_GREEN);
    fake_run("set $s->pair[1].x = $s->byte");
    assert_int_equal(sample->pair[1].x, 200);
    assert_non_null(strstr(fake_run("set 5 = 6"), "error: only a number, enum or pointer"));
    assert_non_null(strstr(fake_run("set *$s = 6"), "error: only a number, enum or pointer"));
    assert_non_null(strstr(fake_run("set $s->number"), "'=' is missing"));
    fake_run("set $n = $s->number");
    fake_run("set $s->number = 1");
    assert_string_equal(fake_run("print $n"), "-7\n");
    assert_non_null(strstr(fake_run("set"), "$n = -7\n"));
}

/* Y2: whatever is in the table, commands end and nothing outside of it is read (ASan). */
static void test_types_and_fields_are_completed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *added;
    } cases[] = {
        {"print (struct samp", "le "},
        {"type sampl", "e "},
        {"print (enum colo", "ur "},
        {"print $s->numb", "er"},
        {"print $s->pair[1].", ""},
        {"list $head sample link | print .colo", "ur"},
        {"list $head sample link | where .nam", "e"},
        {"print $s->zzz", ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char added[32];
        bool listed;
        size_t bytes =
            kd_complete(cases[i].text, strlen(cases[i].text), added, sizeof(added), &listed);
        if (bytes != strlen(cases[i].added) || memcmp(added, cases[i].added, bytes) != 0) {
            fail_msg("'%s': adds '%.*s'", cases[i].text, (int)bytes, added);
        }
    }
}

static void test_random_damage(void **state)
{
    static const char *const lines[] = {
        "print *$s",  "type struct sample", "print $s->grid[1][1]",
        "print BLUE", "type -part s",       "print (struct list *)5"};
    (void)state;
    srand(6);
    for (unsigned round = 0; round < 2000; round++) {
        char *copy = malloc(table_bytes);
        memcpy(copy, table, table_bytes);
        for (int damage = rand() % 20; damage >= 0; damage--) {
            size_t place = rand() % 4 == 0 ? (size_t)rand() % 24 : (size_t)rand() % table_bytes;
            copy[place] = (char)rand();
        }
        (void)kd_types_use(copy, table_bytes);
        for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
            (void)fake_run(lines[i]);
        }
        kd_types_use("", 0);
        free(copy);
    }
    for (size_t bytes = 0; bytes < table_bytes; bytes += 97) {
        char *copy = malloc(bytes + 1);
        copy = realloc(copy, bytes == 0 ? 1 : bytes);
        memcpy(copy, table, bytes);
        assert_false(kd_types_use(copy, bytes));
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sizes_and_offsets_are_the_compilers, begin),
        cmocka_unit_test_setup(test_expressions_over_fields, begin),
        cmocka_unit_test_setup(test_mistakes_are_named, begin),
        cmocka_unit_test_setup(test_a_structure_is_printed_by_fields, begin),
        cmocka_unit_test_setup(test_lists_and_arrays_flow_through_pipes, begin),
        cmocka_unit_test_setup(test_what_is_set_is_there, begin),
        cmocka_unit_test_setup(test_types_and_fields_are_completed, begin),
        cmocka_unit_test_setup(test_random_damage, begin),
    };
    return cmocka_run_group_tests(tests, make_table, drop_table);
}
