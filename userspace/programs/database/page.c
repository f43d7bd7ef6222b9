/* SPDX-License-Identifier: MIT */
/* Pages: see page.h. */
#include "userspace/programs/database/page.h"

#include <stddef.h>
#include <string.h>

#include "kernel/base/crc32c.h"
#include "userspace/lib/check.h"

#define CHECKED offsetof(struct page, number) /* from here on */

static struct page *pages;
static uint32_t page_count;

static uint32_t checksum_of(const struct page *page)
{
    return crc32c(1, (const char *)page + CHECKED, sizeof(*page) - CHECKED);
}

void pages_init(void *memory, uint32_t count)
{
    pages = memory;
    page_count = count;
}

struct page *page_new(uint32_t *next, uint32_t limit, uint32_t level)
{
    if (*next == limit) {
        die("no page is left of %u", limit);
    }
    struct page *page = &pages[*next];
    page->number = (*next)++;
    page->level = level;
    return page;
}

struct page *page_open(uint32_t number)
{
    VERIFY(number > 0 && number < page_count);
    struct page *page = &pages[number];
    uint32_t found = checksum_of(page);

    if (page->number != number || page->checksum != found || page->count > PAGE_ENTRIES) {
        die("page %u: it says it is %u with %u entries, checksum %x, not %x", number, page->number,
            page->count, page->checksum, found);
    }
    return page;
}

void page_seal(struct page *page)
{
    page->checksum = checksum_of(page);
}

uint32_t page_find(const struct page *page, uint64_t key)
{
    uint32_t low = 0, high = page->count;

    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (page->entry[middle].key <= key) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

void page_insert(struct page *page, uint32_t place, struct entry entry)
{
    memmove(&page->entry[place + 1], &page->entry[place],
            (page->count - place) * sizeof(struct entry));
    page->entry[place] = entry;
    page->count++;
}
