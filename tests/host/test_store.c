/* SPDX-License-Identifier: MIT */
/* The pager's store: random traffic against a model, memory that runs out, everything given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/lib/random.h"
#include "userspace/services/pager/store.h"

#define PAGES      200u
#define AREAS      4u
#define STEPS      200000u
#define BYTES_MAX  4096u
#define CHUNKS_ALL (~0u)
#define PLACES     300u /* of the disk */

static unsigned chunks_out, chunks_left;

static void *alloc_chunk(void)
{
    if (chunks_left == 0) {
        return NULL;
    }
    chunks_left--;
    chunks_out++;
    return aligned_alloc(STORE_CHUNK_BYTES, STORE_CHUNK_BYTES);
}

static void free_chunk(void *chunk)
{
    chunks_out--;
    chunks_left++;
    free(chunk);
}

static bool is_out[PLACES + 1]; /* of the places: 0 is none */
static unsigned places_out;

static uint32_t alloc_place(void)
{
    for (uint32_t place = 1; place <= PLACES; place++) {
        if (!is_out[place]) {
            is_out[place] = true;
            places_out++;
            return place;
        }
    }
    return 0;
}

static void free_place(uint32_t place)
{
    assert_true(place > 0 && place <= PLACES && is_out[place]);
    is_out[place] = false;
    places_out--;
}

static const struct store_memory memory = {alloc_chunk, free_chunk, free_place};

static void begin(struct store *store, uint32_t pages, unsigned chunks)
{
    chunks_out = 0;
    chunks_left = chunks;
    store_init(store, pages, calloc(1, store_table_bytes(pages)), &memory);
}

static void end(struct store *store)
{
    for (unsigned area = 0; area < AREAS; area++) {
        store_forget(store, area, 0);
    }
    assert_int_equal(store->used, 0);
    assert_int_equal(chunks_out, 0);
    assert_int_equal(places_out, 0);
    free(store->entries);
}

/* Bytes that follow from a number. */
static const unsigned char *make_bytes(uint64_t seed)
{
    static unsigned char bytes[BYTES_MAX];
    for (unsigned i = 0; i < BYTES_MAX; i++) {
        bytes[i] = (unsigned char)random_mix(seed + i / 16);
    }
    return bytes;
}

struct model {
    uint64_t seed; /* 0: nothing there */
    uint32_t count;
    uint32_t place; /* not 0: elsewhere */
};

static void check(const struct store *store, unsigned area, unsigned page,
                  const struct model *model)
{
    uint32_t count = 0, serial = 0;
    const void *found = store_get(store, area, page, &count, &serial);
    assert_int_equal(store_place(store, area, page, &serial), model->place);
    if (model->seed == 0 || model->place != 0) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_int_equal(count, model->count);
    assert_memory_equal(found, make_bytes(model->seed), count);
}

/* By the way that what went back to memory goes. */
static void drop_one(struct store *store, unsigned area, unsigned page)
{
    uint32_t count, serial = 0;

    if (store_place(store, area, page, &serial) != 0 ||
        store_get(store, area, page, &count, &serial) != NULL) {
        store_drop(store, area, page, serial);
    }
}

static struct model put(struct store *store, unsigned area, unsigned page, uint64_t r)
{
    uint32_t count = 1 + (r >> 32) % BYTES_MAX, place = 0;

    if (r >> 60 > 2 && store_put(store, area, page, make_bytes(r), count)) {
        return (struct model){r, count, 0};
    }
    place = r >> 60 < 6 ? alloc_place() : 0;
    if (place == 0) {
        if (r >> 60 <= 2) { /* it has not been touched yet */
            drop_one(store, area, page);
        }
        return (struct model){0};
    }
    if (!store_put_far(store, area, page, place)) {
        free_place(place);
        place = 0;
    }
    return (struct model){place != 0 ? r : 0, 0, place};
}

static void random_traffic(struct store *store, unsigned steps)
{
    static struct model model[AREAS][PAGES];
    uint64_t random = 42;
    memset(model, 0, sizeof(model));
    for (unsigned step = 0; step < steps; step++) {
        uint64_t r = random_next(&random);
        unsigned area = r % AREAS, page = (r >> 8) % PAGES;
        struct model *here = &model[area][page];
        if ((r >> 20) % 4 < 2) {
            *here = put(store, area, page, r);
        } else if ((r >> 20) % 4 == 2 || step % 1000 != 0) {
            check(store, area, page, here);
        } else {
            store_forget(store, area, page);
            memset(here, 0, (PAGES - page) * sizeof(*here));
        }
    }
    for (unsigned area = 0; area < AREAS; area++) {
        for (unsigned page = 0; page < PAGES; page++) {
            check(store, area, page, &model[area][page]);
        }
    }
}

static void test_what_was_put_is_found(void **state)
{
    (void)state;
    struct store store;
    begin(&store, AREAS * PAGES, CHUNKS_ALL);
    random_traffic(&store, STEPS);
    end(&store);
}

/* A page that went back is let go of; one that has come again since is not. */
static void test_what_went_back_makes_room(void **state)
{
    (void)state;
    struct store store;
    uint32_t count, old, serial;
    begin(&store, 2, CHUNKS_ALL);
    assert_true(store_put(&store, 1, 1, make_bytes(1), 100));
    assert_true(store_put(&store, 1, 2, make_bytes(2), 100));
    assert_false(store_put(&store, 1, 3, make_bytes(3), 100));
    assert_non_null(store_get(&store, 1, 1, &count, &old));
    assert_true(store_put(&store, 1, 1, make_bytes(4), 100));
    store_drop(&store, 1, 1, old);
    assert_memory_equal(store_get(&store, 1, 1, &count, &serial), make_bytes(4), 100);
    store_drop(&store, 1, 1, serial);
    store_drop(&store, 1, 1, serial);
    assert_null(store_get(&store, 1, 1, &count, &serial));
    assert_true(store_put(&store, 1, 3, make_bytes(3), 100));
    end(&store);
}

static void test_no_room_is_an_answer(void **state)
{
    (void)state;
    struct store store;
    begin(&store, AREAS * PAGES, 12); /* not enough for a chunk of each length */
    random_traffic(&store, STEPS);
    end(&store);
    begin(&store, AREAS * PAGES / 3, CHUNKS_ALL); /* not enough names */
    random_traffic(&store, STEPS);
    end(&store);
}

static void test_pieces_of_every_length(void **state)
{
    (void)state;
    struct store store;
    begin(&store, BYTES_MAX, CHUNKS_ALL);
    for (uint32_t count = 1; count <= BYTES_MAX; count++) {
        assert_true(store_put(&store, 1, count, make_bytes(count), count));
    }
    assert_false(store_put(&store, 1, 0, "", 1)); /* every name is used */
    for (uint32_t count = 1; count <= BYTES_MAX; count++) {
        check(&store, 1, count, &(struct model){count, count, 0});
    }
    end(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_put_is_found),
        cmocka_unit_test(test_what_went_back_makes_room),
        cmocka_unit_test(test_no_room_is_an_answer),
        cmocka_unit_test(test_pieces_of_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
