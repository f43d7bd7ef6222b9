/* SPDX-License-Identifier: MIT */
/*
 * Who has what open: sessions of clients, and the files that each has opened.
 *
 *   O1  An open file is named by the badge of the handle that was given out for it; a badge is never used again, so one that is
 *       closed names nothing, for ever.
 *   O2  A session that ends takes all its files with it.
 *   O3  No client has more than SESSIONS_PER_CLIENT sessions, no session more than FILES_PER_SESSION files: nobody fills the table.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"

#define SESSIONS_MAX        64u
#define SESSIONS_PER_CLIENT 32u
#define FILES_PER_SESSION   64u
#define OPEN_FILES_MAX      1024u

#define OPEN_FILE_BADGE (1ull << 63) /* of all that are given out: launchers choose small ones */

struct open_file {
    uint64_t badge; /* 0: a free place */
    uint64_t node;
    uint32_t flags; /* OPEN_* */
    uint32_t session;
};

struct session {
    bool is_used;
    uint32_t files;
    uint64_t client; /* badge that it attached with */
    uint64_t alive;  /* mailbox that dies with it */
};

struct open_files {
    struct open_file file[OPEN_FILES_MAX];
    struct session session[SESSIONS_MAX];
    uint64_t serial;
    uint32_t file_count, session_count;
};

/* session_add() - ERR_TABLE_FULL. */
status_t session_add(struct open_files *open, uint64_t client, uint64_t alive, uint32_t *out);

/* session_end() - and give every node that it had open to release(). */
void session_end(struct open_files *open, uint32_t session,
                 void (*release)(void *context, uint64_t node), void *context);

/* open_file_add() - ERR_TABLE_FULL. */
status_t open_file_add(struct open_files *open, uint32_t session, uint64_t node, uint32_t flags,
                       struct open_file **out);

/* open_file_find() - NULL: the badge names none (any more). */
struct open_file *open_file_find(struct open_files *open, uint64_t badge);

void open_file_remove(struct open_files *open, struct open_file *file);
