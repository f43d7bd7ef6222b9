/* SPDX-License-Identifier: MIT */
/*
 * Interrupts as objects: a device's line or message, for a driver in user space.
 *
 *                  raised                    wait
 *      ARMED ───────────────► RAISED ───────────────► TAKEN
 *        ▲                       ▲                      │ acknowledge
 *        └───────────────────────┴──────────────────────┘
 *                    nothing came      another came meanwhile
 *
 * N1  Between RAISED and the acknowledgement the driver hears nothing more. A level line is masked, so the device may go on
 *     asking; after the acknowledgement it is heard again. An edge or a message that comes meanwhile is remembered, once.
 * N2  A vector belongs to at most one interrupt, and so does an I/O APIC line. Lines that the kernel uses are never given.
 *     Whoever has many devices binds their interrupts to signals of an event instead: RAISED is then left at once for TAKEN,
 *     and one wait hears of all.
 * N3  One that is steered to another core keeps its vector, so the last that comes on the old core finds its way, too, and the
 *     EOI of a level line reaches the I/O APIC from whichever core got it.
 * N4  Interrupts live in type-stable memory: the handler finds one by vector without a lock, locks it, looks again.
 *
 * What a device raises before its driver is gone may come to the next driver that gets the vector: drivers look at their device
 * and take an interrupt for no more than a hint to do so.
 *
 * Lines shared by several devices are not supported: the second driver gets ERR_BUSY. Use messages.
 */
#pragma once

#include "gen/layout.h"
#include "ipc/event.h"
#include "object/object.h"
#include "sched/wait_queue.h"

enum interrupt_state { INTERRUPT_ARMED, INTERRUPT_RAISED, INTERRUPT_TAKEN };

/* (c) constant after create  (l) waiters.lock */
struct interrupt {
    struct object object;
    struct wait_queue waiters;
    uint64_t count;      /* (l) how often it came */
    uint32_t gsi;        /* (c) INTERRUPT_MESSAGE: none */
    uint16_t cpu;        /* (l) where it is delivered */
    uint16_t cpu_last;   /* (l) where it came last */
    uint8_t vector;      /* (l) 0: not in use */
    uint8_t state;       /* (l) enum interrupt_state */
    bool masks;          /* (c) level: masked until acknowledged */
    bool again;          /* (l) came while TAKEN */
    struct event *event; /* (l) with a reference; NULL: threads wait for the interrupt itself */
    uint64_t signals;    /* (l) of that event */
    char name[NAME_BYTES];
};

#define INTERRUPT_MESSAGE ~0u

/* By vector - VECTOR_IRQ_BASE, for kdebug. */
#define INTERRUPT_VECTORS 176u
extern struct interrupt *interrupt_vectors[INTERRUPT_VECTORS];

void interrupt_init(void);

/*
 * interrupt_create() - take a line of an I/O APIC and deliver it to a core.
 * @flags  INTERRUPT_ISA ... (kernel/abi/interrupt.h)
 * OK; ERR_NOT_FOUND no such line; ERR_BUSY somebody has it; ERR_RANGE no such core; ERR_BAD_ARGUMENT; ERR_TABLE_FULL no vector
 * left; ERR_NO_MEMORY. One reference.
 */
status_t interrupt_create(uint32_t line, uint32_t flags, uint32_t cpu,
                          struct interrupt **out) MUST_CHECK;

/* interrupt_create_message() - for a device that can write: the address and value that raise it. Errors as above. */
status_t interrupt_create_message(uint32_t cpu, struct interrupt **out, uint64_t *out_address,
                                  uint64_t *out_data) MUST_CHECK;
void interrupt_destroy(struct object *object);

/*
 * interrupt_steer() - deliver it to another core from now on (N3).
 *
 * For a message: what its driver writes into the device's table to make it so. For a line: address 0.
 * OK; ERR_RANGE no such core. Context: any but NMI class.
 */
status_t interrupt_steer(struct interrupt *interrupt, uint32_t cpu, uint64_t *out_address,
                         uint64_t *out_data) MUST_CHECK;

/* interrupt_wait() - until it is raised; how often it has come so far, and where last. OK, ERR_TIMED_OUT, ERR_CANCELLED;
 * ERR_BUSY: it is bound to an event. Thread context. */
status_t interrupt_wait(struct interrupt *interrupt, ns_t deadline, uint64_t *out_count,
                        uint64_t *out_cpu) MUST_CHECK;

/*
 * interrupt_bind() - from now on set these signals of an event instead of letting threads wait; what is RAISED, at once.
 * Takes its own reference. Waits for the interrupt itself end with ERR_BUSY. Context: any but NMI class.
 */
void interrupt_bind(struct interrupt *interrupt, struct event *event, uint64_t signals);

/* interrupt_acknowledge() - the device is served. ERR_NOT_FOUND: nothing was taken. */
status_t interrupt_acknowledge(struct interrupt *interrupt) MUST_CHECK;

/* interrupt_deliver() - vector VECTOR_IRQ_BASE + 0 .. INTERRUPT_VECTORS - 1 has come. Interrupt context, before the EOI.
 * Returns a thread that is to be made ready (TRACE_WAKE_REASON_INTERRUPT) or switched to, claimed; NULL: none. */
struct thread *interrupt_deliver(unsigned vector) MUST_CHECK;
