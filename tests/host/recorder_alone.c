/* SPDX-License-Identifier: MIT */
/* What the recorder calls of the rest of the kernel, for tests that do without it. */
#include "arch/text_patch.h"
#include "base/build_id.h"
#include "base/hooks.h"

void kdebug_trigger(const char *event)
{
    (void)event;
}

status_t text_patch_sites(const struct text_patch_wanted *wanted)
{
    (void)wanted;
    return OK;
}

uint64_t kernel_id(void)
{
    return 0x1d1d;
}
