/* SPDX-License-Identifier: MIT */
/*
 * Balanced search trees, the node embedded in the element, ordered by one 64-bit key. No function
 * takes a lock or memory. tree_node.key must not change while the node is in a tree.
 */
#pragma once

#include "base/types.h"

struct tree_node {
    struct tree_node *child[2]; /* left: smaller keys, right: larger */
    struct tree_node *parent;
    uint64_t key;
    uint32_t height; /* of the subtree: a leaf has 1 */
};

struct tree {
    struct tree_node *root;
};

/* tree_insert() - put a node in by node->key. False, and nothing changed, if that key is there. */
bool tree_insert(struct tree *tree, struct tree_node *node) MUST_CHECK;
/* tree_insert_after() - put a node in behind `previous`, which has the greatest key below its own; NULL: it becomes the first.
 * No search from the root: about 15 instructions, and those that keep the balance. */
void tree_insert_after(struct tree *tree, struct tree_node *node, struct tree_node *previous);
/* tree_remove() - take out a node that is in this tree. Cannot fail. */
void tree_remove(struct tree *tree, struct tree_node *node);

/* tree_find_at_most() - the node with the greatest key <= key; tree_find_at_least() - the least
 * >= key. NULL: none. */
struct tree_node *tree_find_at_most(const struct tree *tree, uint64_t key);
struct tree_node *tree_find_at_least(const struct tree *tree, uint64_t key);

/* tree_first() / tree_next() - in order of keys; NULL at the end. */
struct tree_node *tree_first(const struct tree *tree);
struct tree_node *tree_next(const struct tree_node *node);

/* tree_check() - order, parent links and balance (T1 to T3 in tree.c) hold. For tests and `check
 * mm`. */
bool tree_check(const struct tree *tree);

#define TREE_ENTRY(node, type, member) CONTAINER_OF(node, type, member)
