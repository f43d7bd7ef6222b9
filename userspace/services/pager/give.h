/* SPDX-License-Identifier: MIT */
/*
 * Giving pages back: what is in memory at once, what is on the disk by a thread of its own. So a disk that hangs holds up those who need
 * a page from it, and nobody else.
 *
 *     kernel --PAGER_FETCH--> give_asked() --in memory-----------------> supplied, answered
 *                                    `------on the disk--> noted --> give_noted() --> supplied, answered
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/services/pager/store.h"

#define GIVE_NOTED_MAX                                                                             \
    1024u /* who waits is a thread each; when there are more, what is noted next is waited for */

/* What giving needs of the rest: set once, before the first call. */
struct give {
    uint64_t pager, mailbox;
    struct store *store;
    void (*lock)(void); /* of the store; unlock() */
    void (*unlock)(void);
};
extern struct give give;

/* give_asked() - a page is asked for. True: it may be answered now, the page being supplied if it was here; false: it is noted, and will
 * be answered by token. By one thread. */
bool give_asked(uint64_t area, uint64_t page, uint64_t token);

/* give_noted() - wait until something is noted; read, supply and answer it. By another thread. */
void give_noted(void);

/* give_rehearse_asked() / give_rehearse_noted() - have memory for what these two do: each in its thread, before there are pages.
 * @from  a page, made small, of so many bytes */
void give_rehearse_asked(const void *from, uint32_t bytes);
void give_rehearse_noted(void);
