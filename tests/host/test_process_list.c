/* SPDX-License-Identifier: MIT */
/* The list of processes (sched/process.h), and what a new process is made of: its memory may have been another's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hooks.h"
#include "gen/trace_emit.h"
#include "mm/heap.h"
#include "sched/process.h"
#include "tests/host/kernel_support.h"
#include "vm/space.h"

#define PROCESSES 4u

static struct process slot[PROCESSES];
static unsigned slots_used;
static struct thread caller;
struct quota quota_root;

/* ---- the kernel around it ---- */

struct cache *cache_create(const char *name, size_t object_bytes)
{
    (void)name;
    (void)object_bytes;
    return NULL;
}

/* As a typed cache does: what was in it before stays. */
void *cache_alloc(struct cache *cache)
{
    (void)cache;
    memset(&slot[slots_used], 0, sizeof(slot[0]));
    slot[slots_used].ticks_of_ended = 12345;
    return &slot[slots_used++];
}

void cache_free(struct cache *cache, void *object)
{
    (void)cache;
    (void)object;
}

status_t space_create(struct space **out)
{
    *out = NULL;
    return OK;
}

paddr_t space_root(const struct space *space)
{
    (void)space;
    return 0;
}

struct quota *quota_get(struct quota *quota)
{
    return quota;
}

void quota_put(struct quota *quota)
{
    (void)quota;
}

void handle_table_init(struct handle_table *table, struct quota *quota)
{
    (void)table;
    (void)quota;
}

void wait_queue_init(struct wait_queue *queue, const char *name)
{
    (void)queue;
    (void)name;
}

/* What the end of a process takes: no test comes to it. */

void handle_table_close(struct handle_table *table)
{
    (void)table;
}

void handle_table_free(struct handle_table *table)
{
    (void)table;
}

status_t handle_table_pay_by(struct handle_table *table, struct quota *quota)
{
    (void)table;
    (void)quota;
    return OK;
}

void hook_object_destroy(struct object *object)
{
    (void)object;
}

void hook_process_gone(uint32_t process)
{
    (void)process;
}

status_t quota_create(struct quota *parent, const uint64_t limit[QUOTA_KINDS], struct quota **out)
{
    (void)parent;
    (void)limit;
    (void)out;
    return OK;
}

void space_destroy(struct space *space)
{
    (void)space;
}

bool thread_cancel(struct thread *thread)
{
    (void)thread;
    return false;
}

void thread_mark_stopped(struct thread *thread, unsigned reason)
{
    (void)thread;
    (void)reason;
}

void thread_mark_killed(struct thread *thread, uint64_t code)
{
    (void)thread;
    (void)code;
}

void thread_go_on(struct thread *thread, unsigned reason)
{
    (void)thread;
    (void)reason;
}

uint64_t thread_ticks(const struct thread *thread)
{
    (void)thread;
    return 0;
}

void trace_life_process_create(uint32_t id, uint32_t creator, const char *name, size_t name_bytes)
{
    (void)id;
    (void)creator;
    (void)name;
    (void)name_bytes;
}

void trace_life_process_exit(uint8_t fault, uint32_t id, uint32_t code)
{
    (void)fault;
    (void)id;
    (void)code;
}

void wait_queue_wake_all_locked(struct wait_queue *queue, enum trace_wake_reason reason)
{
    (void)queue;
    (void)reason;
}

status_t wait_queue_wait_locked(struct wait_queue *queue, ns_t deadline,
                                enum trace_thread_state why, void *object)
{
    (void)queue;
    (void)deadline;
    (void)why;
    (void)object;
    return OK;
}

void rendezvous_run(void (*function)(void *argument), void *argument)
{
    function(argument);
}

/* ---- tests ---- */

static int begin(void **state)
{
    (void)state;
    support_begin(0);
    this_cpu()->current = &caller;
    list_init(&process_list);
    slots_used = 0;
    return 0;
}

static struct process *create(uint32_t id)
{
    struct process *process = NULL;
    assert_int_equal(process_create("test", &process), OK);
    process->object.id = id;
    return process;
}

static void a_new_process_has_had_no_time(void **state)
{
    (void)state;
    assert_int_equal(process_ticks(create(1)), 0);
}

/* Ids are taken before the lock of the list: a later one may be in it earlier. */
static void a_walk_by_ids_meets_each_process(void **state)
{
    (void)state;
    static const uint32_t order[PROCESSES] = {7, 5, 9, 6};
    for (unsigned i = 0; i < PROCESSES; i++) {
        (void)create(order[i]);
    }
    atomic_store(&slot[3].object.refs, 0); /* 6 is about to leave the list */
    static const uint32_t met[] = {5, 7, 9};
    uint32_t from = 0;
    for (unsigned i = 0; i < sizeof(met) / sizeof(met[0]); i++) {
        struct process *process = process_from(from);
        assert_non_null(process);
        assert_int_equal(process->object.id, met[i]);
        assert_int_equal(atomic_load(&process->object.refs), 2);
        from = process->object.id + 1;
    }
    assert_null(process_from(from));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_new_process_has_had_no_time, begin),
        cmocka_unit_test_setup(a_walk_by_ids_meets_each_process, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
