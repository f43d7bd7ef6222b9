/* SPDX-License-Identifier: MIT */
/* base/list.h and base/checked.h: against an array that says what must be in the list. */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/checked.h"

#define ITEMS 12

struct item {
    int value;
    struct list link;
};

static void check_order(struct list *head, const int *values, int count)
{
    int at = 0;
    struct list *previous = head;
    list_for_each (node, head) {
        assert_true(at < count);
        assert_int_equal(LIST_ENTRY(node, struct item, link)->value, values[at++]);
        assert_ptr_equal(node->prev, previous);
        previous = node;
    }
    assert_int_equal(at, count);
    assert_ptr_equal(head->prev, previous);
    assert_int_equal(list_is_empty(head), count == 0);
}

static void test_random_pushes_and_removals(void **state)
{
    (void)state;
    struct item items[ITEMS];
    int order[ITEMS], count = 0;
    bool is_in[ITEMS] = {false};
    struct list head = LIST_INIT(head);
    srand(7);
    for (int i = 0; i < ITEMS; i++) {
        items[i].value = i;
    }
    for (int step = 0; step < 20000; step++) {
        int pick = rand() % ITEMS;
        if (!is_in[pick] && rand() % 2) {
            memmove(order + 1, order, sizeof(order[0]) * (size_t)count++);
            order[0] = pick;
            list_push_front(&head, &items[pick].link);
            is_in[pick] = true;
        } else if (!is_in[pick]) {
            order[count++] = pick;
            list_push_back(&head, &items[pick].link);
            is_in[pick] = true;
        } else {
            int at = 0;
            while (order[at] != pick) {
                at++;
            }
            memmove(order + at, order + at + 1, sizeof(order[0]) * (size_t)(--count - at));
            list_remove(&items[pick].link);
            list_remove(&items[pick].link); /* harmless by contract */
            is_in[pick] = false;
        }
        check_order(&head, order, count);
    }
}

static void test_removal_while_walking(void **state)
{
    (void)state;
    struct item items[ITEMS];
    struct list head;
    int odd[ITEMS / 2];
    list_init(&head);
    for (int i = 0; i < ITEMS; i++) {
        items[i].value = i;
        list_push_back(&head, &items[i].link);
        odd[i / 2] = i;
    }
    list_for_each_safe (node, next, &head) {
        if (LIST_ENTRY(node, struct item, link)->value % 2 == 0) {
            list_remove(node);
        }
    }
    for (int i = 0; i < ITEMS / 2; i++) {
        odd[i] = 2 * i + 1;
    }
    check_order(&head, odd, ITEMS / 2);
}

static void test_checked_arithmetic(void **state)
{
    (void)state;
    uint64_t out = 5;
    assert_true(checked_add(UINT64_MAX - 1, 1, &out));
    assert_true(out == UINT64_MAX);
    assert_false(checked_add(UINT64_MAX, 1, &out));
    assert_true(out == UINT64_MAX);
    assert_true(checked_multiply(1ull << 32, (1ull << 32) - 1, &out));
    assert_false(checked_multiply(1ull << 32, 1ull << 32, &out));
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t base, bytes, low, high;
        bool expected;
    } rows[] = {
        {"whole", 10, 10, 10, 20, true},
        {"inside", 12, 3, 10, 20, true},
        {"one too many at the end", 10, 11, 10, 20, false},
        {"begins one too low", 9, 5, 10, 20, false},
        {"last byte", 19, 1, 10, 20, true},
        {"first byte past the end", 20, 1, 10, 20, false},
        {"empty at the end", 20, 0, 10, 20, true},
        {"empty past the end", 21, 0, 10, 20, false},
        {"wraps around", 15, UINT64_MAX, 10, 20, false},
        {"wraps to just inside", UINT64_MAX, 12, 10, 20, false},
        {"everything", 0, UINT64_MAX, 0, UINT64_MAX, true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (range_is_within(rows[i].base, rows[i].bytes, rows[i].low, rows[i].high) !=
            rows[i].expected) {
            fail_msg("%s", rows[i].name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_pushes_and_removals),
        cmocka_unit_test(test_removal_while_walking),
        cmocka_unit_test(test_checked_arithmetic),
        cmocka_unit_test(test_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
