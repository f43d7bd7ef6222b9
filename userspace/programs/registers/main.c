/* SPDX-License-Identifier: MIT */
/*
 * registers: threads whose vector, x87 and segment-base registers all differ, on few cores.
 *
 *   threads=N (6)   rounds=N (150) of each
 *
 * Each thread fills its registers, gives the core away (by yielding, by sleeping, which may bring
 * it to another core, by being preempted in a loop), and looks whether they are as it left them.
 * Every tenth round it starts a thread that must find all registers fresh, and whose own must not
 * be seen by anybody after. Half of the threads only use SSE, and one uses none, to be in between.
 */
#include "userspace/programs/registers/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "gen/syscall_user.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/option.h"
#include "userspace/lib/random.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"

#define THREADS_MAX   16u
#define MXCSR_START   0x1f80u
#define CONTROL_START 0x037fu
#define SPIN_STEPS    200000u

_Static_assert(offsetof(struct register_image, x87) == 512, "image.asm");
_Static_assert(offsetof(struct register_image, mxcsr) == 544, "image.asm");
_Static_assert(offsetof(struct register_image, control) == 548, "image.asm");

struct worker {
    struct thread thread;
    uint64_t number, rounds;
    uint64_t own; /* what FS base points to */
    bool avx;
};

static struct worker workers[THREADS_MAX];
static bool avx;

/* Rounding modes are the only control bits changed: the exceptions stay masked. */
static void fill(struct register_image *image, uint64_t *state)
{
    for (unsigned i = 0; i < sizeof(image->vector) / 8; i++) {
        uint64_t word = random_next(state);
        memcpy((uint8_t *)image->vector + 8 * i, &word, 8);
    }
    for (unsigned i = 0; i < 4; i++) {
        image->x87[i] = (int64_t)random_next(state);
    }
    image->mxcsr = MXCSR_START | (uint32_t)(random_next(state) & 3) << 13;
    image->control = (uint16_t)(CONTROL_START | (random_next(state) & 3) << 10);
}

static bool is_equal(const struct worker *worker, const struct register_image *a,
                     const struct register_image *b)
{
    for (unsigned i = 0; i < 16; i++) {
        if (memcmp(a->vector[i], b->vector[i], worker->avx ? 32 : 16) != 0) {
            return false;
        }
    }
    return memcmp(a->x87, b->x87, sizeof(a->x87)) == 0 && a->mxcsr == b->mxcsr &&
           a->control == b->control;
}

static void give_core_away(uint64_t *state)
{
    switch (random_next(state) % 3) {
    case 0:
        must(sys_thread_yield());
        break;
    case 1:
        must(sys_thread_sleep(clock_now() + random_next(state) % (2 * NS_PER_MS)));
        break;
    default:
        for (unsigned i = 0; i < SPIN_STEPS; i++) {
            __asm__ volatile("");
        }
    }
}

static uint64_t read_fs_word(void)
{
    uint64_t value;
    __asm__ volatile("movq %%fs:0, %0" : "=r"(value));
    return value;
}

static uint64_t read_gs_word(void)
{
    uint64_t value;
    __asm__ volatile("movq %%gs:0, %0" : "=r"(value));
    return value;
}

/* A thread that has not used the FPU before: nothing of others in it. */
static void look_fresh(void *argument)
{
    static const uint8_t zeros[32];
    struct register_image image = {0};
    uint64_t state = (uint64_t)argument;

    if (avx) {
        image_store_avx(&image); /* pops an empty x87 stack: masked, gives "indefinite" */
    } else {
        image_store(&image);
    }
    for (unsigned i = 0; i < 16; i++) {
        VERIFY(memcmp(image.vector[i], zeros, sizeof(zeros)) == 0);
    }
    VERIFY((image.mxcsr & ~0x3fu) == MXCSR_START && image.control == CONTROL_START);
    fill(&image, &state);
    (avx ? image_load_avx : image_load)(&image); /* what nobody must find */
}

static void check_fresh(uint64_t seed)
{
    struct thread thread;

    must(thread_start(&thread, look_fresh, (void *)seed, THREAD_ANYWHERE, "fresh"));
    thread_join(&thread);
}

static void work(void *argument)
{
    struct worker *worker = argument;
    uint64_t state = worker->number;
    struct register_image wanted, found;

    must(sys_thread_bases((uint64_t)&worker->own, (uint64_t)&worker->number));
    worker->own = ~worker->number;
    for (uint64_t round = 0; round < worker->rounds; round++) {
        fill(&wanted, &state);
        (worker->avx ? image_load_avx : image_load)(&wanted);
        give_core_away(&state);
        (worker->avx ? image_store_avx : image_store)(&found);
        VERIFY(is_equal(worker, &wanted, &found));
        VERIFY(read_fs_word() == ~worker->number && read_gs_word() == worker->number);
        if (round % 10 == worker->number % 10) {
            check_fresh(random_next(&state));
        }
    }
}

static void work_without(void *argument)
{
    struct worker *worker = argument;
    uint64_t state = worker->number;

    for (uint64_t round = 0; round < worker->rounds; round++) {
        give_core_away(&state);
    }
}

int main(int argc, char **argv)
{
    uint64_t threads = option_u64("threads", 6);
    uint64_t rounds = option_u64("rounds", 150);

    (void)argc;
    (void)argv;
    VERIFY(threads >= 1 && threads <= THREADS_MAX);
    VERIFY(sys_thread_bases(1ull << 63, 0) == ERR_RANGE);
    avx = has_avx() != 0;
    for (uint64_t i = 0; i < threads; i++) {
        workers[i].number = i + 1;
        workers[i].rounds = rounds;
        workers[i].avx = avx && i % 2 == 0;
        must(thread_start(&workers[i].thread, i == 1 ? work_without : work, &workers[i],
                          THREAD_ANYWHERE, "registers"));
    }
    for (uint64_t i = 0; i < threads; i++) {
        thread_join(&workers[i].thread);
    }
    mark(MARK_CHECKED, threads * rounds);
    report("%lu threads, %lu rounds each, %s", threads, rounds, avx ? "AVX" : "SSE");
    return 0;
}
