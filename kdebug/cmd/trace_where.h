/* SPDX-License-Identifier: MIT */
/*
 * trace last ... where: a tree of conditions on records.
 *
 *     tree      := all { 'or' all }
 *     all       := term { 'and' term }
 *     term      := 'not' term | '(' tree ')' | condition
 *     condition := 'event' 'is' START | 'thread' ==|!= TID | FIELD OPERATOR VALUE
 *
 * START: how the event's name begins. thread: the one that runs, or any that the event names. FIELD: `cpu`, `current` (the thread
 * that runs) or a field of the event; an event without that field meets no condition on it. VALUE: an expression, or a name
 * of the field's enum.
 *
 * A million records are looked at for one line, and few of them are of an event that can meet the tree at all. So each
 * condition is asked about each event first, before any record is read (kd_where_prepare()); what that leaves open is all that is
 * asked of a record.
 */
#pragma once

#include "kdebug/cmd/trace_reader.h"
#include "kdebug/core/command.h"

#define KD_WHERE_NODES 24u

/* In this order "and" is the least of two, "or" the greatest, "not" the other end. */
enum kd_answer {
    KD_NO,
    KD_OPEN, /* it depends on the record */
    KD_YES,
};

struct kd_where_node {
    uint8_t kind; /* enum kind of trace_where.c */
    uint8_t compare;
    uint8_t left, right; /* of a join: nodes before this one */
    uint16_t length;     /* of word */
    uint16_t name_length;
    const char *word; /* in the line: START or FIELD */
    const char *name; /* in the line: VALUE, if it is a name; else NULL */
    uint64_t value;
};

/* All conditions of a line. The last node is the whole; none: everything meets it. */
struct kd_where {
    unsigned count;
    struct kd_where_node node[KD_WHERE_NODES];
};

/* kd_where_take() - the next words are a tree, which is to be met besides what is there. Raises for what makes no sense. */
void kd_where_take(struct kd_call *call, struct kd_where *where);

/* kd_where_add_*() - so is a condition of the short options: 'thread TID', and 'with FIELD VALUE', whose words come next. */
void kd_where_add_thread(struct kd_call *call, struct kd_where *where);
void kd_where_add_field(struct kd_call *call, struct kd_where *where);

/* kd_where_prepare() - needed once before the next two, which are about this tree then. */
void kd_where_prepare(const struct kd_where *where);
/* kd_where_of_event() - what holds for all records of an event. Any id that a header can have. */
enum kd_answer kd_where_of_event(const struct kd_where *where, unsigned event);
bool kd_where_met(const struct kd_where *where, const struct kd_record *record);
