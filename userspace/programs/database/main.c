/* SPDX-License-Identifier: MIT */
/*
 * database: trees of pages with checksums that need more memory than there is, used by threads on all cores.
 *
 *   mib=N (12)   pages of all trees   leave=N (0)   MiB to leave free before, so that the pager has to keep some; 0: take none
 *   threads=N (one per core)          operations=N (1500) of each
 *
 * A value says how often it was written, and follows from that and its key: wherever it is read, it must. At the end every key is
 * there, and what all say together is as often as was written.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/mutex.h"
#include "userspace/lib/option.h"
#include "userspace/lib/random.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/lib/check.h"
#include "userspace/lib/user_trace.h"
#include "userspace/programs/database/tree.h"
#include "userspace/programs/paging/squeeze.h"

#define TREES       8u
#define THREADS_MAX 8u
#define STRIDE      16u  /* between keys at first */
#define PER_PAGE    120u /* entries that are loaded for each page there is: the rest is for splits */
#define SCAN        300u
#define NEAR        4096u

enum { GET = 1, PUT, SCAN_RANGE, LOAD, CHECK, WRITTEN };

static struct {
    struct mutex mutex;
    struct tree tree;
} trees[TREES];

struct client {
    struct thread thread;
    uint64_t seed, operations;
};

static struct mutex
    starting; /* held until all clients are there: to start a thread takes memory, too */
static uint64_t per_tree; /* keys at first */
static atomic_ulong written, added;

/* ---- values ---- */

/* The same for keys that are near each other, as much of what is in databases: a pager that compresses has an easier life. */
static uint64_t value_of(uint64_t key, uint32_t version)
{
    return (uint64_t)version << 32 | (uint32_t)random_mix(key / NEAR ^ (uint64_t)version << 48);
}

static uint32_t version_of(const struct entry *entry)
{
    uint32_t version = (uint32_t)(entry->value >> 32);

    if (entry->value != value_of(entry->key, version)) {
        die("key %lu has %lx, which is no version of it", entry->key, entry->value);
    }
    return version;
}

/* Keys of a tree are together; those between the first ones come later. */
static uint64_t key_of(uint64_t tree, uint64_t place)
{
    return tree << 40 | place;
}

static struct entry first_entry(uint64_t index, uint64_t tree)
{
    uint64_t key = key_of(tree, index * STRIDE);

    return (struct entry){key, value_of(key, 0)};
}

/* ---- operations ---- */

static void get(uint64_t tree, uint64_t random)
{
    uint64_t index = random % per_tree;
    struct entry entry = {.key = key_of(tree, index * STRIDE)};

    VERIFY(tree_find(&trees[tree].tree, entry.key, &entry.value));
    (void)version_of(&entry);
}

/* A key that is there, or one of those between. */
static void put(uint64_t tree, uint64_t random)
{
    struct entry entry = {.key = key_of(tree, random % (per_tree * STRIDE))};
    uint32_t version = 0;

    if (tree_find(&trees[tree].tree, entry.key, &entry.value)) {
        version = version_of(&entry) + 1;
        atomic_fetch_add(&written, 1);
    } else {
        atomic_fetch_add(&added, 1);
    }
    entry.value = value_of(entry.key, version);
    VERIFY(tree_put(&trees[tree].tree, entry) == (version == 0));
}

static void look_at(const struct entry *entry, void *context)
{
    *(uint64_t *)context += version_of(entry);
}

static void scan(uint64_t tree, uint64_t random)
{
    uint64_t versions = 0;

    (void)tree_scan(&trees[tree].tree, key_of(tree, random % (per_tree * STRIDE)), SCAN, look_at,
                    &versions);
}

static void operate(uint32_t track, uint64_t random)
{
    static void (*const operations[])(uint64_t tree, uint64_t random) = {
        [GET] = get, [PUT] = put, [SCAN_RANGE] = scan};
    const uint64_t tree = random % TREES, choice = random >> 8 & 15;
    const uint32_t which = choice < 9 ? GET : choice < 15 ? PUT : SCAN_RANGE;

    USER_SPAN_BEGIN(track, which);
    mutex_lock(&trees[tree].mutex);
    operations[which](tree, random >> 16);
    mutex_unlock(&trees[tree].mutex);
    USER_SPAN_END(track);
}

static void run_client(void *argument)
{
    const struct client *client = argument;
    uint32_t track = user_trace_open();
    uint64_t state = client->seed;

    mutex_lock(&starting);
    mutex_unlock(&starting);
    for (uint64_t i = 0; i < client->operations; i++) {
        operate(track, random_next(&state));
        USER_COUNTER(WRITTEN, atomic_load(&written));
    }
}

/* ---- the whole ---- */

static void load_all(uint32_t pages)
{
    const uint32_t each = (pages - 1) / TREES;

    per_tree = (uint64_t)each * PER_PAGE;
    for (uint32_t i = 0; i < TREES; i++) {
        trees[i].tree = (struct tree){.next = 1 + i * each, .limit = 1 + (i + 1) * each};
        tree_load(&trees[i].tree, per_tree, first_entry, i);
    }
}

static void check_all(void)
{
    uint64_t versions = 0, entries = 0;

    for (uint32_t i = 0; i < TREES; i++) {
        entries += tree_scan(&trees[i].tree, 0, UINT64_MAX, look_at, &versions);
    }
    VERIFY(entries == TREES * per_tree + atomic_load(&added) && versions == atomic_load(&written));
    mark(MARK_CHECKED, entries);
    report("%lu entries, %lu written again", entries, versions);
}

/* Memory is made scarce when they are there, and before anything is loaded. */
static void run_clients(uint32_t track, uint32_t pages, unsigned threads)
{
    const uint64_t operations = option_u64("operations", 1500);
    static struct client clients[THREADS_MAX];

    mutex_lock(&starting);
    for (unsigned i = 0; i < threads; i++) {
        clients[i] = (struct client){.seed = i + 1, .operations = operations};
        must(thread_start(&clients[i].thread, run_client, &clients[i], THREAD_ANYWHERE, "client"));
    }
    leave_free(option_u64("leave", 0) << 20);
    USER_SPAN_BEGIN(track, LOAD);
    load_all(pages);
    USER_SPAN_END(track);
    mutex_unlock(&starting);
    for (unsigned i = 0; i < threads; i++) {
        thread_join(&clients[i].thread);
    }
}

static void name_spans(void)
{
    static const char *const names[] = {[GET] = "get",   [PUT] = "put",     [SCAN_RANGE] = "scan",
                                        [LOAD] = "load", [CHECK] = "check", [WRITTEN] = "written"};

    for (uint32_t id = GET; id <= WRITTEN; id++) {
        user_trace_name(id, names[id]);
    }
}

int main(int argc, char **argv)
{
    const uint64_t bytes = option_u64("mib", 12) << 20;
    uint64_t area, address, cpu, cores;
    uint32_t track = user_trace_open();

    (void)argc;
    (void)argv;
    must(sys_cpu_info(&cpu, &cores));
    uint64_t threads = option_u64("threads", cores < THREADS_MAX ? cores : THREADS_MAX);
    VERIFY(threads >= 1 && threads <= THREADS_MAX && bytes >= 1 << 20);
    name_spans();
    must(sys_area_create(bytes, 0, &area));
    must(sys_area_map(program.self, area, 0, bytes, 0, PROT_READ | PROT_WRITE, &address));
    pages_init((void *)address, (uint32_t)(bytes / sizeof(struct page)));
    run_clients(track, (uint32_t)(bytes / sizeof(struct page)), (unsigned)threads);
    USER_SPAN_BEGIN(track, CHECK);
    check_all();
    USER_SPAN_END(track);
    user_trace_hand_over();
    return 0;
}
