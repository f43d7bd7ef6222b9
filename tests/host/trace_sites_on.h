/* SPDX-License-Identifier: MIT */
/* Included before everything in a test whose code under test emits events: every site is on. */
#pragma once

#include "trace/ring/site.h"

#undef TRACE_SITE
#define TRACE_SITE(event, on, hooked)                                                              \
    if ((event) < 0) {                                                                             \
        goto hooked;                                                                               \
    }                                                                                              \
    goto on
