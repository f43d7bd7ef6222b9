/* SPDX-License-Identifier: MIT */
/*
 * What the pager gives, in memory and on a disk that takes its time: the disk is asked in give_noted() only, which is a thread of its own
 * there and a step of the test here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/syscall_user.h"
#include "userspace/lib/check.h"
#include "userspace/lib/codec.h"
#include "userspace/lib/mutex.h"
#include "userspace/services/pager/far.h"
#include "userspace/services/pager/give.h"

#define PAGE    4096u
#define PAGES   64u
#define AREA    5u
#define PAGER   3u
#define MAILBOX 4u
#define PLACE   7u

static struct store store;
static bool is_locked;
static status_t far_status;
static void (*while_read)(void);
static unsigned reads, supplied, answers, waits;
static uint8_t supplied_byte;
static uint64_t supplied_page, answered, bad_token;

static void *alloc_chunk(void)
{
    return aligned_alloc(STORE_CHUNK_BYTES, STORE_CHUNK_BYTES);
}

static void free_place(uint32_t place)
{
    (void)place;
}

static const struct store_memory memory = {alloc_chunk, free, free_place};

static void lock_store(void)
{
    assert_false(is_locked);
    is_locked = true;
}

static void unlock_store(void)
{
    assert_true(is_locked);
    is_locked = false;
}

/* One thread plays all: whoever would have to wait here would wait for ever. */
void mutex_lock(struct mutex *mutex)
{
    assert_int_equal(mutex->state, 0);
    mutex->state = 1;
}

void mutex_unlock(struct mutex *mutex)
{
    mutex->state = 0;
}

/* The other thread's turn. */
status_t condition_wait(struct condition *condition, struct mutex *mutex, uint64_t deadline)
{
    (void)condition;
    (void)deadline;
    assert_true(++waits < 10);
    mutex_unlock(mutex);
    give_noted();
    mutex_lock(mutex);
    return OK;
}

void condition_wake_one(struct condition *condition)
{
    (void)condition;
}

bool codec_unpack(const void *bytes, uint32_t count, void *page)
{
    memset(page, *(const uint8_t *)bytes, PAGE);
    return count > 0;
}

/* What is there is the number of the place, on each of its bytes. */
status_t far_read(uint32_t place, void *page)
{
    assert_false(is_locked); /* W2 */
    reads++;
    memset(page, (int)place, PAGE);
    if (while_read != NULL) {
        while_read();
    }
    return far_status;
}

status_t sys_pager_supply(uint64_t pager, uint64_t area, uint64_t page, const void *contents)
{
    assert_true(pager == PAGER && area == AREA && !is_locked);
    supplied++;
    supplied_page = page;
    supplied_byte = *(const uint8_t *)contents;
    return OK;
}

status_t sys_mailbox_reply(uint64_t mailbox, uint64_t label, uint64_t token,
                           const uint64_t words[8])
{
    (void)label;
    (void)words;
    assert_int_equal(mailbox, MAILBOX);
    answers++;
    answered = token;
    return token == bad_token ? ERR_BAD_TOKEN : OK;
}

void die(const char *format, ...)
{
    fail_msg("%s", format);
    abort();
}

void check_failed(status_t status, const char *what)
{
    (void)status;
    die("%s", what);
}

static int setup(void **state)
{
    void *table = calloc(1, store_table_bytes(PAGES));

    *state = table;
    store_init(&store, PAGES, table, &memory);
    give = (struct give){PAGER, MAILBOX, &store, lock_store, unlock_store};
    far_status = OK;
    while_read = NULL;
    reads = supplied = answers = waits = 0;
    bad_token = 0;
    return 0;
}

static int teardown(void **state)
{
    store_forget(&store, AREA, 0);
    free(*state);
    return 0;
}

static void put_near(uint64_t page, uint8_t byte)
{
    assert_true(store_put(&store, AREA, page, &byte, 1));
}

static void what_is_in_memory_is_given_at_once(void **state)
{
    (void)state;
    put_near(1, 11);
    assert_true(give_asked(AREA, 1, 100));
    assert_true(supplied == 1 && supplied_page == 1 && supplied_byte == 11 && reads == 0);
    assert_int_equal(store.used, 0);       /* it is not kept twice */
    assert_true(give_asked(AREA, 2, 101)); /* nobody has that */
    assert_int_equal(supplied, 1);
}

/* The disk hangs: nobody has come back from give_noted(). */
static void what_is_on_the_disk_holds_up_nobody_else(void **state)
{
    (void)state;
    put_near(1, 11);
    put_near(2, 12);
    assert_true(store_put_far(&store, AREA, 3, PLACE));
    assert_true(give_asked(AREA, 1, 100));
    assert_false(give_asked(AREA, 3, 101));
    assert_true(give_asked(AREA, 2, 102));
    assert_true(supplied == 2 && supplied_page == 2 && reads == 0 && answers == 0);
    give_noted();
    assert_true(supplied == 3 && supplied_page == 3 && supplied_byte == PLACE);
    assert_true(answers == 1 && answered == 101);
    assert_int_equal(store.used, 0);
}

/* W1 */
static void all_are_answered_in_their_order(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 10; i++) {
        assert_true(store_put_far(&store, AREA, i, PLACE + i));
        assert_false(give_asked(AREA, i, 200 + i));
    }
    bad_token = 203; /* gave up */
    for (uint32_t i = 0; i < 10; i++) {
        far_status = i == 5 ? ERR_IO : OK;
        give_noted();
        assert_true(answered == 200 + i && answers == i + 1);
        assert_int_equal(supplied, i < 5 ? i + 1 : i);
    }
    assert_int_equal(store.used, 1); /* the disk may be able to read it another time */
}

static void more_than_can_be_noted_wait(void **state)
{
    (void)state;
    assert_true(store_put_far(&store, AREA, 3, PLACE));
    far_status = ERR_IO;
    for (uint32_t i = 0; i < GIVE_NOTED_MAX + 2; i++) {
        assert_false(give_asked(AREA, 3, 1000 + i));
    }
    assert_true(waits == 2 && answers == 2 && answered == 1001);
    for (uint32_t i = 0; i < GIVE_NOTED_MAX; i++) {
        give_noted();
    }
    assert_true(answers == GIVE_NOTED_MAX + 2 && answered == 1000 + GIVE_NOTED_MAX + 1);
}

static void move_to_another_place(void)
{
    while_read = NULL;
    assert_true(store_put_far(&store, AREA, 3, PLACE + 1));
}

static void what_was_kept_anew_while_it_was_read_is_read_again(void **state)
{
    (void)state;
    assert_true(store_put_far(&store, AREA, 3, PLACE));
    assert_false(give_asked(AREA, 3, 100));
    while_read = move_to_another_place;
    give_noted();
    assert_true(reads == 2 && supplied == 1 && supplied_byte == PLACE + 1);
    assert_int_equal(store.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_in_memory_is_given_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_on_the_disk_holds_up_nobody_else, setup, teardown),
        cmocka_unit_test_setup_teardown(all_are_answered_in_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_can_be_noted_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_kept_anew_while_it_was_read_is_read_again, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
