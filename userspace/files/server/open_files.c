/* SPDX-License-Identifier: MIT */
/* Open files by badge: its low bits are the place in the table, the rest a number that only grows (O1). See open_files.h. */
#include "userspace/files/server/open_files.h"

#include <stddef.h>

static uint32_t count_sessions(const struct open_files *open, uint64_t client)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        count += open->session[i].is_used && open->session[i].client == client;
    }
    return count;
}

status_t session_add(struct open_files *open, uint64_t client, uint64_t alive, uint32_t *out)
{
    if (count_sessions(open, client) == SESSIONS_PER_CLIENT) {
        return ERR_TABLE_FULL;
    }
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        if (!open->session[i].is_used) {
            open->session[i] = (struct session){.is_used = true, .client = client, .alive = alive};
            open->session_count++;
            *out = i;
            return OK;
        }
    }
    return ERR_TABLE_FULL;
}

void session_end(struct open_files *open, uint32_t session,
                 void (*release)(void *context, uint64_t node), void *context)
{
    for (uint32_t i = 0; i < OPEN_FILES_MAX; i++) {
        struct open_file *file = &open->file[i];

        if (file->badge != 0 && file->session == session) {
            release(context, file->node);
            open_file_remove(open, file);
        }
    }
    open->session[session] = (struct session){0};
    open->session_count--;
}

status_t open_file_add(struct open_files *open, uint32_t session, uint64_t node, uint32_t flags,
                       struct open_file **out)
{
    if (open->session[session].files == FILES_PER_SESSION) {
        return ERR_TABLE_FULL;
    }
    for (uint32_t i = 0; i < OPEN_FILES_MAX; i++) {
        struct open_file *file = &open->file[i];

        if (file->badge == 0) {
            open->serial++;
            *file = (struct open_file){OPEN_FILE_BADGE | open->serial * OPEN_FILES_MAX | i, node,
                                       flags, session};
            open->session[session].files++;
            open->file_count++;
            *out = file;
            return OK;
        }
    }
    return ERR_TABLE_FULL;
}

struct open_file *open_file_find(struct open_files *open, uint64_t badge)
{
    struct open_file *file = &open->file[badge % OPEN_FILES_MAX];

    return badge != 0 && file->badge == badge ? file : NULL;
}

void open_file_remove(struct open_files *open, struct open_file *file)
{
    open->session[file->session].files--;
    open->file_count--;
    *file = (struct open_file){0};
}
