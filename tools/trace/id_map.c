/* SPDX-License-Identifier: MIT */
/*
 * A hash table with open addressing and linear probing. Removal moves later entries of the run back, so there are no
 * tombstones and a table that sees millions of call ids come and go stays small.
 */
#include <stdlib.h>

#include "registry.h"

#define FIRST_SLOTS 64u
#define HASH_FACTOR 0x9e3779b97f4a7c15ull /* 2^64 / golden ratio */

static size_t home_of(const struct id_map *map, uint64_t key)
{
    return (size_t)(key * HASH_FACTOR >> 32) & (map->slots - 1);
}

static struct id_map_slot *find_slot(const struct id_map *map, uint64_t key)
{
    size_t at = home_of(map, key);
    while (map->slot[at].key != 0 && map->slot[at].key != key) {
        at = (at + 1) & (map->slots - 1);
    }
    return &map->slot[at];
}

void *id_map_find(const struct id_map *map, uint64_t id)
{
    if (map->slots == 0) {
        return NULL;
    }
    return find_slot(map, id + 1)->value;
}

static void resize(struct id_map *map, size_t slots)
{
    struct id_map old = *map;
    map->slot = xcalloc(slots, sizeof(*map->slot));
    map->slots = slots;
    for (size_t i = 0; i < old.slots; i++) {
        if (old.slot[i].key != 0) {
            *find_slot(map, old.slot[i].key) = old.slot[i];
        }
    }
    free(old.slot);
}

void id_map_insert(struct id_map *map, uint64_t id, void *value)
{
    if (2 * (map->count + 1) > map->slots) {
        resize(map, map->slots != 0 ? 2 * map->slots : FIRST_SLOTS);
    }
    struct id_map_slot *slot = find_slot(map, id + 1);
    map->count += slot->key == 0;
    slot->key = id + 1;
    slot->value = value;
}

void *id_map_remove(struct id_map *map, uint64_t id)
{
    if (map->slots == 0) {
        return NULL;
    }
    size_t hole = (size_t)(find_slot(map, id + 1) - map->slot);
    void *value = map->slot[hole].value;
    if (map->slot[hole].key == 0) {
        return NULL;
    }
    map->count--;
    size_t mask = map->slots - 1;
    for (size_t at = (hole + 1) & mask; map->slot[at].key != 0; at = (at + 1) & mask) {
        size_t home = home_of(map, map->slot[at].key);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->slot[hole] = map->slot[at];
            hole = at;
        }
    }
    map->slot[hole] = (struct id_map_slot){0};
    return value;
}

void id_map_free(struct id_map *map)
{
    free(map->slot);
    *map = (struct id_map){0};
}
