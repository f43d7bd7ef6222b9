/* SPDX-License-Identifier: MIT */
/* Parts of text patching that only this folder uses. */
#pragma once

#include "base/types.h"

/*
 * text_patch_smap() - put CLAC and STAC into the places that user_copy.asm and entry.asm keep free
 * for them.
 * Context: boot core, before any other runs and before CR4.SMAP is set.
 */
void text_patch_smap(void);
