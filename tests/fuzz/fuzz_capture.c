/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer on captures and images. Checksums would keep the fuzzer out of everything behind them, so half of the inputs
 * get theirs repaired first: the first byte chooses.
 */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "read_all.h"
#include "trace/format/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Make every block that has a magic and fits into the bytes intact. */
static void repair(uint8_t *bytes, size_t count)
{
    size_t at = 0;
    while (at + sizeof(struct capture_block) <= count) {
        struct capture_block block;
        memcpy(&block, bytes + at, sizeof(block));
        size_t room = count - at - sizeof(block);
        if (block.magic != CAPTURE_MAGIC || block.bytes > room) {
            at++;
            continue;
        }
        block.payload_crc = crc32c(0, bytes + at + sizeof(block), block.bytes);
        block.header_crc = crc32c(0, &block, 28);
        memcpy(bytes + at, &block, sizeof(block));
        at += sizeof(block) + block.bytes;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    uint8_t *copy = malloc(size);
    memcpy(copy, data + 1, size - 1);
    if (data[0] & 1) {
        repair(copy, size - 1);
    }
    read_all(copy, size - 1);
    free(copy);
    return 0;
}
