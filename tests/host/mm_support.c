/* SPDX-License-Identifier: MIT */
#include "tests/host/mm_support.h"

#include <asm/prctl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "gen/trace_emit.h"
#include "mm/frame_impl.h"
#include "mm/heap_impl.h"
#include "mm/page_table.h"
#include "sched/thread.h"
#include "sync/lock_check.h"

#define DIRTY_BYTE 0x5a
#define DIRTY_BYTES_MAX                                                                            \
    (64ull << 20) /* larger regions stay as the host gives them: the test could not afford them */

struct cpu cpus[CPU_MAX];
bool panic_expected;
jmp_buf panic_return;
char panic_message[384];
bool machine_cores_run;
unsigned machine_preempts, machine_fail_at, machine_allocations;
void (*machine_at_preempt)(void);
void (*machine_at_acquire)(struct spinlock *lock);

static struct lock_check lock_checks[CPU_MAX];
static struct handoff handoff;
static uint64_t mapped_bytes;

void panic(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(panic_message, sizeof(panic_message), format, args);
    va_end(args);
    if (panic_expected) {
        longjmp(panic_return, 1);
    }
    fprintf(stderr, "panic: %s\n", panic_message);
    abort();
}

/* The callers that a test says there are. */
uint64_t machine_caller;

void context_callers(uint64_t *pcs, unsigned count, unsigned skip UNUSED)
{
    for (unsigned i = 0; i < count; i++) {
        pcs[i] = i < 3 ? machine_caller + i : 0;
    }
}

unsigned cpu_count(void)
{
    return CPU_MAX;
}

void core_poll_slow(void)
{
    if (atomic_exchange(&this_cpu()->poll, 0) & CPU_POLL_FRAMES) {
        frame_surrender();
    }
}

void ipi_send(unsigned cpu, unsigned vector)
{
    unsigned self = cpu_id();
    (void)vector;
    if (!machine_cores_run) {
        machine_set_cpu(cpu);
        core_poll();
        machine_set_cpu(self);
    }
}

/* ---- events: not looked at ---- */

struct trace_lane trace_hook_lanes[2];

void trace_write_1(struct trace_lane *lane UNUSED, uint64_t header UNUSED, uint64_t word1 UNUSED)
{
}

void trace_write_2(struct trace_lane *lane UNUSED, uint64_t header UNUSED, uint64_t word1 UNUSED,
                   uint64_t word2 UNUSED)
{
}

void trace_write_3(struct trace_lane *lane UNUSED, uint64_t header UNUSED, uint64_t word1 UNUSED,
                   uint64_t word2 UNUSED, uint64_t word3 UNUSED)
{
}

/* ---- locks, as kernel/sync does it but with interrupts left alone ---- */

void spinlock_init(struct spinlock *lock, const char *name, enum lock_rank rank)
{
    *lock = (struct spinlock)SPINLOCK_INIT(name, (uint16_t)rank);
}

void spinlock_wait_begins(const struct spinlock *lock UNUSED)
{
}

void spinlock_wait_ends(struct spinlock *lock)
{
    lock->contended++;
}

void spinlock_wait(struct spinlock *lock, unsigned ticket)
{
    while (atomic_load_explicit(&lock->serving, memory_order_acquire) != ticket) {
        sched_yield();
        core_poll();
    }
    spinlock_wait_ends(lock);
}

uint64_t spinlock_check_acquire_ranked(struct spinlock *lock, enum lock_rank rank)
{
    const struct lock_held *other;
    if (machine_at_acquire != NULL) {
        machine_at_acquire(lock);
    }
    enum lock_verdict verdict =
        lock_check_acquire(&lock_checks[cpu_id()], lock, (uint16_t)rank, 0, &other);
    if (verdict == LOCK_TOO_MANY) {
        panic("lock %s is one more than a core may hold", lock->name);
    } else if (verdict != LOCK_FINE) {
        panic("lock %s after %s: verdict %d", lock->name,
              ((const struct spinlock *)other->lock)->name, (int)verdict);
    }
    return 0;
}

uint64_t spinlock_check_acquire(struct spinlock *lock)
{
    return spinlock_check_acquire_ranked(lock, (enum lock_rank)lock->rank);
}

void spinlock_check_release(struct spinlock *lock)
{
    if (lock_check_release(&lock_checks[cpu_id()], lock) != LOCK_FINE) {
        panic("lock %s released but not held", lock->name);
    }
}

/* ---- what lies above mm ---- */

void preempt_point(void)
{
    machine_preempts++;
    if (lock_checks[cpu_id()].count != 0) {
        panic("preempt_point() with a lock held");
    }
    if (machine_at_preempt != NULL) {
        machine_at_preempt();
    }
}

/* ---- fault injection ---- */

static bool fails_now(void)
{
    machine_allocations++;
    return machine_fail_at != 0 && --machine_fail_at == 0;
}

paddr_t __real_frame_alloc(unsigned order, enum frame_owner owner);
paddr_t __wrap_frame_alloc(unsigned order, enum frame_owner owner);
paddr_t __wrap_frame_alloc(unsigned order, enum frame_owner owner)
{
    return fails_now() ? 0 : __real_frame_alloc(order, owner);
}

paddr_t __real_frame_alloc_zeroed(enum frame_owner owner);
paddr_t __wrap_frame_alloc_zeroed(enum frame_owner owner);
paddr_t __wrap_frame_alloc_zeroed(enum frame_owner owner)
{
    return fails_now() ? 0 : __real_frame_alloc_zeroed(owner);
}

paddr_t __real_frame_alloc_run(uint64_t frames, paddr_t limit, enum frame_owner owner);
paddr_t __wrap_frame_alloc_run(uint64_t frames, paddr_t limit, enum frame_owner owner);
paddr_t __wrap_frame_alloc_run(uint64_t frames, paddr_t limit, enum frame_owner owner)
{
    return fails_now() ? 0 : __real_frame_alloc_run(frames, limit, owner);
}

void *__real_heap_alloc(size_t bytes);
void *__wrap_heap_alloc(size_t bytes);
void *__wrap_heap_alloc(size_t bytes)
{
    return fails_now() ? NULL : __real_heap_alloc(bytes);
}

void *__real_cache_alloc(struct cache *cache);
void *__wrap_cache_alloc(struct cache *cache);
void *__wrap_cache_alloc(struct cache *cache)
{
    return fails_now() ? NULL : __real_cache_alloc(cache);
}

/* ---- the machine ---- */

void machine_set_cpu(unsigned cpu)
{
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &cpus[cpu]) != 0) {
        perror("arch_prctl");
        exit(1);
    }
}

static void provide_memory(uint64_t base, uint64_t bytes)
{
    void *wanted = (void *)(DIRECT_MAP_BASE + base);
    void *got = mmap(wanted, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (got != wanted) {
        perror("mmap");
        exit(1);
    }
    memset(got, DIRTY_BYTE, bytes < DIRTY_BYTES_MAX ? bytes : DIRTY_BYTES_MAX);
}

void machine_start(const struct handoff_memory *regions, unsigned count)
{
    for (unsigned i = 0; i < CPU_MAX; i++) {
        memset(&cpus[i], 0, sizeof(cpus[i]));
        cpus[i].self = &cpus[i];
        cpus[i].id = i;
    }
    machine_set_cpu(0);
    machine_fail_at = 0;
    machine_preempts = 0;
    machine_at_preempt = NULL;
    machine_at_acquire = NULL;
    memset(lock_checks, 0, sizeof(lock_checks));
    memset(frame_caches, 0, sizeof(frame_caches));
    if (mapped_bytes != 0) {
        munmap((void *)DIRECT_MAP_BASE, mapped_bytes);
    }
    memset(&handoff, 0, sizeof(handoff));
    handoff.direct_map_bytes = DIRECT_MAP_BYTES_MAX;
    handoff.memory_count = count;
    for (unsigned i = 0; i < count; i++) {
        handoff.memory[i] = regions[i];
        provide_memory(ROUND_DOWN(regions[i].base, FRAME_BYTES),
                       ROUND_UP(regions[i].bytes, FRAME_BYTES));
        mapped_bytes = MAX(mapped_bytes, ROUND_UP(regions[i].base + regions[i].bytes, FRAME_BYTES));
    }
    frame_init(&handoff);
}

void machine_start_plain(uint64_t bytes)
{
    struct handoff_memory regions[] = {
        {.base = 0x100000, .bytes = bytes, .type = HANDOFF_MEMORY_USABLE},
        {.base = MACHINE_IMAGE_BASE, .bytes = MACHINE_IMAGE_BYTES, .type = HANDOFF_MEMORY_IMAGE},
    };
    machine_start(regions, 2);
    list_init(&heap_caches);
    memset(heap_size_caches, 0, sizeof(heap_size_caches));
    heap_init();
    paddr_t pa = __real_frame_alloc_zeroed(FRAME_RESERVED);
    uint64_t *root = phys_to_virt(pa);
    root[256] = 0xabc000 | PTE_PRESENT; /* something to recognise the upper half by */
    /* The loader fills the slot of the kernel stacks. */
    root[(KERNEL_STACKS_BASE >> 39) % 512] =
        __real_frame_alloc_zeroed(FRAME_RESERVED) | PTE_PRESENT | PTE_WRITE;
    page_table_init(pa);
}

uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}
