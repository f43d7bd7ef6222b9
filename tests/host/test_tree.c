/* SPDX-License-Identifier: MIT */
/* base/tree.c: against a sorted table of flags, T1 to T3 checked all along. */
#include "base/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEYS 64u

static struct tree tree;
static struct tree_node nodes[KEYS];
static bool is_in[KEYS];

static void begin(void)
{
    tree.root = NULL;
    memset(is_in, 0, sizeof(is_in));
}

/* Keys are multiples of 10, so that there is room to ask between them. */
static void check_against_model(void)
{
    assert_true(tree_check(&tree));
    struct tree_node *node = tree_first(&tree);
    for (unsigned i = 0; i < KEYS; i++) {
        if (is_in[i]) {
            assert_ptr_equal(node, &nodes[i]);
            node = tree_next(node);
        }
    }
    assert_null(node);
}

static void check_lookups(uint64_t key)
{
    struct tree_node *most = NULL, *least = NULL;
    for (unsigned i = 0; i < KEYS; i++) {
        if (is_in[i] && i * 10 <= key) {
            most = &nodes[i];
        }
        if (is_in[i] && i * 10 >= key && least == NULL) {
            least = &nodes[i];
        }
    }
    assert_ptr_equal(tree_find_at_most(&tree, key), most);
    assert_ptr_equal(tree_find_at_least(&tree, key), least);
}

/* Every other one is put in by its neighbour, the others by their key alone. */
static void insert(unsigned i)
{
    if (i % 2 == 0) {
        assert_true(tree_insert(&tree, &nodes[i]));
        return;
    }
    struct tree_node *previous = NULL;
    for (unsigned below = 0; below < i; below++) {
        previous = is_in[below] ? &nodes[below] : previous;
    }
    tree_insert_after(&tree, &nodes[i], previous);
}

static void toggle(unsigned i)
{
    if (is_in[i]) {
        tree_remove(&tree, &nodes[i]);
    } else {
        memset(&nodes[i], 0xee, sizeof(nodes[i])); /* the tree must not rely on what was there */
        nodes[i].key = i * 10;
        insert(i);
    }
    is_in[i] = !is_in[i];
}

static void test_random_operations(void **state)
{
    (void)state;
    begin();
    srand(42);
    for (unsigned step = 0; step < 100000; step++) {
        toggle((unsigned)rand() % KEYS);
        check_against_model();
        check_lookups((unsigned)rand() % (KEYS * 10 + 20));
    }
}

static void test_orders_that_rotate_most(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        begin();
        for (unsigned i = 0; i < KEYS; i++) {
            toggle(kind == 0 ? i : kind == 1 ? KEYS - 1 - i : i % 2 ? i / 2 : KEYS - 1 - i / 2);
            check_against_model();
        }
        assert_true(tree.root->height <= 8); /* 1.44 log2(66) */
        for (unsigned i = 0; i < KEYS; i++) {
            toggle(kind == 1 ? i : KEYS - 1 - i);
            check_against_model();
        }
        assert_null(tree.root);
    }
}

static void test_a_key_is_there_once(void **state)
{
    (void)state;
    begin();
    toggle(3);
    struct tree_node twin = {.key = 30};
    assert_false(tree_insert(&tree, &twin));
    check_against_model();
}

static void test_extreme_keys(void **state)
{
    (void)state;
    struct tree_node low = {.key = 0}, high = {.key = UINT64_MAX};
    begin();
    assert_null(tree_find_at_most(&tree, UINT64_MAX));
    assert_null(tree_find_at_least(&tree, 0));
    assert_true(tree_insert(&tree, &high));
    assert_null(tree_find_at_most(&tree, UINT64_MAX - 1));
    assert_true(tree_insert(&tree, &low));
    assert_ptr_equal(tree_find_at_most(&tree, UINT64_MAX), &high);
    assert_ptr_equal(tree_find_at_most(&tree, UINT64_MAX - 1), &low);
    assert_ptr_equal(tree_find_at_least(&tree, 1), &high);
}

static void test_check_notices_damage(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 20; i++) {
        toggle(i);
    }
    struct tree_node *node = tree.root->child[0];
    uint64_t key = node->key;
    node->key = 1000;
    assert_false(tree_check(&tree));
    node->key = key;
    node->height++;
    assert_false(tree_check(&tree));
    node->height--;
    struct tree_node *parent = node->child[0]->parent;
    node->child[0]->parent = tree.root;
    assert_false(tree_check(&tree));
    node->child[0]->parent = parent;
    assert_true(tree_check(&tree));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations),    cmocka_unit_test(test_orders_that_rotate_most),
        cmocka_unit_test(test_a_key_is_there_once),  cmocka_unit_test(test_extreme_keys),
        cmocka_unit_test(test_check_notices_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
