/* SPDX-License-Identifier: MIT */
/* Scalars with a meaning, and the few macros that every file needs. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen/errors.h"

typedef uint64_t paddr_t; /* physical address */
typedef uint64_t vaddr_t; /* virtual address */
typedef uint64_t tsc_t;   /* time-stamp counter ticks */
typedef uint64_t ns_t;    /* monotonic nanoseconds */

/* status_t comes from gen/errors.h: OK = 0, ERR_* negative. */
#ifndef static_assert /* <assert.h> is not for freestanding code */
#define static_assert _Static_assert
#endif

#define MUST_CHECK    __attribute__((warn_unused_result))
#define NORETURN      __attribute__((noreturn))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE      __attribute__((noinline))
#define COLD          __attribute__((cold, noinline))
#define HOT           __attribute__((hot, noinline)) /* a loop; main's once-only callers look cold */
/* Some of its arguments lie on the stack, so it cannot be traced: arch/function_patch.h. */
#define NOT_TRACED                 __attribute__((patchable_function_entry(0)))
#define PACKED                     __attribute__((packed))
#define UNUSED                     __attribute__((unused))
#define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))

/* SANITIZER_RELEASE() - tell ThreadSanitizer, in host tests, of a release store that it cannot see: assembly. */
#ifdef __SANITIZE_THREAD__
void __tsan_release(void *address);
#define SANITIZER_RELEASE(address) __tsan_release(address)
#else
#define SANITIZER_RELEASE(address) ((void)0)
#endif

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define ARRAY_COUNT(a)           (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(p, type, m) ((type *)((char *)(p)-offsetof(type, m)))
#define MIN(a, b)                ((a) < (b) ? (a) : (b))
#define MAX(a, b)                ((a) > (b) ? (a) : (b))
#define ROUND_UP(x, to)          (((x) + (to)-1) / (to) * (to))
#define ROUND_DOWN(x, to)        ((x) / (to) * (to))
#define IS_ALIGNED(x, to)        ((x) % (to) == 0)
/* ALIGN_DOWN() - for a power of two that is not a constant: ROUND_DOWN() would divide. */
#define ALIGN_DOWN(x, power) ((x) & ~((uint64_t)(power)-1))
