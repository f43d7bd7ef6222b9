/* SPDX-License-Identifier: MIT */
/* Per-core data and the few instructions that portable code needs by name. */
#pragma once

#include "base/types.h"
#include "gen/layout.h"

struct thread;
struct run_queue;
struct shared_lock;
struct trace_lane;
struct trap_frame;

/* The TSS has its 64-bit fields at odd multiples of 4. */
typedef uint64_t unaligned_u64 __attribute__((aligned(4)));

#define CPU_PROBES 32u

/*
 * Per-core data, reached through GS base. The offsets of the first fields are known to entry.asm
 * (percpu.inc), gcc (stack protector: gs:40) and the trace emitters; static_assert in
 * arch/x86_64/percpu.c keeps them true. The canary is the same on all cores: a thread may enter a
 * function on one core and leave it on another.
 *
 * (o) own core only, interrupts off  (b) written at boot only  (a) atomic
 */
struct cpu {
    struct cpu *self;               /* 0  (b) */
    struct thread *current;         /* 8  (o) the thread that runs here */
    uint64_t kernel_stack_top;      /* 16 (o) rsp at SYSCALL entry; equals TSS.rsp0 */
    uint64_t user_rsp;              /* 24 (o) scratch of SYSCALL entry */
    uint64_t reserved_32;           /* 32 */
    uint64_t stack_canary;          /* 40 (b) where gcc expects it */
    struct trace_lane *lane;        /* 48 (o) of the running context; NMI-class stubs swap it */
    struct trace_lane *lane_normal; /* 56 (b) */
    struct trace_lane *lane_nmi;    /* 64 (b) */
    uint32_t id;                    /* 72 (b) 0 .. cpu_count()-1 */
    uint32_t apic_id;               /* 76 (b) */
    uint32_t current_tid;           /* 80 (o) what trace_subbuf.current says */
    uint32_t work;                  /* 84 (a) CPU_WORK_*: to do before going back to user mode */
    atomic_uint poll;               /* 88 (a) CPU_POLL_* bits for core_poll() */
    uint32_t started;               /* 92 (a) */
    struct thread *idle;            /* 96 (b) */
    uint64_t trace_finished;        /* 104 (o) sub-buffers finished on this core's lanes */
    uint64_t trace_notified;        /* 112 (o) trace_finished when waiters were last told */
    struct thread *previous;        /* 120 (o) between context_switch() and finish_switch() */
    void *arch;                     /* 128 (b) arch/x86_64's own part */
    _Atomic paddr_t active_root;    /* 136 (o, others read) root in CR3; stored before CR3 is */
    unaligned_u64 *tss_rsp0;        /* 144 (b) the TSS's copy of kernel_stack_top */
    uint64_t tsc_bias;              /* (o) see CONFIG_TSC_BIAS */
    tsc_t user_since; /* (o) while times are counted: when it went to user mode, 0: kernel */
    struct run_queue *run_queue;                    /* (b) */
    _Atomic(const struct shared_lock *) sharing[2]; /* (o, others read) see sync/shared_lock.h */
    uint64_t probe_hits[CPU_PROBES];                /* (o) how often it came by each, trace/probe */
};

/* What is to be done on the way to user mode, or in the idle loop. */
#define CPU_WORK_RESCHEDULE 1u
#define CPU_WORK_PENDING    2u  /* look at current->pending */
#define CPU_WORK_TRACE      4u  /* a sub-buffer was finished: tell who waits for that */
#define CPU_WORK_SLICE      8u  /* the slice is over: an equal may run, too */
#define CPU_WORK_TRIGGER    16u /* a trigger waits for a safe point (trace/ring/trigger.h) */

#define CPU_POLL_SHOOTDOWN  1u
#define CPU_POLL_RENDEZVOUS 2u
#define CPU_POLL_FRAMES     4u

extern struct cpu cpus[CPU_MAX];

/* cpu_count() - cores that run. Fixed once cpu_start_others() has returned. */
unsigned cpu_count(void);

static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;
    __asm__ volatile("movq %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

/* current_thread() - the thread running here; stable for the caller because it is the caller. */
static inline struct thread *current_thread(void)
{
    struct thread *thread;
    __asm__ volatile("movq %%gs:8, %0" : "=r"(thread));
    return thread;
}

static inline unsigned cpu_id(void)
{
    unsigned id;
    __asm__ volatile("movl %%gs:72, %0" : "=r"(id));
    return id;
}

static inline void cpu_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}

/* 1: cpu_tsc() adds cpu->tsc_bias, for tests of clocks that do not agree or come to the end of a counter (clock_sync.h). */
#ifndef CONFIG_TSC_BIAS
#define CONFIG_TSC_BIAS 0
#endif

static inline tsc_t cpu_tsc(void)
{
    uint64_t low, high; /* RDTSC clears the upper halves of both registers */
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    tsc_t tsc = high << 32 | low;
    if (CONFIG_TSC_BIAS) {
        __asm__ volatile("addq %%gs:152, %0" : "+r"(tsc)::"cc");
    }
    return tsc;
}

static inline bool cpu_irqs_are_on(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags)::"memory");
    return flags & 0x200;
}

/*
 * core_poll() - serve what other cores ask of this one while it spins: TLB shootdowns and
 * rendezvous.
 *
 * Every spin loop calls it together with cpu_relax(), so that two cores that wait for each other
 * cannot lock up.
 * Context: any, interrupts off or on; takes no lock. Cost: one load when there is nothing to do.
 */
void core_poll_slow(void);
static inline void core_poll(void)
{
    if (UNLIKELY(atomic_load_explicit(&this_cpu()->poll, memory_order_acquire) != 0)) {
        core_poll_slow();
    }
}

/*
 * cpu_idle_wait() - open interrupts, halt until one has been served, close them.
 * Context: idle thread, interrupts off. STI takes effect after HLT has begun, so no wake-up is
 * lost.
 */
void cpu_idle_wait(void);

/* cpu_irq_window() - open interrupts for one instruction, close them: what preempt_point() uses. */
static inline void cpu_irq_window(void)
{
    __asm__ volatile("sti; nop; cli" ::: "memory");
}

/*
 * cpu_init_boot() - descriptor tables, MSRs, control-register bits and per-core data of the boot
 * core. cpu_start_others() - start the application processors found by acpi_init(); each runs
 * entry(cpu) on its boot stack with its tables, GS base and local APIC set up, interrupts off.
 * Returns when all have answered or have been given up (logged by name).
 */
void cpu_init_boot(void);
void cpu_start_others(void (*entry)(struct cpu *cpu));

/*
 * cpu_stack_guard() - the pages below the stacks that are part of the kernel image (boot and
 * exception stacks of all cores, the debugger's), by number; 0 past the last. mm/ unmaps them.
 */
vaddr_t cpu_stack_guard(unsigned index);

/* What kdebug's prompt runs on, on whichever core it is; the first page is such a one. */
#define CPU_DEBUGGER_STACK_BYTES 32768u
struct cpu_debugger_stack {
    _Alignas(PAGE_BYTES) uint8_t guard[PAGE_BYTES];
    uint8_t bytes[CPU_DEBUGGER_STACK_BYTES];
};
extern struct cpu_debugger_stack cpu_debugger_stack;

/* cpu_halt_forever() - stop this core for good. */
NORETURN void cpu_halt_forever(void);

/*
 * power_off() / power_reset() - ACPI S5 / reset register, then keyboard controller, then triple
 * fault. power_off() returns if the firmware gave no way.
 */
void power_off(void);
NORETURN void power_reset(void);

/* cpu_in_nmi_class() - this core is inside an NMI, #DB, #MC, #DF, or a #BP of the kernel. */
bool cpu_in_nmi_class(void);

/*
 * cpu_debug_control() - where kdebug puts the DR7 that a core is to have. The entry stubs clear DR7
 * on the way into the NMI class and load this on the way out; DR0 to DR3 are kdebug's own. Context:
 * NMI class, the core itself or parked.
 */
uint64_t *cpu_debug_control(unsigned cpu);

/* port_read() / port_write() - width 1, 2 or 4 bytes. */
uint32_t port_read(uint16_t port, unsigned width);
void port_write(uint16_t port, unsigned width, uint32_t value);
