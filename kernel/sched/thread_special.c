/* SPDX-License-Identifier: MIT */
/*
 * What few threads need of a switch: FPU state, segment bases, the lane of a trace consumer.
 *
 * A switch tests one word of either thread (thread->unusual) and comes here only if a bit is set,
 * so threads that have none of this pay nothing for it. The FPU is opened by #NM, when a thread
 * uses it for the first time since it got the core, and shut when that thread leaves (F1, F2 in
 * arch/fpu.h).
 */
#include "arch/cpu.h"
#include "arch/fpu.h"
#include "base/assert.h"
#include "gen/trace_emit.h"
#include "mm/heap.h"
#include "sched/switch.h"
#include "sched/thread_impl.h"
#include "trace/ring/ring.h"

static struct cache *fpu_cache;

void thread_special_init(void)
{
    fpu_cache = cache_create("fpu", fpu_area_bytes());
}

void thread_special_free(struct thread *thread)
{
    if (thread->fpu != NULL) {
        cache_free(fpu_cache, thread->fpu);
        thread->fpu = NULL;
    }
}

/* The trace lane of a thread that consumes the trace, or back. */
static void use_lane(struct cpu *cpu, const struct thread *thread)
{
    bool exempt = thread->special & THREAD_SPECIAL_EXEMPT;
    cpu->lane = exempt ? trace_lane_exempt() : cpu->lane_normal;
}

void thread_switch_special(struct thread *prev, struct thread *next)
{
    struct cpu *cpu = this_cpu();
    if ((prev->special | next->special) & THREAD_SPECIAL_EXEMPT) {
        use_lane(cpu, next);
    }
    if (prev->special & THREAD_SPECIAL_FPU) {
        prev->special &= (uint16_t)~THREAD_SPECIAL_FPU;
        fpu_save(prev->fpu);
    }
    /* Also between threads of equal bases: user mode can clear them by loading a selector. */
    if ((prev->special | next->special) & THREAD_SPECIAL_BASES) {
        user_bases_load(next->fs_base, next->gs_base);
    }
    if (atomic_load_explicit(&next->pending, memory_order_relaxed) != 0) {
        cpu->work |= CPU_WORK_PENDING;
    }
}

status_t thread_fpu_begin(void)
{
    struct thread *self = current_thread();
    bool first = self->fpu == NULL;
    ASSERT(!(self->special & THREAD_SPECIAL_FPU)); /* F1 */
    if (first) {
        self->fpu = cache_alloc(fpu_cache);
        if (self->fpu == NULL) {
            return ERR_NO_MEMORY;
        }
        fpu_area_init(self->fpu);
    }
    fpu_load(self->fpu);
    self->special |= THREAD_SPECIAL_FPU;
    trace_sched_thread_fpu(first);
    return OK;
}

void thread_set_bases(vaddr_t fs, vaddr_t gs)
{
    struct thread *self = current_thread();
    self->fs_base = fs;
    self->gs_base = gs;
    self->special &= (uint16_t)~THREAD_SPECIAL_BASES;
    self->special |= (fs | gs) != 0 ? THREAD_SPECIAL_BASES : 0;
    user_bases_load(fs, gs);
}

void thread_set_exempt(bool exempt)
{
    struct thread *self = current_thread();
    self->special &= (uint16_t)~THREAD_SPECIAL_EXEMPT;
    self->special |= exempt ? THREAD_SPECIAL_EXEMPT : 0;
    use_lane(this_cpu(), self);
}
