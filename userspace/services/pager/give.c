/* SPDX-License-Identifier: MIT */
/*
 * Giving pages back: see give.h.
 *
 *   W1  A request that is noted is answered once, whatever becomes of the page: who asked waits no longer than the kernel lets him.
 *   W2  The store is locked only for looking: never while the disk is read.
 */
#include "userspace/services/pager/give.h"

#include <stdio.h>
#include <string.h>

#include "gen/layout.h"
#include "userspace/lib/check.h"
#include "userspace/lib/codec.h"
#include "userspace/lib/message.h"
#include "userspace/lib/mutex.h"
#include "userspace/services/pager/far.h"

struct asked {
    uint64_t area, page, token;
};

struct give give;

static struct asked noted[GIVE_NOTED_MAX];
static uint32_t noted_first, noted_count; /* with the mutex */
static struct mutex mutex;
static struct condition is_noted, has_room;

/* One each: of give_asked() and of give_noted(). */
static char packed[PAGE_BYTES], near_page[PAGE_BYTES], far_page[PAGE_BYTES];

static void note(struct asked asked)
{
    mutex_lock(&mutex);
    while (noted_count == GIVE_NOTED_MAX) {
        (void)condition_wait(&has_room, &mutex, DEADLINE_FOREVER);
    }
    noted[(noted_first + noted_count++) % GIVE_NOTED_MAX] = asked;
    mutex_unlock(&mutex);
    condition_wake_one(&is_noted);
}

static struct asked take_noted(void)
{
    mutex_lock(&mutex);
    while (noted_count == 0) {
        (void)condition_wait(&is_noted, &mutex, DEADLINE_FOREVER);
    }
    struct asked asked = noted[noted_first];
    noted_first = (noted_first + 1) % GIVE_NOTED_MAX;
    noted_count--;
    mutex_unlock(&mutex);
    condition_wake_one(&has_room);
    return asked;
}

/* When it is in memory again its name is not needed; but it may have left once more by now, under another serial number. */
static void supply(uint64_t area, uint64_t page, const void *contents, uint32_t serial)
{
    status_t status = sys_pager_supply(give.pager, area, page, contents);

    if (status == OK) {
        give.lock();
        store_drop(give.store, area, page, serial);
        give.unlock();
    } else if (status != ERR_NOT_FOUND) {
        printf("pager: page %lu of area %lu: %s\n", page, area, status_name(status));
    }
}

/* Where it is; 0: not on the disk. */
static uint32_t place_of(uint64_t area, uint64_t page, uint32_t *out_serial)
{
    give.lock();
    uint32_t place = store_place(give.store, area, page, out_serial);
    give.unlock();
    return place;
}

static bool fetch_near(uint64_t area, uint64_t page, uint32_t *out_serial)
{
    uint32_t bytes = 0;

    give.lock();
    const void *found = store_get(give.store, area, page, &bytes, out_serial);
    if (found != NULL) {
        memcpy(packed, found, bytes);
    }
    give.unlock();
    return found != NULL && codec_unpack(packed, bytes, near_page);
}

/* The place may be given to another page while it is read: then the name has another serial number, or is gone, and it is looked for
 * once more. */
static bool fetch_far(uint64_t area, uint64_t page, uint32_t *out_serial)
{
    uint32_t place, serial = 0, after = 0;

    while ((place = place_of(area, page, &serial)) != 0 && far_read(place, far_page) == OK) {
        if (place_of(area, page, &after) == place && after == serial) {
            *out_serial = serial;
            return true;
        }
    }
    return false;
}

/* A page that is nowhere was not kept, or the kernel never gave it: there is nothing to supply. */
bool give_asked(uint64_t area, uint64_t page, uint64_t token)
{
    uint32_t serial;

    if (fetch_near(area, page, &serial)) {
        supply(area, page, near_page, serial);
    } else if (place_of(area, page, &serial) != 0) {
        note((struct asked){area, page, token});
        return false;
    }
    return true;
}

/* If it has come back meanwhile, for somebody else, that served all who had asked; so it is not looked for in memory. */
void give_noted(void)
{
    struct asked asked = take_noted();
    uint32_t serial;

    if (fetch_far(asked.area, asked.page, &serial)) {
        supply(asked.area, asked.page, far_page, serial);
    }
    const struct message answer = {.token = asked.token};
    status_t status = message_reply(give.mailbox, &answer);
    if (status != ERR_BAD_TOKEN) { /* who asked is gone */
        must(status);
    }
}

void give_rehearse_asked(const void *from, uint32_t bytes)
{
    memcpy(packed, from, bytes);
    VERIFY(codec_unpack(packed, bytes, near_page));
}

void give_rehearse_noted(void)
{
    memset(noted, 0, sizeof(noted));
    (void)far_read(0, far_page);
}
