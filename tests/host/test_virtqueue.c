/* SPDX-License-Identifier: MIT */
/*
 * userspace/drivers/virtio/virtqueue.c against a device played by this file, which only
 * knows the layout of the specification.
 */
#include "userspace/drivers/virtio/virtqueue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 128u

static char *memory;
static struct virtqueue queue;
static uint16_t device_seen; /* of the available ring */

static int setup(void **state)
{
    (void)state;
    memory = aligned_alloc(4096, virtqueue_bytes(SIZE));
    memset(memory, 0, virtqueue_bytes(SIZE));
    virtqueue_init(&queue, memory, SIZE);
    device_seen = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

static uint16_t word_at(uint64_t offset)
{
    uint16_t value;

    memcpy(&value, memory + offset, sizeof(value));
    return value;
}

/* Numbers of the specification for 128 entries: 2048 bytes of descriptors, used ring on page 1. */
#define AVAILABLE_AT 2048u
#define USED_AT      4096u

static bool device_take(uint16_t *out_head)
{
    if (word_at(AVAILABLE_AT + 2) == device_seen) {
        return false;
    }
    *out_head = word_at(AVAILABLE_AT + 4 + device_seen % SIZE * 2);
    device_seen++;
    return true;
}

static void device_use(uint32_t head, uint32_t bytes)
{
    uint16_t index = word_at(USED_AT + 2);
    const uint32_t element[2] = {head, bytes};

    memcpy(memory + USED_AT + 4 + index % SIZE * 8, element, sizeof(element));
    index++;
    memcpy(memory + USED_AT + 2, &index, sizeof(index));
}

static void the_layout_is_that_of_the_specification(void **state)
{
    (void)state;
    assert_ptr_equal(queue.descriptors, memory);
    assert_ptr_equal(queue.available, memory + AVAILABLE_AT);
    assert_ptr_equal(queue.used, memory + USED_AT);
    assert_int_equal(sizeof(struct virtqueue_descriptor), 16);
    assert_int_equal(virtqueue_bytes(128), 2 * 4096);
    assert_int_equal(virtqueue_bytes(256), 3 * 4096);  /* 4096 + 518, then 2054 */
    assert_int_equal(virtqueue_bytes(1024), 8 * 4096); /* 16384 + 2054, then 8198 */
    assert_int_equal(word_at(AVAILABLE_AT), VIRTQUEUE_NO_INTERRUPT);
}

static void nothing_comes_back_before_the_device_says_so(void **state)
{
    uint16_t head = 0;
    uint32_t bytes = 0;

    (void)state;
    assert_false(virtqueue_take(&queue, &head, &bytes));
    virtqueue_offer(&queue, 5);
    assert_false(virtqueue_take(&queue, &head, &bytes));
    assert_true(device_take(&head));
    assert_int_equal(head, 5);
    device_use(5, 77);
    assert_true(virtqueue_take(&queue, &head, &bytes));
    assert_int_equal(head, 5);
    assert_int_equal(bytes, 77);
    assert_false(virtqueue_take(&queue, &head, &bytes));
}

/* Indexes count to 65535 and go on at 0, several times round the rings. */
static void indexes_wrap(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 70000; i += 3) {
        uint16_t head = 0;
        uint32_t bytes = 0;

        for (uint16_t j = 0; j < 3; j++) {
            virtqueue_offer(&queue, (uint16_t)((i + j) % SIZE));
        }
        for (uint16_t j = 0; j < 3; j++) {
            assert_true(device_take(&head));
            assert_int_equal(head, (i + j) % SIZE);
            device_use(head, i + j);
        }
        for (uint16_t j = 0; j < 3; j++) {
            assert_true(virtqueue_take(&queue, &head, &bytes));
            assert_int_equal(head, (i + j) % SIZE);
            assert_int_equal(bytes, i + j);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_layout_is_that_of_the_specification, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_comes_back_before_the_device_says_so, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(indexes_wrap, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
