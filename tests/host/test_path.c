/* SPDX-License-Identifier: MIT */
/* Paths of programs: cleaned up, and matched with the folders of mounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/files/client/path.h"

static const struct {
    const char *path, *wanted;
} clean_cases[] = {
    {"", ""},
    {"/", ""},
    {"///", ""},
    {"/tmp", "/tmp"},
    {"tmp/x", "/tmp/x"},
    {"//tmp//./x/", "/tmp/x"},
    {"/tmp/..", ""},
    {"/tmp/../boot/x", "/boot/x"},
    {"/../../boot", "/boot"},
    {"/a/b/../../..", ""},
    {"/a/...", "/a/..."},
    {"/a/..b/.c", "/a/..b/.c"},
    {"/a/b/..", "/a"},
    {".", ""},
    {"..", ""},
};

static void test_clean(void **state)
{
    char out[PATH_BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(clean_cases) / sizeof(clean_cases[0]); i++) {
        assert_int_equal(path_clean(clean_cases[i].path, out), OK);
        assert_string_equal(out, clean_cases[i].wanted);
    }
}

static void test_too_long(void **state)
{
    char path[2 * PATH_BYTES_MAX], out[PATH_BYTES_MAX];

    (void)state;
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[PATH_BYTES_MAX - 1] = '\0';
    assert_int_equal(path_clean(path, out), OK);
    assert_int_equal(strlen(out), PATH_BYTES_MAX - 1);
    path[PATH_BYTES_MAX - 1] = 'a';
    path[PATH_BYTES_MAX] = '\0';
    assert_int_equal(path_clean(path, out), ERR_TOO_BIG);
    memcpy(path + PATH_BYTES_MAX - 10, "/../x", 6);
    assert_int_equal(path_clean(path, out), OK);
    assert_string_equal(out, "/x");
}

static void test_below(void **state)
{
    (void)state;
    assert_string_equal(path_below("/tmp/x/y", "/tmp"), "x/y");
    assert_string_equal(path_below("/tmp", "/tmp"), "");
    assert_null(path_below("/tmpx", "/tmp"));
    assert_null(path_below("/t", "/tmp"));
    assert_string_equal(path_below("/tmp/x", ""), "tmp/x");
    assert_string_equal(path_below("", ""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_below),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
