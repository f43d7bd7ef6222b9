/* SPDX-License-Identifier: MIT */
/*
 * What transfers cost: by message, and what they would cost through shared memory.
 *
 * Either way the server copies between what came and the file. A message has the kernel copy from the client to the server; shared memory
 * has the client copy to where the server looks, and a message without data to tell it. So that is what is compared.
 */
#include <stdio.h>
#include <string.h>

#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/programs/files/files.h"

#define LARGEST 65536u
#define TURNS   64u

static char data[LARGEST], shared[LARGEST];

static uint64_t least(uint64_t least_so_far, uint64_t start)
{
    uint64_t ticks = clock_tsc() - start;

    return ticks < least_so_far ? ticks : least_so_far;
}

static void measure_size(const struct file *file, uint32_t bytes)
{
    uint64_t writes = ~0ull, reads = ~0ull, calls = ~0ull, copies = ~0ull, done;
    struct file_info info;

    for (unsigned i = 0; i < TURNS; i++) {
        uint64_t start = clock_tsc();
        must(file_write(file, 0, data, bytes, &done));
        writes = least(writes, start);
        start = clock_tsc();
        must(file_read(file, 0, data, bytes, &done));
        reads = least(reads, start);
        start = clock_tsc();
        must(file_stat_open(file, &info));
        calls = least(calls, start);
        start = clock_tsc();
        memcpy(shared, data, bytes);
        __asm__ volatile("" ::: "memory");
        copies = least(copies, start);
    }
    printf("files: %u bytes: write %lu, read %lu; shared memory: %lu (call %lu, two copies %lu)\n",
           bytes, writes, reads, calls + 2 * copies, calls, 2 * copies);
}

void measure(void)
{
    struct file file;

    must(file_open("/tmp/bench", OPEN_READ | OPEN_WRITE | OPEN_CREATE, &file));
    for (uint32_t bytes = 256; bytes <= LARGEST; bytes *= 4) {
        measure_size(&file, bytes);
    }
    file_close(&file);
    must(file_remove("/tmp/bench", FILE_REGULAR));
}
