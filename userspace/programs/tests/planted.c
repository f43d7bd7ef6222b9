/* SPDX-License-Identifier: MIT */
/* Tests that fail on purpose: whoever collects results must see each of them. */
#include "userspace/lib/option.h"
#include "userspace/programs/tests/tests.h"

static volatile uintptr_t nowhere = 8; /* volatile: the compiler would see what is wrong */

static void this_one_passes(void)
{
    CHECK(1 + 1 == 2);
}

static void this_one_fails(void)
{
    CHECK_GIVES(OK, sys_handle_close(HANDLE_NONE));
}

static void this_one_is_skipped(void)
{
    test_skipped("planted");
}

static void this_one_ends_the_program(void)
{
    if (option_flag("fault")) {
        *(volatile char *)nowhere = 1;
    }
    VERIFY(1 + 1 == 3);
}

static void this_one_never_runs(void)
{
}

int test_planted(void)
{
    static const struct test tests[] = {TEST(this_one_passes), TEST(this_one_fails),
                                        TEST(this_one_is_skipped), TEST(this_one_ends_the_program),
                                        TEST(this_one_never_runs)};

    return TESTS_RUN("planted", tests);
}
