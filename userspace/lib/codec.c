/* SPDX-License-Identifier: MIT */
/*
 * LZ4 in a program without a C library.
 *
 * The packaged library wants memcpy() and its like, which there are. It names calloc() and free() for functions that are not
 * used here. It was compiled with stack protectors: each function compares a word at FS:28h on its way out
 * with what was there on its way in, so FS has to point to something.
 */
#include "userspace/lib/codec.h"

#include <lz4.h>
#include <stddef.h>
#include <string.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "userspace/lib/check.h"

static uint64_t thread_block[8]; /* the guard is word 5 */
static LZ4_stream_t state;

void *calloc(size_t count, size_t bytes);
void free(void *memory);
_Noreturn void __stack_chk_fail(void);

void *calloc(size_t count, size_t bytes)
{
    (void)count;
    (void)bytes;
    return NULL;
}

void free(void *memory)
{
    (void)memory;
}

void __stack_chk_fail(void)
{
    die("the stack of a function of the LZ4 library was overrun");
}

void codec_begin(void)
{
    must(sys_thread_bases((uint64_t)thread_block, 0));
}

uint32_t codec_pack(const void *page, void *out)
{
    int bytes = LZ4_compress_fast_extState(&state, page, out, PAGE_BYTES, PAGE_BYTES - 1, 1);

    if (bytes > 0) {
        return (uint32_t)bytes;
    }
    memcpy(out, page, PAGE_BYTES); /* it does not become smaller */
    return PAGE_BYTES;
}

bool codec_unpack(const void *bytes, uint32_t count, void *page)
{
    return codec_unpack_block(bytes, count, page, PAGE_BYTES);
}

bool codec_unpack_block(const void *bytes, uint32_t count, void *out, uint32_t out_bytes)
{
    if (count == out_bytes) {
        memcpy(out, bytes, out_bytes);
        return true;
    }
    return LZ4_decompress_safe(bytes, out, (int)count, (int)out_bytes) == (int)out_bytes;
}
