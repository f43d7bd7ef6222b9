/* SPDX-License-Identifier: MIT */
/*
 * Stages that work on any values: where, sort, uniq, head, count.
 *
 * sort is the only one that must keep values; it keeps them in one table, so a line can sort
 * once. A key is a number, or the first 16 bytes of a text.
 */
#include "base/string.h"
#include "kdebug/core/access.h"
#include "kdebug/core/command.h"
#include "kdebug/core/target.h"

#define VALUES_DEFAULT 10u
#define SORTED_MAX     2048u
#define SIGN           (1ull << 63)

struct key {
    uint64_t high, low;
};

static struct {
    struct kd_value value;
    struct key key;
} sorted[SORTED_MAX];
static unsigned sorting; /* the stage whose values are in the table */

static void run_where(struct kd_call *call)
{
    uint64_t wanted;
    if (!kd_arg_number(call, &wanted)) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    if (wanted != 0) {
        kd_emit(call, call->input);
    }
}
KD_COMMAND(where, .usage = "EXPRESSION",
           .help = "pass on what an expression over .fields is true for: where .run == BLOCKED",
           .flags = KD_READS | KD_STAGE, .run = run_where);

/* Bytes of a text in such an order that numbers compare like them. */
static struct key text_key(const struct kd_value *text, uint64_t limit)
{
    uint64_t half[2] = {0, 0};
    for (unsigned i = 0; i < 16 && i < limit; i++) {
        unsigned char c = 0;
        if (kd_read(text->space, text->bits + i, &c, 1) != OK || c == '\0') {
            break;
        }
        half[i / 8] |= (uint64_t)c << (56 - 8 * (i % 8));
    }
    return (struct key){half[0], half[1]};
}

/* What the call's expression says about its value; without one the value itself. */
static struct key take_key(struct kd_call *call)
{
    struct kd_value value;
    if (!kd_arg_value(call, &value)) {
        value = call->input;
    }
    kd_arg_done(call);
    struct kd_ctype type = kd_ctype_get(value.ctype);
    if (value.is_place && type.kind == KD_KIND_ARRAY && kd_ctype_get(type.target).is_char) {
        return text_key(&value, type.count);
    }
    uint64_t bits;
    const char *error = kd_load_bits(&value, &bits);
    if (error != NULL) {
        kd_fail("%s", error);
    }
    return (struct key){type.is_signed ? bits ^ SIGN : bits, 0};
}

static bool is_before(struct key a, struct key b)
{
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

/* Insertion: values with equal keys stay in their order. */
static void run_sort(struct kd_call *call)
{
    bool reverse = kd_arg_accept(call, "-r");
    struct key key = take_key(call);
    uint64_t at = *call->state;
    if (at == 0) {
        sorting = call->stage;
    } else if (sorting != call->stage) {
        kd_fail("a line can sort once");
    }
    if (at == SORTED_MAX) {
        kd_fail("sort takes at most %u values", SORTED_MAX);
    }
    for (; at > 0 &&
           (reverse ? is_before(sorted[at - 1].key, key) : is_before(key, sorted[at - 1].key));
         at--) {
        sorted[at] = sorted[at - 1];
    }
    sorted[at].value = call->input;
    sorted[at].key = key;
    ++*call->state;
}

static void finish_sort(struct kd_call *call)
{
    for (uint64_t i = 0; i < *call->state; i++) {
        if (!kd_emit(call, sorted[i].value)) {
            return;
        }
    }
}
KD_COMMAND(sort, .usage = "[-r] [EXPRESSION]",
           .help = "order values by an expression over .fields, or by themselves",
           .flags = KD_READS | KD_STAGE, .run = run_sort, .finish = finish_sort);

static void run_uniq(struct kd_call *call)
{
    struct key key = take_key(call);
    bool same = call->state[0] != 0 && call->state[1] == key.high && call->state[2] == key.low;
    call->state[0] = 1;
    call->state[1] = key.high;
    call->state[2] = key.low;
    if (!same) {
        kd_emit(call, call->input);
    }
}
KD_COMMAND(uniq, .usage = "[EXPRESSION]",
           .help = "leave out values whose expression gives the same as the one before",
           .flags = KD_READS | KD_STAGE, .run = run_uniq);

static void run_head(struct kd_call *call)
{
    uint64_t limit = VALUES_DEFAULT;
    kd_arg_number(call, &limit);
    kd_arg_done(call);
    if (*call->state < limit) {
        kd_emit(call, call->input);
    }
    if (++*call->state >= limit) {
        kd_emit_no_more(call);
    }
}
KD_COMMAND(head, .usage = "[N]", .help = "pass the first N values on", .flags = KD_STAGE,
           .run = run_head);

static void run_count(struct kd_call *call)
{
    kd_arg_done(call);
    ++*call->state;
}

static void finish_count(struct kd_call *call)
{
    kd_emit(call, kd_value_number(*call->state));
}
KD_COMMAND(count, .usage = "", .help = "how many values came", .flags = KD_STAGE, .run = run_count,
           .finish = finish_count);
