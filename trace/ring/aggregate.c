/* SPDX-License-Identifier: MIT */
/* Aggregation: see aggregate.h. Pure code, also built on the host. */
#include "trace/ring/aggregate.h"

#include "base/string.h"
#include "gen/trace_table.h"

#define PROBES      8u                    /* rows looked at for a key */
#define HASH_FACTOR 0x9e3779b97f4a7c15ull /* 2^64 / golden ratio */

struct trace_aggregation trace_aggregations[TRACE_AGGREGATIONS_MAX];

static bool make_place(const struct trace_event_info *info, unsigned number,
                       struct trace_place *out, unsigned *out_bits)
{
    *out = (struct trace_place){0};
    *out_bits = 0;
    if (number == TRACE_NO_FIELD) {
        return true;
    }
    if (number >= info->fields || info->field[number].bits == 0) {
        return false;
    }
    const struct trace_field *field = &info->field[number];
    *out_bits = field->bits;
    *out = (struct trace_place){
        .mask = ~0ull >> (64 - field->bits), .word = field->word, .shift = field->shift};
    return true;
}

struct resolved {
    struct trace_place key[TRACE_KEYS_MAX], value;
    unsigned key_shift;
};

static bool resolve(unsigned event, const struct trace_grouping *grouping, struct resolved *out)
{
    const struct trace_event_info *info = trace_event_info(event);
    unsigned first, second, value;
    bool good = info != NULL && !(info->flags & TRACE_INFO_META) &&
                make_place(info, grouping->key[0], &out->key[0], &first) &&
                make_place(info, grouping->key[1], &out->key[1], &second) &&
                make_place(info, grouping->value, &out->value, &value);
    if (good) {
        out->key_shift = second % 64; /* 64: the first key has no bit to be shifted */
    }
    return good && first + second <= 64;
}

bool trace_grouping_fits(unsigned event, const struct trace_grouping *grouping)
{
    struct resolved unused;
    return resolve(event, grouping, &unused);
}

void trace_aggregation_make(unsigned event, const struct trace_grouping *grouping,
                            struct trace_aggregation *out)
{
    struct resolved resolved;
    memset(out, 0, sizeof(*out));
    if (resolve(event, grouping, &resolved)) {
        out->is_used = true;
        out->grouping = *grouping;
        out->key[0] = resolved.key[0];
        out->key[1] = resolved.key[1];
        out->value = resolved.value;
        out->key_shift = (uint8_t)resolved.key_shift;
        out->has_more = out->key[1].mask != 0 || out->value.mask != 0;
    }
}

static ALWAYS_INLINE struct trace_row *find_row(struct trace_row *rows, uint64_t key)
{
    unsigned at = (unsigned)(key * HASH_FACTOR >> 32);
    for (unsigned i = 0; i < PROBES; i++) {
        struct trace_row *row = &rows[(at + i) % TRACE_ROWS_MAX];
        if (LIKELY(row->key == key) || row->count == 0) {
            return row;
        }
    }
    return NULL;
}

struct trace_row *trace_row_find(struct trace_row *rows, uint64_t key)
{
    return find_row(rows, key);
}

void trace_row_copy(const struct trace_row *row, struct trace_row *out)
{
    out->count =
        __atomic_load_n(&row->count, __ATOMIC_ACQUIRE); /* pairs with count(): the key is there */
    out->key = __atomic_load_n(&row->key, __ATOMIC_RELAXED);
    out->sum = __atomic_load_n(&row->sum, __ATOMIC_RELAXED);
    out->least = __atomic_load_n(&row->least, __ATOMIC_RELAXED);
    out->greatest = __atomic_load_n(&row->greatest, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < TRACE_BUCKETS; i++) {
        out->bucket[i] = __atomic_load_n(&row->bucket[i], __ATOMIC_RELAXED);
    }
}

static ALWAYS_INLINE uint64_t read_place(const struct trace_place *place, const uint64_t *record)
{
    return record[place->word] >> place->shift & place->mask;
}

/* The value's bits that are not leading zeros. */
static ALWAYS_INLINE unsigned bucket_of(uint64_t value)
{
    unsigned bits = value >> 63 ? 64 : 63 - (unsigned)__builtin_clzll(value << 1 | 1);
    return MIN(bits, TRACE_BUCKETS - 1);
}

static ALWAYS_INLINE void add_value(struct trace_row *row, uint64_t value)
{
    row->sum += value;
    row->least = row->count == 1 ? value : MIN(row->least, value);
    row->greatest = MAX(row->greatest, value);
    row->bucket[bucket_of(value)]++;
}

/* The row of a key, counted; NULL: left out. */
static ALWAYS_INLINE struct trace_row *count(struct trace_table *table, uint64_t key)
{
    struct trace_row *row = find_row(table->row, key);
    if (UNLIKELY(row == NULL)) {
        table->left_out++;
        return NULL;
    }
    row->key = key;
    __asm__ volatile("" ::: "memory"); /* x86 keeps the order of stores: trace_row_copy() */
    row->count++;
    return row;
}

static NOINLINE void add_more(const struct trace_aggregation *aggregation,
                              struct trace_table *table, const uint64_t *record)
{
    uint64_t key = read_place(&aggregation->key[0], record) << aggregation->key_shift |
                   read_place(&aggregation->key[1], record);
    struct trace_row *row = count(table, key);
    if (row != NULL && aggregation->value.mask != 0) {
        add_value(row, read_place(&aggregation->value, record));
    }
}

void trace_aggregation_add(const struct trace_aggregation *aggregation, struct trace_table *table,
                           const uint64_t *record)
{
    if (aggregation->has_more) {
        add_more(aggregation, table, record);
    } else {
        count(table, read_place(&aggregation->key[0], record));
    }
}
