/* SPDX-License-Identifier: MIT */
/* Rings of another size while all run: the cores are stopped where none of them is in an emitter, as for a change of sites. */
#include "base/hooks.h"
#include "trace/ring/ring.h"

struct wish {
    uint64_t bytes;
    bool keeps_oldest;
    status_t status;
};

static void lay(void *argument)
{
    struct wish *wish = argument;
    wish->status = trace_rings_lay(wish->bytes, wish->keeps_oldest);
}

status_t trace_rings_make(uint64_t bytes, bool keeps_oldest)
{
    struct wish wish = {bytes, keeps_oldest, OK};
    rendezvous_run(lay, &wish);
    return wish.status;
}
