/* SPDX-License-Identifier: MIT */
/*
 * A filter: up to four comparisons of an event's fields, looked at before anything is written.
 *
 * Asked for by field and operator (struct trace_condition, kernel/abi/trace.h), checked against the table of events, and
 * turned into a small program: each term is a range and says where to go on inside and outside of it.
 */
#pragma once

#include "base/types.h"
#include "kernel/abi/trace.h"

/*
 * The field is shifted to the top of its word, where what lies above it falls off. What lies below it stays and does not
 * matter, because low has zeros there and span has ones. Differences are modulo 2^64, so a range of signed numbers is one, too.
 */
struct trace_term {
    uint64_t low; /* inside: (word << shift) - low <= span */
    uint64_t span;
    uint8_t word;
    uint8_t shift;
    uint8_t inside; /* where to go on: TRACE_FILTER_TERM(i), _PASS or _REFUSE */
    uint8_t outside;
};

/* Places in the program, counted in words so that a term is found without a multiplication. */
#define TRACE_FILTER_TERM(i) ((i) * (sizeof(struct trace_term) / 8))
#define TRACE_FILTER_PASS    TRACE_FILTER_TERM(TRACE_CONDITIONS_MAX)
#define TRACE_FILTER_REFUSE  (TRACE_FILTER_PASS + 1)

struct trace_filter {
    unsigned first; /* TRACE_FILTER_PASS: no conditions */
    struct trace_term term[TRACE_CONDITIONS_MAX];
};

/*
 * trace_filter_make() - check conditions and put them into the form above.
 *
 * ERR_BAD_ARGUMENT: no such event or field, a string field, an event of the meta lane, more than TRACE_CONDITIONS_MAX,
 * an unknown operator or join, a value that the field cannot have.
 * Context: any. Pure.
 */
status_t trace_filter_make(unsigned event, const struct trace_condition *conditions, unsigned count,
                           struct trace_filter *out) MUST_CHECK;

/* trace_filter_matches() - record: header (its time does not matter) and all payload words of the event but a string's.
 * Context: any. Cost: 12 instructions for each term that is looked at. */
bool trace_filter_matches(const struct trace_filter *filter, const uint64_t *record);
