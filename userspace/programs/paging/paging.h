/* SPDX-License-Identifier: MIT */
/* What the parts of the program "paging" share. Each ends the program if it finds something wrong. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PAGE_WORDS 512u
#define MIB        0x100000ull

/* The first word of every page that the program fills: so a liar knows whose pages to lie about. */
#define FILL_MAGIC 0x50414745u /* in the upper half; below it the page's number */

/* What fill_run() fills, where somebody else is to have a handle of it too: given by this name. */
#define SHARED_AREA       "shared"
#define SHARED_AREA_BYTES (8 * MIB)

/* fill_run() - leave so much memory free and no more, fill `bytes` with threads on all cores that write and look at pages
 * here and there, `rounds` for each page, and find all as it was left. */
#define FILL_THREADS_MAX 8u
void fill_run(uint64_t bytes, uint64_t leave_bytes, uint64_t rounds, bool is_mail);

/* mail_run() - what fill_run() does with its memory if is_mail: on each core a client sends letters from it to a server, which
 * sends them back, `rounds` for each that there is. */
void mail_run(uint64_t *memory, uint64_t bytes, unsigned cores, uint64_t rounds);

/* reserve_run() - be a pager that takes nothing, while memory is short and another process takes what is kept for pagers: that must not
 * wait. reserve_child() - be that. */
void reserve_run(void);
void reserve_child(void);

/* lies_run() - once with each kind of liar as pager: it and who needs its pages are started, and end as they must. */
void lies_run(void);

/* liar_run() - be the pager, and lie about pages of fill_run(). */
enum lie {
    LIE_NONE,
    LIE_DEATH,   /* ends when a page is asked for */
    LIE_DATA,    /* one bit is wrong */
    LIE_OLD,     /* the contents of another page */
    LIE_MISSING, /* answers without the page */
    LIE_LATE,    /* does not answer in time; what comes then is refused */
    LIE_EXTRA, /* supplies pages that nobody asked for, supplies twice, replies twice: all refused, nothing lost */
    LIE_REFUSE, /* takes a few pages and then no more: no lie, but the end of memory */
    LIE_SELF, /* supplies from memory that is with itself: refused at once, and then it tells the truth */
    LIE_KINDS,
};
void liar_run(enum lie kind);
