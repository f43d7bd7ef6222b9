/* SPDX-License-Identifier: MIT */
/*
 * The tree: leaves hold entries, inner pages the lowest key of each page below. A page that is full is split in two before something
 * goes into it; a root that was split gets a new one above.
 */
#include "userspace/programs/database/tree.h"

#include <string.h>

#include "userspace/lib/check.h"

#define LEVELS_MAX 6u
#define LOADED     180u /* entries of a page at first: splits begin soon, and not at once */

/* ---- loading ---- */

/* The rightmost page of each level while a tree grows on its right side. */
struct loader {
    struct tree *tree;
    struct page *open[LEVELS_MAX];
    uint32_t levels;
};

static void load(struct loader *loader, uint32_t level, struct entry entry)
{
    struct page *page = loader->open[level];

    VERIFY(level < LEVELS_MAX);
    if (page == NULL || page->count == LOADED) {
        struct page *fresh = page_new(&loader->tree->next, loader->tree->limit, level);
        if (page != NULL) {
            page->next = level == 0 ? fresh->number : 0;
            page_seal(page);
            if (level + 1 == loader->levels) { /* it is not alone any more: they get one above */
                loader->levels++;
                load(loader, level + 1, (struct entry){page->entry[0].key, page->number});
            }
            load(loader, level + 1, (struct entry){entry.key, fresh->number});
        }
        loader->open[level] = page = fresh;
    }
    page_insert(page, page->count, entry);
}

void tree_load(struct tree *tree, uint64_t count,
               struct entry (*entry_of)(uint64_t index, uint64_t base), uint64_t base)
{
    struct loader loader = {.tree = tree, .levels = 1};

    for (uint64_t i = 0; i < count; i++) {
        load(&loader, 0, entry_of(i, base));
    }
    VERIFY(count > 0);
    for (uint32_t level = 0; level < loader.levels; level++) {
        page_seal(loader.open[level]);
    }
    tree->root = loader.open[loader.levels - 1]->number;
}

/* ---- looking ---- */

static const struct page *find_leaf(const struct tree *tree, uint64_t key)
{
    const struct page *page = page_open(tree->root);

    while (page->level > 0) {
        const struct page *below = page_open((uint32_t)page->entry[page_find(page, key)].value);
        VERIFY(below->level == page->level - 1);
        page = below;
    }
    return page;
}

bool tree_find(const struct tree *tree, uint64_t key, uint64_t *out_value)
{
    const struct page *leaf = find_leaf(tree, key);
    const struct entry *entry = &leaf->entry[page_find(leaf, key)];

    if (entry->key != key) {
        return false;
    }
    *out_value = entry->value;
    return true;
}

uint64_t tree_scan(const struct tree *tree, uint64_t from, uint64_t count,
                   void (*visit)(const struct entry *entry, void *context), void *context)
{
    const struct page *leaf = find_leaf(tree, from);
    uint32_t place = page_find(leaf, from);
    uint64_t last = 0, visited = 0;

    while (visited < count) {
        if (place == leaf->count) {
            if (leaf->next == 0) {
                break;
            }
            leaf = page_open(leaf->next);
            place = 0;
        }
        const struct entry *entry = &leaf->entry[place++];
        VERIFY(visited == 0 || entry->key > last);
        last = entry->key;
        visit(entry, context);
        visited++;
    }
    return visited;
}

/* ---- changing ---- */

/* The upper half of a full page goes to a new one, which the page above learns of. */
static void split(struct tree *tree, struct page *above, uint32_t place, struct page *page)
{
    struct page *upper = page_new(&tree->next, tree->limit, page->level);

    upper->count = page->count / 2;
    page->count -= upper->count;
    memcpy(upper->entry, &page->entry[page->count], upper->count * sizeof(struct entry));
    upper->next = page->next;
    page->next = page->level == 0 ? upper->number : 0;
    page_insert(above, place + 1, (struct entry){upper->entry[0].key, upper->number});
    page_seal(upper);
    page_seal(page);
    page_seal(above);
}

static void grow(struct tree *tree, struct page *root)
{
    struct page *above = page_new(&tree->next, tree->limit, root->level + 1);

    page_insert(above, 0, (struct entry){root->entry[0].key, root->number});
    split(tree, above, 0, root);
    tree->root = above->number;
}

bool tree_put(struct tree *tree, struct entry entry)
{
    struct page *page = page_open(tree->root);

    if (page->count == PAGE_ENTRIES) {
        grow(tree, page);
        page = page_open(tree->root);
    }
    while (page->level > 0) {
        uint32_t place = page_find(page, entry.key);
        struct page *below = page_open((uint32_t)page->entry[place].value);

        if (below->count == PAGE_ENTRIES) {
            split(tree, page, place, below);
            below = page_open((uint32_t)page->entry[page_find(page, entry.key)].value);
        }
        page = below;
    }
    uint32_t place = page_find(page, entry.key);
    bool is_new = page->entry[place].key != entry.key;
    if (is_new) {
        page_insert(page, page->entry[place].key < entry.key ? place + 1 : place, entry);
    } else {
        page->entry[place] = entry;
    }
    page_seal(page);
    return is_new;
}
