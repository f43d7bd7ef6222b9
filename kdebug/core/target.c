/* SPDX-License-Identifier: MIT */
/* Reading and writing a target's address spaces, page by page, on top of its physical memory
 * (target.h). */
#include "kdebug/core/target.h"

#include "base/string.h"
#include "gen/layout.h"
#include "kdebug/core/command.h"
#include "kdebug/x86_64/page_walk.h"

const struct kd_target *kd_target;

static status_t find_physical(kd_space_t space, uint64_t address, paddr_t *out)
{
    if (space == KD_SPACE_PHYSICAL) {
        *out = address;
        return OK;
    }
    struct kd_walk walk;
    paddr_t root = space == KD_SPACE_KERNEL ? kd_target->kernel_root() : space;
    status_t status = kd_walk(root, address, &walk);
    *out = walk.physical;
    return status != OK ? status : walk.present ? OK : ERR_BAD_ADDRESS;
}

static size_t bytes_in_page(uint64_t address, size_t bytes)
{
    return MIN(bytes, PAGE_BYTES - (size_t)(address % PAGE_BYTES));
}

status_t kd_read(kd_space_t space, uint64_t address, void *to, size_t bytes)
{
    char *at = to;
    while (bytes > 0) {
        size_t part = bytes_in_page(address, bytes);
        paddr_t pa;
        status_t status = find_physical(space, address, &pa);
        if (status == OK) {
            status = kd_target->read_physical(pa, at, part);
        }
        if (status != OK) {
            memset(at, 0, bytes);
            return status;
        }
        at += part;
        address += part;
        bytes -= part;
    }
    return OK;
}

status_t kd_write(kd_space_t space, uint64_t address, const void *from, size_t bytes)
{
    const char *at = from;
    if (!kd_can_write()) {
        return ERR_NOT_SUPPORTED;
    }
    while (bytes > 0) {
        size_t part = bytes_in_page(address, bytes);
        paddr_t pa;
        status_t status = find_physical(space, address, &pa);
        if (status == OK) {
            status = kd_target->write_physical(pa, at, part);
        }
        if (status != OK) {
            return status;
        }
        at += part;
        address += part;
        bytes -= part;
    }
    return OK;
}

bool kd_can_write(void)
{
    return kd_target->write_physical != NULL;
}

void kd_fetch(uint64_t address, void *to, size_t bytes, const char *what)
{
    if (kd_read_kernel(address, to, bytes) != OK) {
        kd_fail("%s at 0x%llx cannot be read", what, (unsigned long long)address);
    }
}

uint64_t kd_fetch_word(uint64_t address, const char *what)
{
    uint64_t word;
    kd_fetch(address, &word, sizeof(word), what);
    return word;
}
