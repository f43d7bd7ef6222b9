/* SPDX-License-Identifier: MIT */
/*
 * pager: keeps cold pages of other processes in memory, made small, and what does not fit there on a disk.
 *
 *   pages=N (65536)         the most it takes
 *   kib=N (no limit)        the most memory for them
 *   disk                    use the disk (far.h)
 *   patience_ms=N (20000)   how long others wait for a page
 *
 * One thread takes pages from the kernel, one gives them back, a third those that are on the disk (give.h). The kernel never pages out the pager itself, but it must not
 * run out of memory either: all that it needs later it takes at the start, and chunks of the store with a call that may
 * fail; then pages are refused.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "kernel/abi/pager.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/message.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/lib/codec.h"
#include "userspace/services/pager/far.h"
#include "userspace/services/pager/give.h"
#include "userspace/services/pager/store.h"

/* Where chunks are mapped: aligned, which the kernel's choice need not be. */
#define CHUNKS_BASE 0x200000000000ull
#define TABLE_BASE  0x1f0000000000ull
#define BITMAP_BASE 0x1e0000000000ull

static struct store store;
static bool has_disk;
static uint64_t chunks_left;
static atomic_flag store_lock = ATOMIC_FLAG_INIT;
static uint64_t pager, mailbox;
static uint64_t chunk_next = CHUNKS_BASE; /* with the store's lock */
static char page_in[PAGE_BYTES], packed[PAGE_BYTES];

static void lock_store(void)
{
    while (atomic_flag_test_and_set_explicit(&store_lock, memory_order_acquire)) {
        (void)sys_thread_yield();
    }
}

static void unlock_store(void)
{
    atomic_flag_clear_explicit(&store_lock, memory_order_release);
}

/* Contiguous areas have their memory when they are made, so nothing faults later. Memory that is short is in pieces: what cannot
 * be had in one is put together from halves. On failure part of it may be mapped. */
static bool map_memory(uint64_t bytes, uint64_t address)
{
    uint64_t area;

    if (sys_area_create(bytes, AREA_CONTIGUOUS, &area) != OK) {
        uint64_t half = bytes / 2 / PAGE_BYTES * PAGE_BYTES;
        return half != 0 && map_memory(half, address) && map_memory(bytes - half, address + half);
    }
    status_t status =
        sys_area_map(program.self, area, 0, bytes, address, PROT_READ | PROT_WRITE, &address);
    (void)sys_handle_close(area); /* the mapping keeps it */
    return status == OK;
}

static void *alloc_chunk(void)
{
    uint64_t chunk = chunk_next;

    if (chunks_left == 0) {
        return NULL;
    }
    chunk_next += STORE_CHUNK_BYTES; /* addresses are plenty: none is used twice */
    if (map_memory(STORE_CHUNK_BYTES, chunk)) {
        chunks_left--;
        return (void *)chunk;
    }
    (void)sys_area_unmap(program.self, chunk, STORE_CHUNK_BYTES);
    return NULL;
}

static void free_chunk(void *chunk)
{
    must(sys_area_unmap(program.self, (uint64_t)chunk, STORE_CHUNK_BYTES));
    chunks_left++;
}

static const struct store_memory memory = {alloc_chunk, free_chunk, far_free};

/*
 * Keep a page, and give it back, before there is any: buffers, what the codec works with and the stacks of all threads are then in
 * memory, and stay there.
 */
static char rehearsed[256];
static uint32_t rehearsed_bytes;

static void rehearse_keeping(void)
{
    memset(page_in, 1, sizeof(page_in));
    rehearsed_bytes = codec_pack(page_in, packed);
    VERIFY(rehearsed_bytes <= sizeof(rehearsed));
    memcpy(rehearsed, packed, rehearsed_bytes);
}

/* On the disk first: nobody looks there before it has the name. Place 0: there is none. */
static bool keep_far(uint64_t area, uint64_t page, uint32_t place)
{
    bool is_kept = place != 0 && far_write(place, page_in) == OK;

    lock_store();
    is_kept = is_kept && store_put_far(&store, area, page, place);
    if (!is_kept && place != 0) {
        far_free(place);
    }
    unlock_store();
    return is_kept;
}

static uint32_t keep(uint64_t area, uint64_t page)
{
    uint32_t bytes = codec_pack(page_in, packed);

    lock_store();
    bool is_kept = store_put(&store, area, page, packed, bytes);
    uint32_t place = !is_kept && has_disk ? far_alloc() : 0;
    unlock_store();
    return is_kept || keep_far(area, page, place) ? PAGER_STORED : PAGER_REFUSED;
}

static _Noreturn void take_pages(void)
{
    uint32_t outcome = PAGER_STORED;
    uint64_t request, area, page;

    for (;;) {
        must(sys_pager_next(pager, outcome, page_in, DEADLINE_FOREVER, &request, &area, &page));
        outcome = PAGER_STORED;
        if (request == PAGER_STORE) {
            outcome = keep(area, page);
        } else {
            lock_store();
            store_forget(&store, area, page);
            unlock_store();
        }
    }
}

static void give_pages(void *argument)
{
    struct message message = {0};

    (void)argument;
    codec_begin();
    give_rehearse_asked(rehearsed, rehearsed_bytes);
    must(message_receive(mailbox, &message, DEADLINE_FOREVER));
    for (;;) {
        bool is_answered =
            message_label(&message) != PAGER_FETCH ||
            give_asked(message.word[PAGER_AREA], message.word[PAGER_PAGE], message.token);

        message = (struct message){.token = is_answered ? message.token : 0}; /* 0: later */
        status_t status = message_reply_receive(mailbox, &message);
        if (status == ERR_BAD_TOKEN) { /* who asked is gone */
            message = (struct message){0};
            status = message_receive(mailbox, &message, DEADLINE_FOREVER);
        }
        must(status);
    }
}

static _Noreturn void give_far_pages(void *argument)
{
    (void)argument;
    give_rehearse_noted();
    for (;;) {
        give_noted();
    }
}

static bool open_disk(void)
{
    const uint64_t bytes = FAR_PLACES_MAX / 8;
    status_t status = map_memory(bytes, BITMAP_BASE) ? OK : ERR_NO_MEMORY;

    if (status == OK) {
        status = far_open(FAR_PLACES_MAX, (uint64_t *)BITMAP_BASE);
    }
    if (status != OK) {
        printf("pager: no disk: %s\n", status_name(status));
    }
    return status == OK;
}

int main(int argc, char **argv)
{
    static struct thread giver, far_giver;
    uint64_t pages = option_u64("pages", 65536);
    uint64_t patience = option_u64("patience_ms", 20000) * NS_PER_MS;

    (void)argc;
    (void)argv;
    uint64_t bytes =
        (store_table_bytes((uint32_t)pages) + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    if (!map_memory(bytes, TABLE_BASE)) {
        die("no memory for a table of %lu pages", pages);
    }
    store_init(&store, (uint32_t)pages, (void *)TABLE_BASE, &memory);
    chunks_left = option_u64("kib", ~0ull) / (STORE_CHUNK_BYTES / 1024);
    has_disk = option_flag("disk") && open_disk();
    codec_begin();
    rehearse_keeping();
    must(sys_mailbox_create("pager", strlen("pager"), &mailbox));
    must(sys_pager_create(program_handle("system"), mailbox, pages, patience, &pager));
    give = (struct give){pager, mailbox, &store, lock_store, unlock_store};
    must(thread_start(&giver, give_pages, NULL, THREAD_ANYWHERE, "giver"));
    if (has_disk) {
        must(thread_start(&far_giver, give_far_pages, NULL, THREAD_ANYWHERE, "far giver"));
    }
    report("up to %lu pages%s", pages, has_disk ? ", also on the disk" : "");
    take_pages();
}
