/* SPDX-License-Identifier: MIT */
/* Places of a page each on a disk: see far.h. */
#include "userspace/services/pager/far.h"

#include <string.h>

#include "gen/layout.h"
#include "userspace/files/block_client.h"
#include "userspace/lib/clock.h"

#define WORD_BITS 64u
#define PATIENCE  (60 * NS_PER_S) /* with a driver at the start, whose disk has to spin up first */

static struct block_client writer, reader;
static uint64_t *used; /* a bit per place */
static uint32_t places, hint;

static uint32_t page_sectors(void)
{
    return PAGE_BYTES / reader.device.sector_bytes;
}

static status_t check_disk(void)
{
    static char page[PAGE_BYTES];
    status_t status = far_read(0, page);

    if (status == OK && memcmp(page, FAR_SIGNATURE, strlen(FAR_SIGNATURE)) != 0) {
        status = ERR_CORRUPT;
    }
    return status == OK ? far_write(0, page) : status;
}

status_t far_open(uint32_t most, uint64_t *bitmap)
{
    uint64_t deadline = clock_now() + PATIENCE;
    status_t status = block_client_open(&writer, "disk", deadline);

    if (status == OK) {
        status = block_client_open(&reader, "disk", deadline);
    }
    if (status == OK) {
        status = check_disk();
    }
    if (status == OK) {
        uint64_t pages = reader.device.sectors / page_sectors();

        places = (uint32_t)(pages < most ? pages : most);
        used = bitmap;
    }
    return status;
}

/* From where the last one was found: what is taken together lies together. */
uint32_t far_alloc(void)
{
    for (uint32_t i = 0; i < places; i++) {
        uint32_t place = (hint + i) % places;

        if (place != 0 && (used[place / WORD_BITS] >> place % WORD_BITS & 1) == 0) {
            used[place / WORD_BITS] |= 1ull << place % WORD_BITS;
            hint = place + 1;
            return place;
        }
    }
    return 0;
}

void far_free(uint32_t place)
{
    used[place / WORD_BITS] &= ~(1ull << place % WORD_BITS);
}

status_t far_write(uint32_t place, const void *page)
{
    return block_client_write(&writer, (uint64_t)place * page_sectors(), page_sectors(), page);
}

status_t far_read(uint32_t place, void *page)
{
    return block_client_read(&reader, (uint64_t)place * page_sectors(), page_sectors(), page);
}
