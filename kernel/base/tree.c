/* SPDX-License-Identifier: MIT */
/*
 * AVL trees (Adelson-Velsky and Landis, 1962) with parent links.
 *
 * Chosen over red-black trees: half the code, one rule to check, and look-ups, which faults do, are
 * at least as short.
 *
 * T1  In-order traversal meets strictly growing keys.
 * T2  node->child[i]->parent == node, and the root has no parent.
 * T3  height == 1 + the greater height of the children, and these differ by at most 1.
 *
 * After a change only ancestors of the changed place can break T3: rebalance_up() climbs and stops
 * where a height did not change.
 */
#include "base/tree.h"

static uint32_t height_of(const struct tree_node *node)
{
    return node != NULL ? node->height : 0;
}

static void update_height(struct tree_node *node)
{
    node->height = 1 + MAX(height_of(node->child[0]), height_of(node->child[1]));
}

/* Put `to` (may be NULL) where `from` hangs. */
static void replace_child(struct tree *tree, struct tree_node *from, struct tree_node *to)
{
    struct tree_node *parent = from->parent;
    if (parent == NULL) {
        tree->root = to;
    } else {
        parent->child[parent->child[1] == from] = to;
    }
    if (to != NULL) {
        to->parent = parent;
    }
}

/* node->child[!side] comes up, node goes down to `side`. Returns the new top. */
static struct tree_node *rotate(struct tree *tree, struct tree_node *node, unsigned side)
{
    struct tree_node *up = node->child[!side];
    struct tree_node *moved = up->child[side];
    replace_child(tree, node, up);
    up->child[side] = node;
    node->parent = up;
    node->child[!side] = moved;
    if (moved != NULL) {
        moved->parent = node;
    }
    update_height(node);
    update_height(up);
    return up;
}

/* Restore T3 at a node whose children fulfil it, but for one that is too high. Returns the top of that subtree. */
static struct tree_node *rebalance(struct tree *tree, struct tree_node *node, unsigned heavy)
{
    struct tree_node *child = node->child[heavy];
    if (height_of(child->child[!heavy]) > height_of(child->child[heavy])) {
        rotate(tree, child, heavy);
    }
    return rotate(tree, node, !heavy);
}

static void rebalance_up(struct tree *tree, struct tree_node *node)
{
    while (node != NULL) {
        uint32_t before = node->height;
        uint32_t left = height_of(node->child[0]), right = height_of(node->child[1]);
        if (LIKELY(left <= right + 1 && right <= left + 1)) {
            node->height = 1 + MAX(left, right);
        } else {
            node = rebalance(tree, node, right > left);
        }
        if (node->height == before) {
            return;
        }
        node = node->parent;
    }
}

/* Hang a leaf under `parent`, into the link there that is NULL. */
static void hang(struct tree *tree, struct tree_node *node, struct tree_node *parent,
                 struct tree_node **link)
{
    node->child[0] = node->child[1] = NULL;
    node->parent = parent;
    node->height = 1;
    *link = node;
    rebalance_up(tree, parent);
}

bool tree_insert(struct tree *tree, struct tree_node *node)
{
    struct tree_node *parent = NULL, **link = &tree->root;
    while (*link != NULL) {
        parent = *link;
        if (parent->key == node->key) {
            return false;
        }
        link = &parent->child[node->key > parent->key];
    }
    hang(tree, node, parent, link);
    return true;
}

/* Of two neighbours in order one is an ancestor of the other, so there is a free link between them. */
void tree_insert_after(struct tree *tree, struct tree_node *node, struct tree_node *previous)
{
    struct tree_node *parent = previous;
    struct tree_node **link = previous != NULL ? &previous->child[1] : &tree->root;
    while (*link != NULL) {
        parent = *link;
        link = &parent->child[0];
    }
    hang(tree, node, parent, link);
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    struct tree_node *start; /* lowest node whose subtree changed */
    if (node->child[0] == NULL || node->child[1] == NULL) {
        start = node->parent;
        replace_child(tree, node, node->child[node->child[0] == NULL]);
        rebalance_up(tree, start);
        return;
    }
    struct tree_node *successor = node->child[1];
    while (successor->child[0] != NULL) {
        successor = successor->child[0];
    }
    start = successor->parent != node ? successor->parent : successor;
    replace_child(tree, successor, successor->child[1]);
    replace_child(tree, node, successor);
    for (unsigned side = 0; side < 2; side++) {
        successor->child[side] = node->child[side];
        if (successor->child[side] != NULL) {
            successor->child[side]->parent = successor;
        }
    }
    successor->height = node->height;
    rebalance_up(tree, start);
}

struct tree_node *tree_find_at_most(const struct tree *tree, uint64_t key)
{
    struct tree_node *node = tree->root, *best = NULL;
    while (node != NULL) {
        bool fits = node->key <= key;
        best = fits ? node : best;
        node = node->child[fits];
    }
    return best;
}

struct tree_node *tree_find_at_least(const struct tree *tree, uint64_t key)
{
    struct tree_node *node = tree->root, *best = NULL;
    while (node != NULL) {
        bool fits = node->key >= key;
        best = fits ? node : best;
        node = node->child[!fits];
    }
    return best;
}

struct tree_node *tree_first(const struct tree *tree)
{
    return tree_find_at_least(tree, 0);
}

struct tree_node *tree_next(const struct tree_node *node)
{
    if (node->child[1] != NULL) {
        struct tree_node *next = node->child[1];
        while (next->child[0] != NULL) {
            next = next->child[0];
        }
        return next;
    }
    while (node->parent != NULL && node->parent->child[1] == node) {
        node = node->parent;
    }
    return node->parent;
}

/* T1 to T3 below a node. *last: the key met last, in order; NULL before the first. Depth is the
 * tree's height, about 1.44 log2. */
static bool check_subtree(const struct tree_node *node, const struct tree_node *parent,
                          const uint64_t **last)
{
    if (node == NULL) {
        return true;
    }
    uint32_t left = height_of(node->child[0]), right = height_of(node->child[1]);
    bool balanced = node->height == 1 + MAX(left, right) && left <= right + 1 && right <= left + 1;
    if (!balanced || node->parent != parent || !check_subtree(node->child[0], node, last)) {
        return false;
    }
    if (*last != NULL && **last >= node->key) {
        return false;
    }
    *last = &node->key;
    return check_subtree(node->child[1], node, last);
}

bool tree_check(const struct tree *tree)
{
    const uint64_t *last = NULL;
    return check_subtree(tree->root, NULL, &last);
}
