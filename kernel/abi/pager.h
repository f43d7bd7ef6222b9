/* SPDX-License-Identifier: MIT */
/*
 * What the kernel and a pager, a user process that keeps pages, say to each other.
 *
 * Out: a thread of the pager stays in pager_next(). Each return is one request; the next call says what
 * became of it. In: a thread that needs a page back calls the mailbox that the pager was made with; the
 * pager gives the contents with pager_supply() and then replies. A page's name is the number of its area
 * and its place in it, in pages. Contents that are not what the kernel gave are refused.
 */
#pragma once

/* Requests of pager_next(). */
#define PAGER_STORE                                                                                \
    1u /* keep the page that is in the buffer, in place of what it had of that name */
#define PAGER_FORGET 2u /* everything of that area from that page on is no longer needed */

#define PAGER_PATIENCE_MAX 3600000000000ull /* ns: an hour */

/* What became of a PAGER_STORE. */
#define PAGER_STORED  0u
#define PAGER_REFUSED 1u /* no room: no more until something comes back or is forgotten */

/* Label and words of the call that asks for a page. */
#define PAGER_FETCH 1u
enum pager_word {
    PAGER_AREA,
    PAGER_PAGE,
};
