/* SPDX-License-Identifier: MIT */
/*
 * A disk's client against services that come, end, take their time and have other disks. Time passes while a service is waited for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gen/interface/block.h"
#include "gen/syscall_user.h"
#include "userspace/files/block_client.h"
#include "userspace/lib/find.h"
#include "userspace/lib/interface.h"

#define SECOND  1000000000ull
#define SECTORS 64u
#define BYTES   512u

static struct {
    uint64_t now;
    uint64_t comes_at; /* the next service; UINT64_MAX: never */
    uint64_t handle;   /* of the service that lives; 0: none */
    bool always_ends;  /* with the first request */
    bool hangs;
    status_t facts; /* why there are none */
    char serial[BLOCK_SERIAL_MAX + 1];
    uint64_t sectors;
    uint32_t flags;
    unsigned reads, writes;
} world;
static struct block_client client;
static char data[4 * BYTES];

status_t sys_clock_get(uint64_t *out_now, uint64_t *out_tsc_khz)
{
    world.now += 1000; /* looking costs something, or some loops would never end */
    *out_now = world.now;
    *out_tsc_khz = 1000;
    return OK;
}

status_t service_find_again(const char *name, uint64_t deadline, uint64_t *mailbox)
{
    static uint64_t handles = 100;

    assert_string_equal(name, "disk");
    if (world.handle == 0) {
        if (deadline < world.comes_at) {
            assert_true(deadline != UINT64_MAX); /* for ever */
            world.now = deadline;
            return ERR_TIMED_OUT;
        }
        world.now = world.now > world.comes_at ? world.now : world.comes_at;
        world.handle = ++handles;
    }
    *mailbox = world.handle;
    return OK;
}

static status_t answer_facts(struct message *message)
{
    struct block_names names = {.driver = "model"};

    if (world.facts != OK) {
        return world.facts;
    }
    strcpy(names.serial, world.serial);
    memcpy((void *)message->word[2], &names, sizeof(names));
    message->word[1] = sizeof(names);
    message->word[4] = world.sectors;
    message->word[5] = BYTES;
    message->word[6] = world.flags;
    return OK;
}

status_t interface_call(uint64_t service, struct message *message, uint64_t deadline, uint64_t load)
{
    (void)load;
    if (service == 0 || service != world.handle) {
        return ERR_PEER_CLOSED;
    }
    if (world.always_ends) {
        world.handle = 0;
        return ERR_PEER_CLOSED;
    }
    if (world.hangs) {
        assert_true(deadline != UINT64_MAX);
        world.now = deadline;
        return ERR_TIMED_OUT;
    }
    switch ((uint32_t)message->label) {
    case BLOCK_FACTS:
        return answer_facts(message);
    case BLOCK_READ:
        world.reads++;
        message->word[1] *= BYTES;
        return OK;
    case BLOCK_WRITE:
        world.writes++;
        return OK;
    default:
        assert_int_equal((uint32_t)message->label, BLOCK_FLUSH);
        return OK;
    }
}

static int setup(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    world.sectors = SECTORS;
    strcpy(world.serial, "one");
    return 0;
}

static void open_client(void)
{
    assert_int_equal(block_client_open(&client, "disk", world.now + SECOND), OK);
}

/* The driver is killed; the next one comes after a second. */
static void end_service(void)
{
    world.handle = 0;
    world.comes_at = world.now + SECOND;
}

static void a_driver_that_comes_is_waited_for(void **state)
{
    (void)state;
    world.comes_at = SECOND / 2;
    open_client();
    assert_int_equal(client.device.sectors, SECTORS);
    assert_string_equal(client.names.serial, "one");
    assert_int_equal(block_client_read(&client, 0, 4, data), OK);
}

static void one_that_never_comes_is_an_error(void **state)
{
    (void)state;
    world.comes_at = UINT64_MAX;
    assert_int_equal(block_client_open(&client, "disk", 5 * SECOND), ERR_TIMED_OUT);
    assert_true(world.now < 6 * SECOND);
}

static void so_is_one_that_always_ends(void **state)
{
    (void)state;
    world.always_ends = true;
    assert_int_equal(block_client_open(&client, "disk", SECOND / 4), ERR_TIMED_OUT);
    assert_in_range(world.now, SECOND / 4, SECOND);
}

static void so_is_one_that_does_not_answer(void **state)
{
    (void)state;
    world.hangs = true;
    assert_int_equal(block_client_open(&client, "disk", 5 * SECOND), ERR_TIMED_OUT);
}

static void what_the_last_one_did_not_answer_is_asked_again(void **state)
{
    (void)state;
    open_client();
    end_service();
    assert_int_equal(client.device.write(&client.device, 3, 1, data), OK);
    end_service();
    assert_int_equal(block_device_flush(&client.device), OK);
    end_service();
    assert_int_equal(block_client_read(&client, 3, 1, data), OK);
    assert_true(world.reads == 1 && world.writes == 1);
}

static void after_10_s_it_is_an_error_until_one_comes(void **state)
{
    (void)state;
    open_client();
    end_service();
    world.comes_at = UINT64_MAX;
    uint64_t begin = world.now;
    assert_int_equal(block_client_read(&client, 0, 1, data), ERR_IO);
    assert_in_range(world.now - begin, 10 * SECOND, 11 * SECOND);
    assert_int_equal(block_client_write(&client, 0, 1, data), ERR_IO);
    world.comes_at = world.now + SECOND;
    assert_int_equal(block_client_write(&client, 0, 1, data), OK);
}

/* Not the first time, and never again. */
static void another_disk_is_left_alone(void **state)
{
    (void)state;
    open_client();
    end_service();
    strcpy(world.serial, "two");
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(block_client_write(&client, 0, 1, data), ERR_CHANGED);
        assert_int_equal(block_client_read(&client, 0, 1, data), ERR_CHANGED);
        assert_int_equal(block_client_flush(&client), ERR_CHANGED);
    }
    assert_true(world.reads == 0 && world.writes == 0);
    open_client();
    assert_int_equal(block_client_write(&client, 0, 1, data), OK);
}

static void so_is_one_of_which_nothing_is_known(void **state)
{
    (void)state;
    open_client();
    end_service();
    world.facts = ERR_NOT_FOUND; /* it has no disk, at first */
    assert_int_equal(block_client_write(&client, 0, 1, data), ERR_NOT_FOUND);
    world.facts = OK;
    world.sectors++;
    assert_int_equal(block_client_write(&client, 0, 1, data), ERR_CHANGED);
    assert_int_equal(world.writes, 0);
}

static void one_that_comes_back_is_used(void **state)
{
    (void)state;
    open_client();
    end_service();
    world.facts = ERR_NOT_FOUND;
    assert_int_equal(block_client_write(&client, 0, 1, data), ERR_NOT_FOUND);
    world.facts = OK;
    assert_int_equal(block_client_write(&client, 0, 1, data), OK);
    assert_int_equal(world.writes, 1);
}

/* Whoever stands on it sees that there is nothing to write with. */
static void a_disk_that_is_not_written_to_is_no_such_device(void **state)
{
    (void)state;
    open_client();
    assert_non_null(client.device.write);
    world.flags = BLOCK_READ_ONLY;
    open_client();
    assert_null(client.device.write);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_driver_that_comes_is_waited_for, setup),
        cmocka_unit_test_setup(one_that_never_comes_is_an_error, setup),
        cmocka_unit_test_setup(so_is_one_that_always_ends, setup),
        cmocka_unit_test_setup(so_is_one_that_does_not_answer, setup),
        cmocka_unit_test_setup(what_the_last_one_did_not_answer_is_asked_again, setup),
        cmocka_unit_test_setup(after_10_s_it_is_an_error_until_one_comes, setup),
        cmocka_unit_test_setup(another_disk_is_left_alone, setup),
        cmocka_unit_test_setup(so_is_one_of_which_nothing_is_known, setup),
        cmocka_unit_test_setup(one_that_comes_back_is_used, setup),
        cmocka_unit_test_setup(a_disk_that_is_not_written_to_is_no_such_device, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
