/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of drivers (irq/interrupt.h), with an I/O APIC made up by this file: every sequence of a few steps of device, chip and
 * driver is played against a model that says in two bits what N1 says in words.
 */
#include "irq/interrupt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "arch/interrupt.h"
#include "base/hooks.h"
#include "gen/trace_emit.h"
#include "kernel/abi/interrupt.h"
#include "mm/heap.h"
#include "tests/host/kernel_support.h"

#define LINES     24u
#define LINE_KEPT 4u
#define LINE      20u

static struct {
    bool masked;
    unsigned vector, cpu;
} chip[LINES];

static unsigned wakes, acknowledged, live, signals_sent;
static unsigned readied, readied_before_others;
static bool no_memory;

/* ---- the machine ---- */

bool interrupt_isa_route(uint32_t isa_line, struct line_route *out)
{
    *out = (struct line_route){.gsi = isa_line == 0 ? 2 : isa_line};
    return isa_line < 16;
}

bool interrupt_line_exists(uint32_t gsi)
{
    return gsi < LINES;
}

bool interrupt_line_is_kept(uint32_t gsi)
{
    return gsi == LINE_KEPT;
}

void interrupt_line_route(const struct line_route *route, unsigned vector, unsigned cpu)
{
    chip[route->gsi].vector = vector;
    chip[route->gsi].cpu = cpu;
    chip[route->gsi].masked = false;
}

void interrupt_line_mask(uint32_t gsi, bool masked)
{
    chip[gsi].masked = masked;
}

void interrupt_line_steer(uint32_t gsi, unsigned cpu)
{
    chip[gsi].cpu = cpu;
}

void interrupt_message(unsigned vector, unsigned cpu, uint64_t *out_address, uint64_t *out_data)
{
    *out_address = cpu;
    *out_data = vector;
}

/* ---- the kernel around it ---- */

void *cache_alloc(struct cache *cache)
{
    (void)cache;
    live += !no_memory;
    return no_memory ? NULL : calloc(1, sizeof(struct interrupt));
}

void cache_free(struct cache *cache, void *object)
{
    (void)cache;
    live--;
    free(object);
}

struct cache *cache_create(const char *name, size_t object_bytes)
{
    (void)name;
    (void)object_bytes;
    return NULL;
}

void hook_object_destroy(struct object *object)
{
    assert_int_equal(object->type, OBJECT_INTERRUPT); /* the event is the test's */
    interrupt_destroy(object);
}

void wait_queue_init(struct wait_queue *queue, const char *name)
{
    spinlock_init(&queue->lock, name, LOCK_RANK_WAIT);
    list_init(&queue->waiters);
}

status_t wait_queue_wait_locked(struct wait_queue *queue, ns_t deadline,
                                enum trace_thread_state why, void *object)
{
    (void)why;
    (void)object;
    assert_int_equal(deadline, 0);
    spinlock_release(&queue->lock);
    return ERR_TIMED_OUT;
}

void wait_queue_wake_all_locked(struct wait_queue *queue, enum trace_wake_reason reason)
{
    assert_true(spinlock_is_held(&queue->lock));
    assert_int_equal(reason, TRACE_WAKE_REASON_INTERRUPT);
    readied_before_others = readied;
    list_init(&queue->waiters);
    wakes++;
}

static struct thread waiter;       /* for the event, or the interrupt itself */
static bool waits, waits_directly; /* for the one, for the other: once */

struct thread *wait_queue_claim_locked(struct wait_queue *queue)
{
    bool is_there = waits_directly;

    assert_true(spinlock_is_held(&queue->lock));
    waits_directly = false;
    return is_there ? &waiter : NULL;
}

struct thread *event_signal(struct event *event, uint64_t set, uint64_t clear)
{
    assert_int_equal(clear, 0);
    event->signals |= set;
    signals_sent++;
    return waits ? &waiter : NULL;
}

void thread_ready(struct thread *thread, status_t status, enum trace_wake_reason reason)
{
    assert_ptr_equal(thread, &waiter);
    assert_int_equal(status, OK);
    assert_int_equal(reason, TRACE_WAKE_REASON_INTERRUPT);
    readied++;
}

void trace_write_1(struct trace_lane *lane, uint64_t header, uint64_t word1)
{
    (void)lane;
    (void)word1;
    acknowledged += TRACE_EVENT(header) == TRACE_EVENT_IRQ_ACKNOWLEDGE;
}

static int begin(void **state)
{
    (void)state;
    support_begin(0);
    wakes = 0;
    acknowledged = 0;
    live = 0;
    signals_sent = 0;
    no_memory = false;
    for (unsigned i = 0; i < LINES; i++) {
        chip[i].masked = true;
    }
    interrupt_init();
    return 0;
}

static int end(void **state)
{
    (void)state;
    return live == 0 ? 0 : -1;
}

static void drop(struct interrupt *interrupt)
{
    object_put(&interrupt->object);
}

/* ---- all sequences ---- */

enum step { RAISE, LOWER, CHIP, WAIT, ACKNOWLEDGE, STEER, STEPS };

#define LENGTH    7u
#define SEQUENCES 279936u /* STEPS to the power of LENGTH */

/* What N1 says: pending, the driver will hear of it; taken, it has heard and not acknowledged. */
struct model {
    bool level, high, pending, taken, bound;
    unsigned cpu, cpu_last, signals_sent;
    uint64_t count;
};

/* Bound to an event, it is taken as soon as it may be. */
static void signal_model(struct model *model)
{
    if (model->bound && model->pending && !model->taken) {
        model->pending = false;
        model->taken = true;
        model->signals_sent++;
    }
}

static void come(struct interrupt *interrupt, struct model *model)
{
    support_begin(model->cpu);
    assert_null(interrupt_deliver(interrupt->vector));
    support_begin(0);
    model->count++;
    model->cpu_last = model->cpu;
    model->pending = true;
    signal_model(model);
}

static void check_wait(struct interrupt *interrupt, struct model *model)
{
    uint64_t count = 0, cpu = 0;
    bool hears = model->pending && !model->taken;
    status_t wanted = model->bound ? ERR_BUSY : hears ? OK : ERR_TIMED_OUT;
    assert_int_equal(interrupt_wait(interrupt, 0, &count, &cpu), wanted);
    if (hears) {
        assert_int_equal(count, model->count);
        assert_int_equal(cpu, model->cpu_last);
        model->pending = false;
        model->taken = true;
    }
}

static void check_steer(struct interrupt *interrupt, struct model *model)
{
    uint64_t address, data;
    model->cpu = 1 - model->cpu;
    assert_int_equal(interrupt_steer(interrupt, model->cpu, &address, &data), OK);
    assert_int_equal(address, model->level ? 0 : model->cpu);
    assert_int_equal(data, model->level ? 0 : interrupt->vector);
}

static void play(struct interrupt *interrupt, struct model *model, enum step step)
{
    switch (step) {
    case RAISE:
        model->high = true;
        if (!model->level) {
            come(interrupt, model);
        }
        break;
    case LOWER:
        model->high = false;
        break;
    case CHIP:
        if (model->level && model->high && !chip[LINE].masked) {
            come(interrupt, model);
        }
        break;
    case WAIT:
        check_wait(interrupt, model);
        break;
    case ACKNOWLEDGE:
        assert_int_equal(interrupt_acknowledge(interrupt), model->taken ? OK : ERR_NOT_FOUND);
        model->taken = false;
        signal_model(model);
        break;
    default:
        check_steer(interrupt, model);
        break;
    }
}

static void play_sequence(unsigned number, bool level, struct event *event)
{
    struct interrupt *interrupt = NULL;
    struct model model = {.level = level, .bound = event != NULL};
    uint64_t address, data;
    assert_int_equal(level ? interrupt_create(LINE, INTERRUPT_LEVEL, 0, &interrupt)
                           : interrupt_create_message(0, &interrupt, &address, &data),
                     OK);
    signals_sent = 0;
    if (event != NULL) {
        interrupt_bind(interrupt, event, 4);
    }
    for (unsigned i = 0; i < LENGTH; i++, number /= STEPS) {
        play(interrupt, &model, (enum step)(number % STEPS));
        if (level) {
            assert_int_equal(chip[LINE].masked, model.pending || model.taken);
            assert_int_equal(chip[LINE].cpu, model.cpu);
        }
        assert_int_equal(signals_sent, model.signals_sent);
    }
    drop(interrupt);
    assert_true(chip[LINE].masked);
}

static void a_line_is_masked_from_coming_to_acknowledgement(void **state)
{
    (void)state;
    for (unsigned number = 0; number < SEQUENCES; number++) {
        play_sequence(number, true, NULL);
    }
}

static void messages_before_the_acknowledgement_are_one(void **state)
{
    (void)state;
    for (unsigned number = 0; number < SEQUENCES; number++) {
        play_sequence(number, false, NULL);
    }
}

static void a_bound_interrupt_is_taken_by_its_event(void **state)
{
    (void)state;
    static struct event event;
    object_init(&event.object, OBJECT_EVENT);
    for (unsigned number = 0; number < SEQUENCES; number++) {
        play_sequence(number, number % 2 == 0, &event);
    }
    assert_int_equal(event.signals, 4);
    assert_int_equal(atomic_load(&event.object.refs), 1);
}

static void what_is_raised_is_signalled_when_bound(void **state)
{
    (void)state;
    static struct event first, second;
    struct interrupt *interrupt;
    uint64_t address, data;
    object_init(&first.object, OBJECT_EVENT);
    object_init(&second.object, OBJECT_EVENT);
    assert_int_equal(interrupt_create_message(0, &interrupt, &address, &data), OK);
    assert_null(interrupt_deliver((unsigned)data));
    interrupt_bind(interrupt, &first, 1);
    assert_int_equal(first.signals, 1);
    interrupt_bind(interrupt, &second, 2); /* was taken already */
    assert_int_equal(second.signals, 0);
    assert_int_equal(atomic_load(&first.object.refs), 1);
    assert_int_equal(interrupt_acknowledge(interrupt), OK);
    assert_null(interrupt_deliver((unsigned)data));
    assert_int_equal(second.signals, 2);
    drop(interrupt);
    assert_int_equal(atomic_load(&second.object.refs), 1);
}

/* Who interrupts a core decides what runs there; whoever else raises one only makes its thread ready. */
static void who_is_woken_is_handed_to_the_interrupt_handler(void **state)
{
    (void)state;
    static struct event event;
    struct interrupt *interrupt;
    uint64_t address, data;
    object_init(&event.object, OBJECT_EVENT);
    waits = true;
    readied = 0;
    assert_int_equal(interrupt_create_message(0, &interrupt, &address, &data), OK);
    assert_null(interrupt_deliver((unsigned)data));
    interrupt_bind(interrupt, &event, 1);
    assert_int_equal(readied, 1);
    assert_int_equal(interrupt_acknowledge(interrupt), OK);
    assert_ptr_equal(interrupt_deliver((unsigned)data), &waiter);
    assert_null(interrupt_deliver((unsigned)data)); /* again, while it is served */
    assert_int_equal(readied, 1);
    assert_int_equal(interrupt_acknowledge(interrupt), OK);
    assert_int_equal(readied, 2);
    waits = false;
    drop(interrupt);
}

static void who_waits_for_the_interrupt_itself_is_handed_over_too(void **state)
{
    (void)state;
    struct interrupt *interrupt;
    uint64_t address, data, count, cpu;
    readied = 0;
    assert_int_equal(interrupt_create_message(0, &interrupt, &address, &data), OK);
    waits_directly = true;
    assert_ptr_equal(interrupt_deliver((unsigned)data), &waiter);
    assert_int_equal(interrupt_wait(interrupt, 0, &count, &cpu), OK);
    assert_null(interrupt_deliver((unsigned)data)); /* again, while it is served */
    waits_directly = true;
    assert_int_equal(interrupt_acknowledge(interrupt), OK);
    assert_int_equal(readied, 1);
    assert_false(waits_directly);
    drop(interrupt);
}

/* Two take the interrupt in turn: the one who has waited longer is not overtaken by the one that the handler would make way for. */
static void the_first_of_several_waiters_is_ready_first(void **state)
{
    (void)state;
    struct interrupt *interrupt;
    struct list other;
    uint64_t address, data;
    readied = 0;
    assert_int_equal(interrupt_create_message(0, &interrupt, &address, &data), OK);
    list_push_back(&interrupt->waiters.waiters, &other);
    waits_directly = true;
    assert_null(interrupt_deliver((unsigned)data));
    assert_int_equal(readied, 1);
    assert_int_equal(readied_before_others, 1);
    assert_int_equal(wakes, 1);
    drop(interrupt);
}

/* ---- taking and giving back ---- */

static void a_line_has_one_owner(void **state)
{
    (void)state;
    struct interrupt *first, *second;
    assert_int_equal(interrupt_create(0, INTERRUPT_ISA, 0, &first), OK);
    assert_int_equal(interrupt_create(2, 0, 0, &second), ERR_BUSY);
    drop(first);
    assert_int_equal(interrupt_create(2, 0, 0, &second), OK);
    drop(second);
}

static void what_is_refused(void **state)
{
    (void)state;
    struct interrupt *interrupt;
    uint64_t address, data;
    assert_int_equal(interrupt_create(LINE_KEPT, 0, 0, &interrupt), ERR_BUSY);
    assert_int_equal(interrupt_create(LINES, 0, 0, &interrupt), ERR_NOT_FOUND);
    assert_int_equal(interrupt_create(16, INTERRUPT_ISA, 0, &interrupt), ERR_NOT_FOUND);
    assert_int_equal(interrupt_create(LINE, 8, 0, &interrupt), ERR_BAD_ARGUMENT);
    assert_int_equal(interrupt_create(LINE, 0, CPU_MAX, &interrupt), ERR_RANGE);
    assert_int_equal(interrupt_create_message(CPU_MAX, &interrupt, &address, &data), ERR_RANGE);
    no_memory = true;
    assert_int_equal(interrupt_create(LINE, 0, 0, &interrupt), ERR_NO_MEMORY);
    no_memory = false;
    assert_int_equal(interrupt_create(LINE, 0, 0, &interrupt), OK);
    assert_int_equal(interrupt_steer(interrupt, CPU_MAX, &address, &data), ERR_RANGE);
    drop(interrupt);
}

static void vectors_run_out_and_come_back(void **state)
{
    (void)state;
    struct interrupt *all[INTERRUPT_VECTORS], *extra;
    uint64_t address, data;
    for (unsigned i = 0; i < INTERRUPT_VECTORS; i++) {
        assert_int_equal(interrupt_create_message(0, &all[i], &address, &data), OK);
        assert_ptr_equal(interrupt_vectors[data - VECTOR_IRQ_BASE], all[i]);
    }
    assert_int_equal(interrupt_create_message(0, &extra, &address, &data), ERR_TABLE_FULL);
    drop(all[7]);
    assert_int_equal(interrupt_create_message(0, &all[7], &address, &data), OK);
    for (unsigned i = 0; i < INTERRUPT_VECTORS; i++) {
        drop(all[i]);
    }
}

static void the_last_breath_of_a_device_disturbs_nobody(void **state)
{
    (void)state;
    struct interrupt *interrupt;
    uint64_t address, data;
    assert_int_equal(interrupt_create_message(0, &interrupt, &address, &data), OK);
    drop(interrupt);
    assert_null(interrupt_deliver((unsigned)data));
    assert_int_equal(wakes, 0);
}

static void each_wake_and_acknowledgement_is_an_event(void **state)
{
    (void)state;
    struct interrupt *interrupt;
    uint64_t address, data, count, cpu;
    assert_int_equal(interrupt_create_message(0, &interrupt, &address, &data), OK);
    assert_null(interrupt_deliver((unsigned)data));
    support_begin(3); /* where it was steered to before */
    assert_null(interrupt_deliver((unsigned)data));
    support_begin(0);
    assert_int_equal(wakes, 1);
    assert_int_equal(interrupt_wait(interrupt, 0, &count, &cpu), OK);
    assert_int_equal(count, 2);
    assert_int_equal(cpu, 3);
    assert_int_equal(interrupt_acknowledge(interrupt), OK);
    assert_int_equal(interrupt_acknowledge(interrupt), ERR_NOT_FOUND);
    assert_int_equal(acknowledged, 1);
    drop(interrupt);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_is_masked_from_coming_to_acknowledgement),
        TEST(messages_before_the_acknowledgement_are_one),
        TEST(a_bound_interrupt_is_taken_by_its_event),
        TEST(what_is_raised_is_signalled_when_bound),
        TEST(who_is_woken_is_handed_to_the_interrupt_handler),
        TEST(who_waits_for_the_interrupt_itself_is_handed_over_too),
        TEST(the_first_of_several_waiters_is_ready_first),
        TEST(a_line_has_one_owner),
        TEST(what_is_refused),
        TEST(vectors_run_out_and_come_back),
        TEST(the_last_breath_of_a_device_disturbs_nobody),
        TEST(each_wake_and_acknowledgement_is_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
