/* SPDX-License-Identifier: MIT */
/* What a quota limits. */
#pragma once

enum quota_kind {
    QUOTA_HANDLES, /* open handles */
    QUOTA_THREADS, /* threads that have not been given back yet */
    QUOTA_MEMORY,  /* pages of areas that own memory, touched or not */
    QUOTA_PINS,    /* pages that a message copy keeps in place */
    QUOTA_KINDS,
};

#define QUOTA_NO_LIMIT (~0ull >> 1)
