/* SPDX-License-Identifier: MIT */
/*
 * Handle tables against a model: random opening, duplicating, giving, lending, taking back, closing and looking, in three
 * processes with small quotas. The model knows what each handle names and from which it was derived. Whatever was done before,
 * every look-up must say what the model says; and no handle may ever do what the one it comes from could not (H2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hooks.h"
#include "gen/trace_emit.h"
#include "mm/heap.h"
#include "sched/process.h"
#include "tests/host/kernel_support.h"

#define PROCESSES 3u
#define OBJECTS   5u
#define HANDLES   4000u /* ever opened in one run */
#define LEASES    1000u
#define LIMIT     40u /* open ones of a process */
#define STEPS     6000u
#define NEWEST    20u /* leases that are still worth ending */
#define RUNS      30u
#define RIGHT_SET (RIGHT_DUPLICATE | RIGHT_TRANSFER | 0x3cu)

struct model_handle {
    uint64_t value;
    unsigned process, object, rights;
    int parent; /* -1: none, it was opened for the object */
    int lease;  /* -1: none */
    bool open;
};

struct model_lease {
    struct lease *lease;
    int parent;
    bool ended;
};

static struct process processes[PROCESSES];
static struct quota quotas[PROCESSES];
static struct thread thread;
static struct object objects[OBJECTS];
static struct model_handle handles[HANDLES];
static struct model_lease leases[LEASES];
static unsigned handle_count, lease_count, leases_alive, answers[16];
static uint64_t seed;

/* ---- the kernel around it ---- */

void hook_object_destroy(struct object *object)
{
    assert_int_equal(object->type, OBJECT_LEASE);
    lease_destroy(object);
}

void hook_handle_change(struct object *object, uint32_t rights, int change)
{
    (void)object;
    (void)rights;
    (void)change;
}

void *heap_alloc(size_t bytes)
{
    return calloc(1, bytes);
}

void heap_free(void *p)
{
    free(p);
}

struct cache *cache_create(const char *name, size_t object_bytes)
{
    (void)name;
    (void)object_bytes;
    return NULL;
}

void *cache_alloc(struct cache *cache)
{
    (void)cache;
    leases_alive++;
    return calloc(1, sizeof(struct lease));
}

void cache_free(struct cache *cache, void *object)
{
    (void)cache;
    leases_alive--;
    free(object);
}

void trace_write_3(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2,
                   uint64_t word3)
{
    (void)lane;
    (void)header;
    (void)word1;
    (void)word2;
    (void)word3;
}

void preempt_point(void)
{
}

/* ---- chance ---- */

static unsigned random_below(unsigned limit)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed >> 33) % limit;
}

static uint32_t random_rights(void)
{
    return random_below(1u << 6) & RIGHT_SET;
}

/* ---- the model ---- */

static bool is_live(int lease)
{
    for (; lease >= 0; lease = leases[lease].parent) {
        if (leases[lease].ended) {
            return false;
        }
    }
    return true;
}

/* A number may name something in one process and nothing, or something else, in another. */
static int find(unsigned process, uint64_t value)
{
    for (unsigned i = 0; i < handle_count; i++) {
        if (handles[i].open && handles[i].process == process && handles[i].value == value) {
            return (int)i;
        }
    }
    return -1;
}

static status_t expected(int handle, enum object_type type, uint32_t rights)
{
    if (handle < 0) {
        return ERR_BAD_HANDLE;
    }
    const struct model_handle *model = &handles[handle];
    if (type != OBJECT_ANY && objects[model->object].type != type) {
        return ERR_WRONG_TYPE;
    }
    if (!is_live(model->lease)) {
        return ERR_REVOKED;
    }
    return (model->rights & rights) == rights ? OK : ERR_NO_RIGHTS;
}

static unsigned open_in(unsigned process)
{
    unsigned count = 0;
    for (unsigned i = 0; i < handle_count; i++) {
        count += handles[i].open && handles[i].process == process;
    }
    return count;
}

static void note(uint64_t value, unsigned process, unsigned object, uint32_t rights, int parent,
                 int lease)
{
    assert_true(handle_count < HANDLES);
    assert_int_equal(find(process, value), -1);
    handles[handle_count++] =
        (struct model_handle){value, process, object, rights, parent, lease, true};
}

/* ---- steps ---- */

/* The numbers that programs pass: of handles that are open, closed, another process's; and any. */
static uint64_t pick_value(void)
{
    if (handle_count == 0 || random_below(20) == 0) {
        return random_below(1u << 14);
    }
    unsigned newest = handle_count > 150 && random_below(4) != 0 ? 150 : handle_count;
    return handles[handle_count - 1 - random_below(newest)].value;
}

static status_t answer(status_t got, status_t wanted)
{
    assert_int_equal(got, wanted);
    answers[-got % 16]++;
    return got;
}

static void step_open(unsigned process)
{
    unsigned object = random_below(OBJECTS);
    uint32_t rights = random_rights();
    uint64_t value = 0;
    status_t wanted = open_in(process) < LIMIT ? OK : ERR_QUOTA;
    if (answer(handle_add(&processes[process].handles, &objects[object], rights, 0, &value),
               wanted) == OK) {
        note(value, process, object, rights, -1, -1);
    }
}

/* Duplicate (to == process), grant, or lend: from the look-up to the new handle, as the system calls do it. */
static void step_derive(unsigned process, unsigned to, bool lend)
{
    uint64_t value = pick_value(), made = 0;
    int from = find(process, value);
    uint32_t needed = to == process ? RIGHT_DUPLICATE : RIGHT_TRANSFER, rights = random_rights();
    struct handle_entry entry;
    if (answer(handle_get_entry(value, OBJECT_ANY, needed, &entry),
               expected(from, OBJECT_ANY, needed)) != OK) {
        return;
    }
    struct handle_entry under = entry;
    int lease = handles[from].lease;
    if (lend && lease_count < LEASES && lease_create(entry.lease, &under.lease) == OK) {
        leases[lease_count] = (struct model_lease){under.lease, lease, false};
        lease = (int)lease_count++;
    }
    status_t wanted = (rights & ~handles[from].rights) != 0 ? ERR_NO_RIGHTS
                      : open_in(to) < LIMIT                 ? OK
                                                            : ERR_QUOTA;
    if (answer(handle_derive(&processes[to].handles, &under, rights, 0, &made), wanted) == OK) {
        note(made, to, handles[from].object, rights, from, lease);
    }
    handle_entry_put(&entry);
}

static void step_revoke(void)
{
    if (lease_count != 0) {
        unsigned newest = lease_count < NEWEST ? lease_count : NEWEST;
        unsigned i = lease_count - 1 - random_below(newest);
        lease_end(leases[i].lease);
        leases[i].ended = true;
    }
}

static void step_close(unsigned process)
{
    uint64_t value = pick_value();
    int handle = find(process, value);
    if (answer(handle_close(&processes[process].handles, value),
               handle < 0 ? ERR_BAD_HANDLE : OK) == OK) {
        handles[handle].open = false;
    }
}

/* Three ways to look, one answer. */
static void step_look(unsigned process)
{
    uint64_t value = pick_value();
    int handle = find(process, value);
    enum object_type type = random_below(3) == 0 ? OBJECT_MAILBOX : OBJECT_AREA;
    uint32_t rights = random_rights();
    status_t wanted = answer(expected(handle, type, rights), expected(handle, type, rights));
    struct object *object;
    struct handle_entry entry;
    status_t peeked = OK;
    assert_int_equal(handle_get(value, type, rights, &object), wanted);
    assert_int_equal(handle_get_entry(value, type, rights, &entry), wanted);
    assert_int_equal(handle_peek(value, type, rights, &peeked) != NULL, wanted == OK);
    assert_int_equal(peeked, wanted);
    if (wanted == OK) {
        assert_ptr_equal(object, &objects[handles[handle].object]);
        assert_int_equal(entry.rights, handles[handle].rights);
        object_put(object);
        handle_entry_put(&entry);
    }
}

static void step(void)
{
    unsigned process = random_below(PROCESSES);
    thread.process = &processes[process];
    switch (random_below(12)) {
    case 0:
        step_open(process);
        break;
    case 1:
    case 2:
        step_derive(process, process, false);
        break;
    case 3:
    case 4:
        step_derive(process, random_below(PROCESSES), false);
        break;
    case 5:
        step_derive(process, random_below(PROCESSES), true);
        break;
    case 6:
        if (random_below(3) == 0) {
            step_revoke();
        }
        break;
    case 7:
    case 8:
        step_close(process);
        break;
    default:
        step_look(process);
        break;
    }
}

/* ---- what holds at any time ---- */

/* H2 over the whole ancestry; that entries have the rights of the model is shown by the look-ups. */
static void check_rights(void)
{
    for (unsigned i = 0; i < handle_count; i++) {
        if (handles[i].parent >= 0) {
            assert_int_equal(handles[i].rights & ~handles[handles[i].parent].rights, 0);
            assert_int_equal(handles[i].object, handles[handles[i].parent].object);
        }
    }
}

static void check_counts(void)
{
    unsigned open[OBJECTS] = {0};
    for (unsigned i = 0; i < handle_count; i++) {
        open[handles[i].object] += handles[i].open;
    }
    for (unsigned i = 0; i < OBJECTS; i++) {
        assert_int_equal(atomic_load(&objects[i].handles), open[i]);
        assert_int_equal(atomic_load(&objects[i].refs), open[i] + 1);
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        assert_int_equal(processes[i].handles.used, open_in(i));
        assert_int_equal(atomic_load(&quotas[i].item[QUOTA_HANDLES].used), open_in(i));
    }
}

static void begin_run(void)
{
    support_begin(0);
    cpus[0].current = &thread;
    handle_count = lease_count = 0;
    for (unsigned i = 0; i < PROCESSES; i++) {
        quotas[i] = (struct quota){.refs = 1, .item = {[QUOTA_HANDLES] = {.limit = LIMIT}}};
        handle_table_init(&processes[i].handles, &quotas[i]);
    }
    for (unsigned i = 0; i < OBJECTS; i++) {
        object_init(&objects[i], i % 2 == 0 ? OBJECT_AREA : OBJECT_MAILBOX);
    }
}

static void end_run(void)
{
    for (unsigned i = 0; i < PROCESSES; i++) {
        handle_table_close(&processes[i].handles);
        handle_table_free(&processes[i].handles);
        assert_int_equal(atomic_load(&quotas[i].item[QUOTA_HANDLES].used), 0);
    }
    for (unsigned i = 0; i < lease_count; i++) {
        lease_put(leases[i].lease);
    }
    assert_int_equal(leases_alive, 0);
    for (unsigned i = 0; i < OBJECTS; i++) {
        assert_int_equal(atomic_load(&objects[i].refs), 1);
    }
}

static void tables_do_what_the_model_says(void **state)
{
    (void)state;
    for (unsigned run = 0; run < RUNS; run++) {
        seed = run + 1;
        begin_run();
        for (unsigned i = 0; i < STEPS && handle_count < HANDLES; i++) {
            step();
            if (i % 64 == 0) {
                check_counts();
            }
        }
        check_rights();
        check_counts();
        end_run();
    }
    const status_t seen[] = {OK,          ERR_BAD_HANDLE, ERR_WRONG_TYPE, ERR_NO_RIGHTS,
                             ERR_REVOKED, ERR_QUOTA};
    for (unsigned i = 0; i < ARRAY_COUNT(seen); i++) {
        assert_true(answers[-seen[i] % 16] > 100); /* chance has been everywhere */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tables_do_what_the_model_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
