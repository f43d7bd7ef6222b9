/* SPDX-License-Identifier: MIT */
/*
 * What commands print: lines, through the text filters of the statement and the pager, to the
 * terminal.
 *
 * A filter ("! grep text") sees the lines of all stages before it. Filters never see colours or
 * cursor movement: there is none.
 */
#pragma once

#include "base/types.h"

#define KD_FILTERS_MAX    4u
#define KD_LINE_BYTES_MAX 256u /* longer lines pass a filter in pieces */

enum kd_filter_kind {
    KD_FILTER_GREP,
    KD_FILTER_GREP_NOT,
    KD_FILTER_HEAD,
    KD_FILTER_TAIL,
    KD_FILTER_COUNT,
    KD_FILTER_PACKED /* not of the chain: it is below all that prints (packed.h) */
};

struct kd_filter {
    enum kd_filter_kind kind;
    char pattern[64]; /* of grep: plain text */
    uint64_t limit;   /* of head and tail: lines; of z: the first line of its armour */
    uint64_t seen;    /* of z: how many lines of that */
};

/* kd_print() - formatted text of a command. Raises KD_CAUSE_QUIT after ^C or q at the pager, so
 * it may not return. */
void kd_print(const char *format, ...) PRINTF_LIKE(1, 2);
void kd_print_text(const char *text, size_t bytes);

/* kd_print_address() - "name+0x12", or the number where there is no name. */
void kd_print_address(vaddr_t address);

/* kd_print_byte() - past the filters and the pager, for bulk data. */
void kd_print_byte(char c);

/* kd_output_begin() - a statement begins: these filters, nothing printed. */
void kd_output_begin(const struct kd_filter *filters, unsigned count);
/* kd_output_end() - it has ended: flush what filters hold back. Cannot raise. */
void kd_output_end(void);

/* kd_filter_parse() - "grep [-v] TEXT", "head [N]", "tail [N]", "count", "z [FIRST [COUNT]]". False: no such filter or bad
 * arguments. */
bool kd_filter_parse(const char *text, size_t bytes, struct kd_filter *out);
/* kd_filter_is() - the text begins with the name of a filter. */
bool kd_filter_is(const char *text, size_t bytes);

/* kd_pager_set() - stop after this many lines and wait for a key; 0 never (the default, so that
 * scripts work). */
void kd_pager_set(unsigned lines);
