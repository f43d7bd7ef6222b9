/* SPDX-License-Identifier: MIT */
/*
 * libc: what programs may count on of the C library: memory, text, errno, from several threads.
 *
 *   rounds=N (2000)  allocations of each thread
 */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/option.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/test.h"
#include "userspace/lib/thread.h"

#define THREADS  4u
#define BLOCKS   32u
#define LARGEST  20000u
#define TOO_MUCH (1ull << 45)

#define CLOCK_TURNS    5u
#define CLOCK_TURN_NS  (20 * NS_PER_MS)
#define CLOCK_WORK     (CLOCKS_PER_SEC / 100)
#define CLOCK_PATIENCE (60 * NS_PER_S)

struct block {
    unsigned char *bytes;
    size_t size;
};

static uint64_t rounds;

/* ---- memory ---- */

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void check_block(const struct block *block, unsigned char mark)
{
    for (size_t i = 0; i < block->size; i++) {
        VERIFY(block->bytes[i] == mark);
    }
}

/* Blocks grow, shrink and go; what is in each of them is nobody else's. */
static void work_on_blocks(uint32_t seed)
{
    struct block blocks[BLOCKS] = {{NULL, 0}};

    for (uint64_t i = 0; i < rounds; i++) {
        unsigned which = next_random(&seed) % BLOCKS;
        struct block *block = &blocks[which];
        size_t size = next_random(&seed) % LARGEST + 1;
        unsigned char mark = (unsigned char)(seed + which);

        if (block->bytes != NULL) {
            check_block(block, block->bytes[0]);
        }
        block->bytes = realloc(block->bytes, size);
        VERIFY(block->bytes != NULL && (uintptr_t)block->bytes % 16 == 0);
        block->size = size;
        memset(block->bytes, mark, size);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        free(blocks[i].bytes);
    }
}

/* B1: each thread has an errno, B2: and all use the heap. */
static void work(void *argument)
{
    int own = 1000 + *(const int *)argument;

    errno = own;
    work_on_blocks((uint32_t)own);
    VERIFY(errno == own);
}

static void check_threads(void)
{
    static struct thread threads[THREADS];
    static int numbers[THREADS];

    errno = 7;
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = (int)i;
        must(thread_start(&threads[i], work, &numbers[i], THREAD_ANYWHERE, "libc"));
    }
    work_on_blocks(5);
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(&threads[i]);
    }
    VERIFY(errno == 7);
}

static void check_limits(void)
{
    errno = 0;
    VERIFY(malloc(TOO_MUCH) == NULL && errno == ENOMEM);
    unsigned char *zeroed = calloc(1000, 1000);
    VERIFY(zeroed != NULL && zeroed[0] == 0 && zeroed[999999] == 0);
    free(zeroed);
}

/* ---- text ---- */

static void check_format(void)
{
    char text[128];

    VERIFY(snprintf(text, sizeof(text), "%lld %#zx %-5s| %.3f %e %c", -5000000000ll, (size_t)255,
                    "ab", 3.14159265, 1e100, 'z') == 45);
    VERIFY(strcmp(text, "-5000000000 0xff ab   | 3.142 1.000000e+100 z") == 0);
    double value = strtod("2.25e2xyz", NULL);
    VERIFY(sqrt(value) == 15.0);
    errno = 0;
    VERIFY(strtol("99999999999999999999", NULL, 10) == INT64_MAX && errno == ERANGE);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void check_sort(void)
{
    const char *words[] = {"trail", "animal", "spoor", "leaves"};

    qsort(words, 4, sizeof(words[0]), compare);
    printf("libc: %s %s %s %s\n", words[0], words[1], words[2], words[3]);
}

/* ---- files ---- */

static void check_files(void)
{
    char byte;

    errno = 0;
    VERIFY(fopen("/nowhere", "r") == NULL && errno == ENOENT);
    errno = 0;
    VERIFY(write(77, "x", 1) == -1 && errno == EBADF);
    VERIFY(write(STDOUT_FILENO, (const void *)16, 8) == -1 && errno == EFAULT);
    VERIFY(read(STDOUT_FILENO, &byte, 1) == -1 && errno == EBADF);
    VERIFY(lseek(STDOUT_FILENO, 0, SEEK_SET) == -1 && errno == ESPIPE);
    VERIFY(isatty(STDOUT_FILENO) == 1 && isatty(9) == 0 && errno == EBADF);
    fprintf(stderr, "libc: unbuffered, %s\n", strerror(ENOENT));
}

static void check_time(void)
{
    struct timeval first, second;

    VERIFY(gettimeofday(&first, NULL) == 0);
    VERIFY(gettimeofday(&second, NULL) == 0);
    VERIFY(second.tv_sec > first.tv_sec ||
           (second.tv_sec == first.tv_sec && second.tv_usec >= first.tv_usec));
}

/* Until clock() has counted that it worked, however little of a core others leave it. */
static void be_busy(void *argument)
{
    clock_t begin = clock();
    uint64_t late = clock_now() + CLOCK_PATIENCE;
    bool *is_counted = argument;

    do {
        *is_counted = clock() - begin >= CLOCK_WORK;
    } while (!*is_counted && clock_now() < late);
}

/* What clock() counts of the time in which nobody works: the machine may stand still while a thread falls asleep, so the least of some. */
static double share_of_sleep(void)
{
    double least = 1;

    for (unsigned turn = 0; turn < CLOCK_TURNS; turn++) {
        uint64_t begin = clock_now();
        clock_t used = clock();

        clock_sleep(CLOCK_TURN_NS);
        double share = (double)(clock() - used) / CLOCKS_PER_SEC * (double)NS_PER_S /
                       (double)(clock_now() - begin);
        least = share < least ? share : least;
    }
    return least;
}

/* The time of the processor: of all threads, also those that have ended, and none while they wait. */
static void check_clock(void)
{
    clock_t begin = clock();
    double idle = share_of_sleep();
    bool is_counted = false;
    struct thread thread;

    must(thread_start(&thread, be_busy, &is_counted, THREAD_ANYWHERE, "busy"));
    thread_join(&thread);
    VERIFY(is_counted && clock() - begin >= CLOCK_WORK);
    if (idle > 0.2) {
        die("clock: %u %% while all sleep", (unsigned)(100 * idle));
    }
}

/* ---- environment ---- */

static bool has_variable(const char *name, const char *value)
{
    const char *found = getenv(name);

    return found != NULL && strcmp(found, value) == 0;
}

/* Started by check_environment(): what it was given, and no more. */
static int run_child(void)
{
    VERIFY(has_variable("CHANGED", "in the parent") && getenv("GIVEN") == NULL);
    VERIFY(program_variable("CHANGED") != NULL);
    return 0;
}

static void check_environment(void)
{
    const char *const args[] = {"role=child"};
    struct spawn spawn = {.name = "libc", .args = args, .arg_count = 1};
    struct program_file file;
    uint64_t process;

    VERIFY(has_variable("GIVEN", "at_boot") && program_variable("GIVE") == NULL);
    VERIFY(program_variable("GIVEN") != NULL);
    VERIFY(setenv("CHANGED", "in the parent", 1) == 0 && unsetenv("GIVEN") == 0);
    spawn.environment = (const char *const *)environ;
    must(program_open("libc", &file));
    must(program_spawn(&file, &spawn, &process));
    VERIFY(process_end(process) == 0);
}

static void say_goodbye(void)
{
    printf("libc: at exit\n");
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        {"limits", check_limits}, {"threads", check_threads},
        {"format", check_format}, {"sort", check_sort},
        {"files", check_files},   {"time", check_time},
        {"clock", check_clock},   {"environment", check_environment}};

    (void)argc;
    (void)argv;
    if (option_text("role", NULL) != NULL) {
        return run_child();
    }
    rounds = option_u64("rounds", 2000);
    VERIFY(atexit(say_goodbye) == 0);
    int code = TESTS_RUN("libc", tests);
    printf("libc: a line that exit() writes");
    return code;
}
