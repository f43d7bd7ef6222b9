/* SPDX-License-Identifier: MIT */
/* Running tests and saying how they ended. One at a time: of several threads of a test only the first checks. */
#include "userspace/lib/test.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "userspace/lib/format.h"

#define NAME_BYTES_MAX   96u
#define REASON_BYTES_MAX 200u

static char reason[REASON_BYTES_MAX];
static bool has_failed;
static const char *skipped; /* NULL: it was not */

void test_failed(const char *format, ...)
{
    va_list args;

    if (has_failed) {
        return; /* the first reason counts */
    }
    va_start(args, format);
    format_text_v(reason, sizeof(reason), format, args);
    va_end(args);
    has_failed = true;
}

void test_skipped(const char *why)
{
    skipped = why;
}

static void copy_sentence(const char *name, char sentence[NAME_BYTES_MAX])
{
    unsigned i = 0;

    for (; name[i] != '\0' && i + 1 < NAME_BYTES_MAX; i++) {
        sentence[i] = name[i] == '_' ? ' ' : name[i];
    }
    sentence[i] = '\0';
}

static bool run_one(const char *program, const struct test *test, unsigned number)
{
    char sentence[NAME_BYTES_MAX];

    copy_sentence(test->name, sentence);
    has_failed = false;
    skipped = NULL;
    printf("%s: # %u - %s\n", program, number, sentence);
    test->run();
    if (has_failed) {
        printf("%s: not ok %u - %s\n", program, number, sentence);
        printf("%s: # %s\n", program, reason);
    } else {
        printf("%s: ok %u - %s%s%s\n", program, number, sentence, skipped != NULL ? " # SKIP " : "",
               skipped != NULL ? skipped : "");
    }
    return !has_failed;
}

int tests_run(const char *name, const struct test *tests, unsigned count)
{
    unsigned failed = 0;

    printf("%s: 1..%u\n", name, count);
    for (unsigned i = 0; i < count; i++) {
        failed += !run_one(name, &tests[i], i + 1);
    }
    return failed == 0 ? 0 : EXIT_FAILED;
}
