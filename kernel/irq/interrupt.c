/* SPDX-License-Identifier: MIT */
/*
 * Interrupts as objects; the theory is in interrupt.h.
 *
 * The I/O APIC has one window for all lines of a chip: lines_lock makes the few accesses of one change a unit. kdebug, which takes
 * no lock, touches its own line only and leaves the window as it found it (arch/x86_64/ioapic.c).
 */
#include "irq/interrupt.h"

#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "base/assert.h"
#include "gen/trace_emit.h"
#include "kernel/abi/interrupt.h"
#include "mm/heap.h"

static_assert(VECTOR_IRQ_BASE + INTERRUPT_VECTORS == VECTOR_TIMER,
              "all vectors below the kernel's");

struct interrupt *interrupt_vectors[INTERRUPT_VECTORS];

static struct cache *interrupt_cache;
static struct spinlock lines_lock = SPINLOCK_INIT("interrupt lines", LOCK_RANK_LINES);

void interrupt_init(void)
{
    interrupt_cache = cache_create("interrupt", sizeof(struct interrupt));
}

/* ---- vectors ---- */

/* N2: the line is free, and there is a vector. */
static status_t take_vector_locked(struct interrupt *interrupt)
{
    unsigned free = INTERRUPT_VECTORS;
    for (unsigned i = INTERRUPT_VECTORS; i-- > 0;) {
        if (interrupt_vectors[i] == NULL) {
            free = i;
        } else if (interrupt->gsi != INTERRUPT_MESSAGE &&
                   interrupt_vectors[i]->gsi == interrupt->gsi) {
            return ERR_BUSY;
        }
    }
    if (free == INTERRUPT_VECTORS) {
        return ERR_TABLE_FULL;
    }
    interrupt->vector = (uint8_t)(VECTOR_IRQ_BASE + free);
    /* Pairs with the acquire in interrupt_deliver(). */
    __atomic_store_n(&interrupt_vectors[free], interrupt, __ATOMIC_RELEASE);
    return OK;
}

static status_t make_interrupt(uint32_t gsi, uint32_t cpu, bool masks, struct interrupt **out)
{
    if (cpu >= cpu_count()) {
        return ERR_RANGE;
    }
    struct interrupt *interrupt = cache_alloc(interrupt_cache);
    if (interrupt == NULL) {
        return ERR_NO_MEMORY;
    }
    /* A late handler of an earlier life may hold the lock right now (N4): initialised once, when the memory is new. */
    if (interrupt->waiters.lock.name == NULL) {
        wait_queue_init(&interrupt->waiters, "interrupt");
        spinlock_init(&interrupt->waiters.lock, "interrupt", LOCK_RANK_INTERRUPT);
    }
    spinlock_acquire(&interrupt->waiters.lock);
    interrupt->gsi = gsi;
    interrupt->cpu = (uint16_t)cpu;
    interrupt->masks = masks;
    interrupt->state = INTERRUPT_ARMED;
    interrupt->again = false;
    interrupt->count = 0;
    interrupt->event = NULL;
    interrupt->name[0] = '\0';
    object_init(&interrupt->object, OBJECT_INTERRUPT);
    spinlock_acquire(&lines_lock);
    status_t status = take_vector_locked(interrupt);
    spinlock_release(&lines_lock);
    spinlock_release(&interrupt->waiters.lock);
    if (status != OK) {
        object_discard(&interrupt->object);
        cache_free(interrupt_cache, interrupt);
        return status;
    }
    *out = interrupt;
    return OK;
}

/* ---- life ---- */

status_t interrupt_create(uint32_t line, uint32_t flags, uint32_t cpu, struct interrupt **out)
{
    struct line_route route = {
        .gsi = line, .level = flags & INTERRUPT_LEVEL, .active_low = flags & INTERRUPT_LOW};
    if ((flags & ~(INTERRUPT_ISA | INTERRUPT_LEVEL | INTERRUPT_LOW)) != 0) {
        return ERR_BAD_ARGUMENT;
    }
    if ((flags & INTERRUPT_ISA) && !interrupt_isa_route(line, &route)) {
        return ERR_NOT_FOUND;
    }
    if (!interrupt_line_exists(route.gsi)) {
        return ERR_NOT_FOUND;
    }
    if (interrupt_line_is_kept(route.gsi)) {
        return ERR_BUSY;
    }
    struct interrupt *interrupt;
    status_t status = make_interrupt(route.gsi, cpu, route.level, &interrupt);
    if (status != OK) {
        return status;
    }
    spinlock_acquire(&lines_lock);
    interrupt_line_route(&route, interrupt->vector, cpu);
    spinlock_release(&lines_lock);
    *out = interrupt;
    return OK;
}

status_t interrupt_create_message(uint32_t cpu, struct interrupt **out, uint64_t *out_address,
                                  uint64_t *out_data)
{
    status_t status = make_interrupt(INTERRUPT_MESSAGE, cpu, false, out);
    if (status == OK) {
        interrupt_message((*out)->vector, cpu, out_address, out_data);
    }
    return status;
}

status_t interrupt_steer(struct interrupt *interrupt, uint32_t cpu, uint64_t *out_address,
                         uint64_t *out_data)
{
    if (cpu >= cpu_count()) {
        return ERR_RANGE;
    }
    *out_address = 0;
    *out_data = 0;
    spinlock_acquire(&interrupt->waiters.lock);
    interrupt->cpu = (uint16_t)cpu;
    if (interrupt->gsi == INTERRUPT_MESSAGE) {
        interrupt_message(interrupt->vector, cpu, out_address, out_data);
    } else {
        spinlock_acquire(&lines_lock);
        interrupt_line_steer(interrupt->gsi, cpu);
        spinlock_release(&lines_lock);
    }
    spinlock_release(&interrupt->waiters.lock);
    return OK;
}

static void put_event(struct event *event)
{
    if (event != NULL) {
        object_put(&event->object);
    }
}

void interrupt_destroy(struct object *object)
{
    struct interrupt *interrupt = CONTAINER_OF(object, struct interrupt, object);
    spinlock_acquire(&interrupt->waiters.lock);
    spinlock_acquire(&lines_lock);
    if (interrupt->gsi != INTERRUPT_MESSAGE) {
        interrupt_line_mask(interrupt->gsi, true);
    }
    __atomic_store_n(&interrupt_vectors[interrupt->vector - VECTOR_IRQ_BASE], NULL,
                     __ATOMIC_RELEASE);
    interrupt->vector = 0;
    spinlock_release(&lines_lock);
    struct event *event = interrupt->event;
    spinlock_release(&interrupt->waiters.lock);
    cache_free(interrupt_cache, interrupt);
    put_event(event);
}

/* ---- raise, wait, acknowledge ---- */

static void mask_line(const struct interrupt *interrupt, bool masked)
{
    spinlock_acquire(&lines_lock);
    interrupt_line_mask(interrupt->gsi, masked);
    spinlock_release(&lines_lock);
}

static void wake(struct thread *claimed)
{
    if (claimed != NULL) {
        thread_ready(claimed, OK, TRACE_WAKE_REASON_INTERRUPT);
    }
}

/* One who waits alone is handed to the caller. Of several the first is made ready before the others: it takes the interrupt. */
static struct thread *wake_waiters_locked(struct interrupt *interrupt)
{
    struct thread *first = wait_queue_claim_locked(&interrupt->waiters);
    if (!list_is_empty(&interrupt->waiters.waiters)) {
        wake(first);
        first = NULL;
    }
    wait_queue_wake_all_locked(&interrupt->waiters, TRACE_WAKE_REASON_INTERRUPT);
    return first;
}

/* Returns whom the caller is to wake, claimed, or NULL. */
static struct thread *raise_locked(struct interrupt *interrupt)
{
    trace_irq_raise(interrupt->vector, interrupt->object.id);
    if (LIKELY(interrupt->event != NULL)) {
        interrupt->state = INTERRUPT_TAKEN;
        return event_signal(interrupt->event, interrupt->signals, 0);
    }
    interrupt->state = INTERRUPT_RAISED;
    return wake_waiters_locked(interrupt);
}

struct thread *interrupt_deliver(unsigned vector)
{
    struct interrupt *interrupt =
        __atomic_load_n(&interrupt_vectors[vector - VECTOR_IRQ_BASE], __ATOMIC_ACQUIRE);
    struct thread *woken = NULL;
    if (interrupt == NULL) {
        return NULL; /* the last breath of a device whose driver has gone */
    }
    spinlock_acquire(&interrupt->waiters.lock);
    if (interrupt->vector == vector) {
        interrupt->count++;
        interrupt->cpu_last = (uint16_t)cpu_id();
        if (interrupt->masks) {
            mask_line(interrupt, true);
        }
        if (interrupt->state == INTERRUPT_ARMED) {
            woken = raise_locked(interrupt);
        } else if (interrupt->state == INTERRUPT_TAKEN) {
            interrupt->again =
                !interrupt->masks; /* the driver may have looked at the device already */
        }
    }
    spinlock_release(&interrupt->waiters.lock);
    return woken;
}

status_t interrupt_wait(struct interrupt *interrupt, ns_t deadline, uint64_t *out_count,
                        uint64_t *out_cpu)
{
    for (;;) {
        spinlock_acquire(&interrupt->waiters.lock);
        if (interrupt->event != NULL) {
            spinlock_release(&interrupt->waiters.lock);
            return ERR_BUSY;
        }
        if (interrupt->state == INTERRUPT_RAISED) {
            interrupt->state = INTERRUPT_TAKEN;
            *out_count = interrupt->count;
            *out_cpu = interrupt->cpu_last;
            spinlock_release(&interrupt->waiters.lock);
            return OK;
        }
        status_t status = wait_queue_wait_locked(&interrupt->waiters, deadline,
                                                 TRACE_THREAD_STATE_INTERRUPT, interrupt);
        if (status != OK) {
            return status;
        }
    }
}

void interrupt_bind(struct interrupt *interrupt, struct event *event, uint64_t signals)
{
    object_get(&event->object);
    spinlock_acquire(&interrupt->waiters.lock);
    struct event *before = interrupt->event;
    interrupt->event = event;
    interrupt->signals = signals;
    wait_queue_wake_all_locked(&interrupt->waiters, TRACE_WAKE_REASON_INTERRUPT);
    if (interrupt->state == INTERRUPT_RAISED) {
        wake(raise_locked(interrupt));
    }
    spinlock_release(&interrupt->waiters.lock);
    put_event(before);
}

static void arm_again_locked(struct interrupt *interrupt)
{
    interrupt->state = INTERRUPT_ARMED;
    if (interrupt->again) {
        interrupt->again = false;
        wake(raise_locked(interrupt));
    } else if (interrupt->masks) {
        mask_line(interrupt, false);
    }
}

status_t interrupt_acknowledge(struct interrupt *interrupt)
{
    status_t status = OK;
    spinlock_acquire(&interrupt->waiters.lock);
    if (interrupt->state != INTERRUPT_TAKEN) {
        status = ERR_NOT_FOUND;
    } else {
        trace_irq_acknowledge(interrupt->vector, interrupt->object.id);
        arm_again_locked(interrupt);
    }
    spinlock_release(&interrupt->waiters.lock);
    return status;
}
