/* SPDX-License-Identifier: MIT */
/* Synthetic captures for tests. */
#include "trace_support.h"

#include <stdlib.h>

#include "base/crc32c.h"
#include "tools/trace/lane.h"

struct bytes make_work(unsigned cpus, uint64_t events, uint64_t seed, uint64_t *out_events)
{
    struct maker maker;
    maker_begin(&maker, cpus);
    synth_work(&maker.synth, SYNTH_MIXED, events, seed);
    if (out_events != NULL) {
        *out_events = maker.synth.events;
    }
    return maker_end(&maker);
}

void maker_begin(struct maker *maker, unsigned cpus)
{
    maker->bytes = (struct bytes){0};
    maker->file = open_memstream(&maker->bytes.data, &maker->bytes.count);
    synth_open(&maker->synth, maker->file, cpus, 1000000);
}

struct bytes maker_end(struct maker *maker)
{
    synth_close(&maker->synth);
    synth_free(&maker->synth);
    fclose(maker->file);
    return maker->bytes;
}

struct capture_block *block_at(struct bytes bytes, unsigned n)
{
    size_t at = 0;
    while (at + sizeof(struct capture_block) <= bytes.count) {
        struct capture_block *block = (struct capture_block *)(bytes.data + at);
        if (n-- == 0) {
            return block;
        }
        at += sizeof(*block) + block->bytes;
    }
    return NULL;
}

void *block_payload(struct capture_block *block)
{
    return block + 1;
}

unsigned block_count(struct bytes bytes)
{
    unsigned count = 0;
    while (block_at(bytes, count) != NULL) {
        count++;
    }
    return count;
}

struct capture_block *block_find(struct bytes bytes, unsigned type, unsigned n)
{
    struct capture_block *block;
    for (unsigned i = 0; (block = block_at(bytes, i)) != NULL; i++) {
        if (block->type == type && n-- == 0) {
            return block;
        }
    }
    return NULL;
}

void block_seal(struct capture_block *block)
{
    block->payload_crc = crc32c(0, block + 1, block->bytes);
    block->header_crc = crc32c(0, block, 28);
}

void block_remove(struct bytes *bytes, struct capture_block *block)
{
    size_t length = sizeof(*block) + block->bytes;
    char *end = bytes->data + bytes->count;
    char *from = (char *)block;
    memmove(from, from + length, (size_t)(end - from) - length);
    bytes->count -= length;
}

status_t open_bytes(struct session *session, struct input *input, struct bytes bytes,
                    unsigned number)
{
    complain_silently = true;
    input_from_memory(input, bytes.data, bytes.count);
    return session_open(session, input, number);
}

uint64_t count_records(const struct session *session, struct finding_list *findings)
{
    uint64_t records = 0;
    for (unsigned i = 0; i < session->lane_count; i++) {
        struct lane lane;
        for (lane_open(&lane, session, i, findings); lane.step.kind != STEP_END;
             lane_advance(&lane)) {
        }
        records += lane.totals.records;
        lane_close(&lane);
    }
    return records;
}
