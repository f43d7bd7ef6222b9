/* SPDX-License-Identifier: MIT */
/* Open files and sessions: badges that are never used again, limits, ends (O1 to O3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/files/server/open_files.h"

static struct open_files files;
static unsigned released;

static void release(void *context, uint64_t node)
{
    assert_ptr_equal(context, &files);
    released += (unsigned)node;
}

static uint32_t add_session(uint64_t client)
{
    uint32_t session;

    assert_int_equal(session_add(&files, client, 1, &session), OK);
    return session;
}

static struct open_file *add_file(uint32_t session, uint64_t node)
{
    struct open_file *file;

    assert_int_equal(open_file_add(&files, session, node, 1, &file), OK);
    return file;
}

static void test_badges(void **state)
{
    uint64_t badges[100];

    (void)state;
    memset(&files, 0, sizeof(files));
    uint32_t session = add_session(5);
    for (unsigned i = 0; i < 100; i++) {
        struct open_file *file = add_file(session, i);

        badges[i] = file->badge;
        assert_true(badges[i] & OPEN_FILE_BADGE);
        assert_ptr_equal(open_file_find(&files, badges[i]), file);
        open_file_remove(&files, file);
        for (unsigned k = 0; k <= i; k++) {
            assert_null(open_file_find(&files, badges[k])); /* O1 */
        }
    }
    assert_null(open_file_find(&files, 0));
    assert_null(open_file_find(&files, ~0ull));
}

static void test_ends(void **state)
{
    (void)state;
    memset(&files, 0, sizeof(files));
    released = 0;
    uint32_t first = add_session(5), second = add_session(5);
    uint64_t mine = add_file(first, 1)->badge, others = add_file(second, 100)->badge;
    (void)add_file(first, 10);
    session_end(&files, first, release, &files);
    assert_int_equal(released, 11); /* O2 */
    assert_null(open_file_find(&files, mine));
    assert_non_null(open_file_find(&files, others));
    assert_int_equal(files.file_count, 1);
    assert_int_equal(files.session_count, 1);
    assert_int_equal(add_session(5), first);
}

static void test_limits(void **state)
{
    struct open_file *file;
    uint32_t session;

    (void)state;
    memset(&files, 0, sizeof(files));
    for (unsigned i = 0; i < SESSIONS_PER_CLIENT; i++) {
        (void)add_session(5);
    }
    assert_int_equal(session_add(&files, 5, 1, &session), ERR_TABLE_FULL);
    for (unsigned i = SESSIONS_PER_CLIENT; i < SESSIONS_MAX; i++) {
        (void)add_session(6 + i);
    }
    assert_int_equal(session_add(&files, 1000, 1, &session), ERR_TABLE_FULL);
    for (unsigned i = 0; i < OPEN_FILES_MAX; i++) {
        if (i < FILES_PER_SESSION) {
            (void)add_file(0, i);
        } else {
            (void)add_file(1 + i / FILES_PER_SESSION, i);
        }
    }
    assert_int_equal(open_file_add(&files, 0, 1, 0, &file), ERR_TABLE_FULL);
    assert_int_equal(open_file_add(&files, SESSIONS_MAX - 1, 1, 0, &file), ERR_TABLE_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_badges),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
