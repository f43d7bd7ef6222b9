/* SPDX-License-Identifier: MIT */
/* See sessions.h. */
#include "userspace/services/terminal/sessions.h"

#include <stddef.h>
#include <string.h>

void sessions_init(struct sessions *sessions)
{
    memset(sessions, 0, sizeof(*sessions));
    sessions->current = &sessions->table[0];
}

struct session *sessions_find(struct sessions *sessions, uint64_t number)
{
    for (unsigned i = 0; i < SESSIONS; i++) {
        struct session *session = &sessions->table[i];

        if (session->number == number && (i == 0 || session->above != NULL)) {
            return session;
        }
    }
    return NULL;
}

struct session *sessions_add(struct sessions *sessions, struct session *above)
{
    for (unsigned i = 1; i < SESSIONS; i++) {
        struct session *session = &sessions->table[i];

        if (session->above == NULL) {
            memset(session, 0, sizeof(*session));
            session->number = ++sessions->last_number;
            session->above = above;
            return session;
        }
    }
    return NULL;
}

bool sessions_is_below(const struct session *session, const struct session *other)
{
    while (session != NULL && session != other) {
        session = session->above;
    }
    return session != NULL;
}

struct session *sessions_listener(const struct sessions *sessions)
{
    struct session *session = sessions->current;

    return session->listens || session->above == NULL ? session : session->above;
}
