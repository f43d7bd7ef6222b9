/* SPDX-License-Identifier: MIT */
/*
 * VERIFY(x): always on, where going on would corrupt. ASSERT(x): debug builds. Both panic, which
 * enters kdebug. The condition is compiled in both builds.
 */
#pragma once

#include "base/types.h"

#ifndef CONFIG_DEBUG
#define CONFIG_DEBUG 0
#endif

/* panic() - say what is wrong and enter kdebug (through hooks.h), or halt. Context: any. Does
 * not return unless a person resumes, then halts this core. */
NORETURN COLD void panic(const char *format, ...) PRINTF_LIKE(1, 2);

#define VERIFY(x)                                                                                  \
    do {                                                                                           \
        if (UNLIKELY(!(x))) {                                                                      \
            panic("VERIFY(%s) failed, %s:%d", #x, __FILE_NAME__, __LINE__);                        \
        }                                                                                          \
    } while (0)

#define ASSERT(x)                                                                                  \
    do {                                                                                           \
        if (CONFIG_DEBUG && UNLIKELY(!(x))) {                                                      \
            panic("ASSERT(%s) failed, %s:%d", #x, __FILE_NAME__, __LINE__);                        \
        }                                                                                          \
    } while (0)
