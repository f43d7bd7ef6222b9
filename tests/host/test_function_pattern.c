/* SPDX-License-Identifier: MIT */
/* trace/function/pattern.c: which names a pattern chooses. */
#include "trace/function/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct pattern_case {
    const char *what, *pattern, *name;
    bool matches;
} cases[] = {
    {"the name itself", "space_map", "space_map", true},
    {"a longer name is another", "space_map", "space_map_fixed", false},
    {"a shorter name is another", "space_map", "space_ma", false},
    {"an end", "space_*", "space_map", true},
    {"a beginning", "*_map", "space_map", true},
    {"a middle", "*ac*m*", "space_map", true},
    {"the star may stand for nothing", "space*_map", "space_map", true},
    {"the first place that fits is not the last word", "*ab", "aab_ab", true},
    {"nor when it comes to nothing", "*abc", "abab", false},
    {"several stars in a row", "s**p", "space_map", true},
    {"a copy made by gcc", "carry_load", "carry_load.isra.0", true},
    {"what gcc appends is no part of the name", "*isra*", "carry_load.isra.0", false},
    {"all", "all", "anything", true},
    {"but not a name that begins so", "al", "all_of_it", false},
    {"nothing", "", "space_map", false},
};

static void matches_as_it_should(void **state)
{
    const struct pattern_case *row = *state;
    char padded[64]; /* a pattern need not end where its length does */
    snprintf(padded, sizeof(padded), "%s,-x*", row->pattern);
    assert_int_equal(function_pattern_matches(padded, strlen(row->pattern), row->name),
                     row->matches);
}

int main(void)
{
    struct CMUnitTest tests[sizeof(cases) / sizeof(cases[0])];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tests[i] =
            (struct CMUnitTest){cases[i].what, matches_as_it_should, NULL, NULL, (void *)&cases[i]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
