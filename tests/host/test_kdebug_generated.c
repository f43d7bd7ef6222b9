/* SPDX-License-Identifier: MIT */
/* Fifty types made by chance (generated_types.py): of each field kdebug says what gdb says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kdebug/core/types.h"
#include "tests/host/kdebug_support.h"

#define CASES_MIN 1000u

static char folder[] = "/tmp/kdebug-generated-XXXXXX";

static void *read_file(const char *name, size_t *out_bytes)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    assert_int_equal(fseek(stream, 0, SEEK_END), 0);
    size_t bytes = (size_t)ftell(stream);
    rewind(stream);
    char *text = malloc(bytes + 1);
    assert_int_equal(fread(text, 1, bytes, stream), bytes);
    text[bytes] = '\0';
    fclose(stream);
    *out_bytes = bytes;
    return text;
}

static void look_at_pool(void)
{
    char line[64];
    size_t bytes;
    void *pool = read_file("pool.bin", &bytes);
    void *there = fake_alloc(bytes);
    memcpy(there, pool, bytes);
    free(pool);
    snprintf(line, sizeof(line), "set $pool = 0x%llx", (unsigned long long)(uintptr_t)there);
    assert_string_equal(fake_run(line), "");
}

static void check_case(const char *text)
{
    char line[512], *expression;
    uint64_t expected = strtoull(text, &expression, 10);
    snprintf(line, sizeof(line), "print /x (unsigned long)(%s)", expression + 1);
    const char *said = fake_run(line);
    char *end;
    if (strtoull(said, &end, 16) != expected || end == said || strcmp(end, "\n") != 0) {
        fail_msg("%s: gdb says 0x%llx, kdebug %s", expression + 1, (unsigned long long)expected,
                 said);
    }
}

static void test_each_field_is_what_gdb_says(void **state)
{
    size_t bytes, cases = 0;
    void *table = read_file("types.btf", &bytes);
    (void)state;
    assert_true(kd_types_use(table, bytes));
    look_at_pool();
    char *text = read_file("cases.txt", &bytes), *rest = text;
    for (const char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0'; cases++) {
        check_case(line);
    }
    assert_true(cases > CASES_MIN);
    free(text);
    kd_types_use("", 0);
    free(table);
}

static int make(void **state)
{
    char command[128];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof(command), "/usr/bin/python3 tests/host/generated_types.py %s", folder);
    return system(command);
}

static int clean(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_field_is_what_gdb_says, fake_begin),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
