/* SPDX-License-Identifier: MIT */
#include "userspace/lib/readers.h"

static void drop(struct readers *readers, unsigned place)
{
    for (; place + 1 < READERS_MAX; place++) {
        readers->waiting[place] = readers->waiting[place + 1];
    }
    readers->waiting[READERS_MAX - 1] = (struct reader){0};
}

uint64_t readers_add(struct readers *readers, uint64_t token, uint64_t from)
{
    uint64_t over = readers->waiting[READERS_MAX - 1].token != 0 ? readers->waiting[0].token : 0;
    unsigned place = 0;

    if (over != 0) {
        drop(readers, 0);
    }
    while (readers->waiting[place].token != 0) {
        place++;
    }
    readers->waiting[place] = (struct reader){token, from};
    return over;
}

void readers_answer(struct readers *readers, bool (*answer)(const struct reader *reader))
{
    for (unsigned i = 0; i < READERS_MAX && readers->waiting[i].token != 0;) {
        if (answer(&readers->waiting[i])) {
            drop(readers, i);
        } else {
            i++;
        }
    }
}
