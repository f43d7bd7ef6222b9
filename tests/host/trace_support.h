/* SPDX-License-Identifier: MIT */
/* What the tests of tools/trace share: synthetic captures in memory, and blocks inside them. */
#pragma once

#include "tools/trace/session.h"
#include "tools/trace/synth.h"

struct bytes {
    char *data;
    size_t count;
};

/* make_work() - a capture of a synthetic workload. The caller frees data. */
struct bytes make_work(unsigned cpus, uint64_t events, uint64_t seed, uint64_t *out_events);

/* Captures made event by event: begin, use synth, end. */
struct maker {
    struct synth synth;
    struct bytes bytes;
    FILE *file;
};
void maker_begin(struct maker *maker, unsigned cpus);
struct bytes maker_end(struct maker *maker);

/* block_at() - the n-th block of a capture; NULL behind the last. */
struct capture_block *block_at(struct bytes bytes, unsigned n);
void *block_payload(struct capture_block *block);
unsigned block_count(struct bytes bytes);
/* block_find() - the n-th block of a type. */
struct capture_block *block_find(struct bytes bytes, unsigned type, unsigned n);
/* block_seal() - compute both checksums again after a change. */
void block_seal(struct capture_block *block);
/* block_remove() - take it out of the bytes. */
void block_remove(struct bytes *bytes, struct capture_block *block);

/* open_bytes() - index the bytes; the input lives in *input. Complaints are silent. */
status_t open_bytes(struct session *session, struct input *input, struct bytes bytes,
                    unsigned number);

/* count_records() - read every lane to its end; findings as in lane_open(). */
uint64_t count_records(const struct session *session, struct finding_list *findings);
