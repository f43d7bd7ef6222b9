/* SPDX-License-Identifier: MIT */
/*
 * What the C library keeps for each thread: errno and the like, in a struct _reent.
 *
 * The first thread has the library's own. Others get one when they need it first, which stays with their stack's slot for the next
 * thread there: a thread that sets errno to 0 before it looks at it, as the standard wants, finds no difference.
 */
#include <reent.h>
#include <stdlib.h>

#include "userspace/lib/thread.h"

static struct _reent *of_slot[THREAD_SLOTS];

/* Only threads of a slot use its place, one after the other. The first thread's _reent is used while this one is allocated. */
static struct _reent *create(unsigned slot)
{
    struct _reent *reent = _malloc_r(_GLOBAL_REENT, sizeof(*reent));

    if (reent == NULL) {
        return _GLOBAL_REENT;
    }
    _REENT_INIT_PTR(reent);
    of_slot[slot] = reent;
    return reent;
}

struct _reent *__getreent(void)
{
    unsigned slot = thread_slot();

    if (slot == THREAD_SLOTS) {
        return _GLOBAL_REENT;
    }
    return of_slot[slot] != NULL ? of_slot[slot] : create(slot);
}
