/* SPDX-License-Identifier: MIT */
/* Pages held present for messages; the theory is in pins.h. */
#include "ipc/pins.h"

#include "base/assert.h"
#include "object/quota.h"
#include "sched/process.h"
#include "vm/space.h"

/* Give up a landing place: the next message that wants it makes it present again. */
static void drop_landing(struct thread *self, unsigned i)
{
    uint64_t pages = pages_spanned(self->landing[i].va, self->landing[i].bytes);
    self->landing[i] = (struct residence){0};
    quota_return(self->process->quota, QUOTA_PINS, pages);
}

static bool is_short_of(const struct quota *quota, uint64_t pages)
{
    return quota != NULL &&
           quota->item[QUOTA_PINS].limit -
                   atomic_load_explicit(&quota->item[QUOTA_PINS].used, memory_order_relaxed) <
               pages;
}

/* Charge; idle landing places, all but `needed`, make room. */
static status_t charge(struct thread *self, uint64_t pages, vaddr_t needed)
{
    struct quota *quota = self->process->quota;
    for (unsigned i = 0; i < THREAD_LANDINGS && is_short_of(quota, pages); i++) {
        if (self->landing[i].va != needed) {
            drop_landing(self, i);
        }
    }
    return quota_charge(quota, QUOTA_PINS, pages);
}

status_t pin_landing(struct thread *self, vaddr_t va, uint64_t bytes)
{
    uint64_t pages = pages_spanned(va, bytes);
    if (self->landing[0].va != va) {
        drop_landing(self, 1);
        self->landing[1] = self->landing[0];
        self->landing[0] = (struct residence){0};
    } else {
        drop_landing(self, 0); /* it has lost a page, or is to be longer */
    }
    status_t status = charge(self, pages, 0);
    if (status != OK) {
        return status;
    }
    status = space_prefault_kept(self->process->space, &self->landing[0], va, bytes);
    if (status != OK) {
        quota_return(self->process->quota, QUOTA_PINS, pages);
    }
    return status;
}

status_t pin_message(struct thread *self, vaddr_t va, uint64_t bytes, vaddr_t landing)
{
    uint64_t pages = pages_spanned(va, bytes);
    ASSERT(self->queued_pins == 0);
    status_t status = charge(self, pages, landing);
    if (status != OK) {
        return status;
    }
    status = space_prefault(self->process->space, va, bytes, false);
    if (status != OK) {
        quota_return(self->process->quota, QUOTA_PINS, pages);
        return status;
    }
    self->queued_pins =
        (uint32_t)pages; /* not before: a page may be fetched by a call, which has no pins */
    return OK;
}

void unpin_message(struct thread *self)
{
    uint64_t pages = self->queued_pins;
    self->queued_pins = 0;
    quota_return(self->process->quota, QUOTA_PINS, pages);
}
