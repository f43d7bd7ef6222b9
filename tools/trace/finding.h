/* SPDX-License-Identifier: MIT */
/* What is wrong with a capture: counted by rule, with the first few of each rule in words. */
#pragma once

#include "util.h"

/* Rules whose breach is a finding (exit code 1) come first; then notes, which tell of something that may be. */
enum finding_rule {
    FINDING_BLOCK_DAMAGED, /* a block whose checksum does not hold, or bytes that are no block */
    FINDING_BLOCK_MISSING, /* a sequence number that never came, or came twice */
    FINDING_FILE_CUT,      /* the file ends inside a block */
    FINDING_START_MISSING, /* no intact START block: clock and lanes are guessed */
    FINDING_SUBBUF,        /* a sub-buffer whose header cannot be true */
    FINDING_RECORD, /* a record that leaves its sub-buffer, is unknown, or has a wrong length */
    FINDING_TIME,   /* time goes back within a lane */
    FINDING_CONSERVATION, /* emitted != delivered + lost */
    FINDING_SWITCH,       /* the thread switched away from was not the one that ran */
    FINDING_SYSCALL,      /* enter and exit do not alternate */
    FINDING_IRQ,          /* enter and exit do not nest */
    FINDING_FAULT,        /* enter and exit do not nest */
    FINDING_IPC,          /* call, receive, reply, return out of order or missing */
    FINDING_KDEBUG,       /* enter and leave do not alternate */
    FINDING_CLOCK,        /* the clocks of two cores do not agree */
    FINDING_RULES,
    NOTE_NO_END = FINDING_RULES, /* the session has no END block: it was stopped in the middle */
    NOTE_LOSS,                   /* events are missing, and exactly so many */
    NOTE_SESSIONS,               /* the file holds more than one session */
    NOTE_NOISE,                  /* a line said something else before the first block */
    NOTE_ORPHAN, /* an end without its begin where the begin lies before the capture */
    FINDING_RULES_AND_NOTES,
};

/* finding_rule_name() - "block-damaged" and so on, as printed and as in JSON. */
const char *finding_rule_name(enum finding_rule rule);

#define FINDING_TEXTS_MAX 20 /* texts kept of one rule */

struct finding_list {
    uint64_t count[FINDING_RULES_AND_NOTES];
    char *text[FINDING_RULES_AND_NOTES][FINDING_TEXTS_MAX];
};

/* finding_add() - one more breach of a rule; the text is kept while it is among the first. Cannot fail. */
void finding_add(struct finding_list *list, enum finding_rule rule, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* finding_total() - breaches of all rules, notes left out. */
uint64_t finding_total(const struct finding_list *list);

void finding_free(struct finding_list *list);
