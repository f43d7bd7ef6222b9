/* SPDX-License-Identifier: MIT */
/*
 * Aggregation: an event is counted where it happens, and not written. How often, by the values of up to two fields; and of one
 * more field sum, least, greatest and a histogram by powers of two. A table per core, which one reads while events go on.
 *
 * A1  A table has one writer, its core's normal context (L1), so nothing is locked and no count is lost.
 * A2  Whatever passed the filter is in a row or in left_out: events of NMI-class contexts, and those that found no row.
 */
#pragma once

#include "base/types.h"
#include "kernel/abi/trace.h"
#include "trace/ring/layout.h"

#define TRACE_AGGREGATIONS_MAX 2u

/* A field of a record: word >> shift & mask. No field: mask 0. */
struct trace_place {
    uint64_t mask;
    uint8_t word;
    uint8_t shift;
};

struct trace_table {
    uint64_t left_out;
    struct trace_row row[TRACE_ROWS_MAX];
};

struct trace_aggregation {
    bool is_used;
    struct trace_grouping grouping;
    struct trace_place key[TRACE_KEYS_MAX], value;
    bool has_more;     /* than one key */
    uint8_t key_shift; /* of the first key, over the second */
    struct trace_table table[CPU_MAX];
};

extern struct trace_aggregation trace_aggregations[TRACE_AGGREGATIONS_MAX];

/* trace_grouping_fits() - false: no such event or field, a string field, keys of more than 64 bits together. Pure. */
bool trace_grouping_fits(unsigned event, const struct trace_grouping *grouping);

/* trace_aggregation_make() - an empty one; the grouping fits. Context: any; nobody may be adding to it. */
void trace_aggregation_make(unsigned event, const struct trace_grouping *grouping,
                            struct trace_aggregation *out);

/* trace_aggregation_add() - count a record. Context: the core's own normal one. Cost: about 25 instructions by one field, 65 with a second one and a value. */
void trace_aggregation_add(const struct trace_aggregation *aggregation, struct trace_table *table,
                           const uint64_t *record);

/* trace_row_copy() - a row while its core may be counting in it: numbers are never torn, but sum, least, greatest and histogram may
 * lack, or have, one event more than count. */
void trace_row_copy(const struct trace_row *row, struct trace_row *out);

/* trace_row_find() - the row of a key, perhaps a free one; NULL: there is no room. Also for those who merge tables. */
struct trace_row *trace_row_find(struct trace_row *rows, uint64_t key);
