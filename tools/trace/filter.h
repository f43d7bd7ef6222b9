/* SPDX-License-Identifier: MIT */
/*
 * Which records somebody wants to see.
 *
 * A filter is a list of words of four kinds; of each kind that is given one word must match, and of the conditions all:
 *
 *     sched  sched.thread.switch  sched.       events: a category, a name, a beginning
 *     cpu=2                                    cores
 *     thread=12  thread=server                 a thread that ran there, or that the event names
 *     label=3  size>=0x1000  status!=OK        conditions on a field: = != < <= > >=
 *
 * A value is a number, or the name of an enumerator, a system call or an error, as the field has them. A record without the
 * field does not match.
 */
#pragma once

#include "merge.h"
#include "registry.h"

#define FILTER_WORDS_MAX 32

enum filter_relation { FILTER_EQ, FILTER_NE, FILTER_LT, FILTER_LE, FILTER_GT, FILTER_GE };

struct filter_condition {
    const char *field; /* not ended by a NUL */
    size_t field_bytes;
    const char *value;
    enum filter_relation relation;
};

struct filter {
    const char *events[FILTER_WORDS_MAX];
    const char *threads[FILTER_WORDS_MAX];
    struct filter_condition conditions[FILTER_WORDS_MAX];
    unsigned event_count;
    unsigned thread_count;
    unsigned condition_count;
    uint64_t cpus;      /* mask; 0: any */
    bool *event_passes; /* by id, from filter_settle() on */
};

/* filter_add() - take a list of words with commas, which is cut up and must stay. False after a complaint. */
bool filter_add(struct filter *filter, char *list);

/* filter_settle() - find events and fields in the schema. False after a complaint: a word that can match nothing. */
bool filter_settle(struct filter *filter, const struct schema *schema);

void filter_free(struct filter *filter);

/*
 * filter_passes() - does a record match?
 *
 * @step     of kind STEP_RECORD
 * @current  the thread that ran there, for records of a core
 *
 * Cost: a few instructions for events that are not wanted.
 */
bool filter_passes(const struct filter *filter, const struct schema *schema,
                   struct registry *registry, const struct step *step, uint32_t current);
