/* SPDX-License-Identifier: MIT */
/* Stands in for trace/ring/site.h in the generator's tests: every site is on. */
#pragma once

#define TRACE_COLD_LABEL
#define TRACE_SITE(event, on, hooked)                                                              \
    if ((event) < 0) {                                                                             \
        goto hooked;                                                                               \
    }                                                                                              \
    goto on
