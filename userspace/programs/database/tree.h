/* SPDX-License-Identifier: MIT */
/* A tree of pages, for keys and values. One thread at a time: the caller holds a mutex. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/programs/database/page.h"

struct tree {
    uint32_t root;
    uint32_t next, limit; /* pages that it may take */
};

/* tree_load() - fill an empty tree with count entries, in the order of their keys; pages get room for later. */
void tree_load(struct tree *tree, uint64_t count,
               struct entry (*entry_of)(uint64_t index, uint64_t base), uint64_t base);

/* tree_find() - the value of a key; false: there is none. tree_put() - a new value; returns whether the key is new. */
bool tree_find(const struct tree *tree, uint64_t key, uint64_t *out_value);
bool tree_put(struct tree *tree, struct entry entry);

/* tree_scan() - visit up to count entries from a key on; returns how many there were. Their keys must ascend. */
uint64_t tree_scan(const struct tree *tree, uint64_t from, uint64_t count,
                   void (*visit)(const struct entry *entry, void *context), void *context);
