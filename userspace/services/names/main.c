/* SPDX-License-Identifier: MIT */
/*
 * names: the name service (userspace/interfaces/names.toml).
 *
 * A client is known by the badge of its handle, which its launcher chose and nobody can forge. What it may offer and use is told
 * beforehand, by who has the supervisor's badge; all else is refused.
 *   R1  A name has at most one server: who registered it keeps it until it is withdrawn or registers again.
 *   R2  A handle that is given out has the right to send and its client's badge, so that the server knows who calls.
 *   R3  A client has at most WAITS_PER_CLIENT waits open. One more ends its oldest with ERR_BUSY: clients that gave up or died
 *       take no place from others.
 * It keeps nothing that its supervisor could not tell it again: when it ends, the one that is started in its place is told
 * who may do what (admit) and who serves where (offer), and clients ask for a handle of the new one.
 */
#include <stdint.h>
#include <string.h>

#include "gen/interface/lifecycle_server.h"
#include "gen/interface/names_server.h"
#include "gen/objects.h"
#include "userspace/lib/service.h"
#include "userspace/lib/start.h"
#include "userspace/services/names/access.h"

#define NAMES_MAX        32u
#define CLIENTS_MAX      64u
#define WAITS_PER_CLIENT 4u
#define NAME_ROOM        (NAMES_REGISTER_NAME_MAX + 1)

struct name {
    char text[NAME_ROOM]; /* "": a free place */
    uint64_t owner;       /* badge of who serves under it; 0: nobody */
    uint64_t server;      /* its mailbox */
};

struct wait {
    uint64_t token; /* 0: a free place */
    struct name *name;
};

struct client {
    uint64_t badge;                     /* 0: a free place */
    uint32_t offers, uses;              /* a bit for each of names[] */
    struct wait wait[WAITS_PER_CLIENT]; /* the oldest first */
};

static struct name names[NAMES_MAX];
static struct client clients[CLIENTS_MAX];
static uint64_t requests;

static struct name *find_name(const char *text)
{
    for (unsigned i = 0; i < NAMES_MAX; i++) {
        if (strcmp(names[i].text, text) == 0) {
            return &names[i];
        }
    }
    return NULL;
}

static struct client *find_client(uint64_t badge)
{
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        if (clients[i].badge == badge) {
            return &clients[i];
        }
    }
    return NULL;
}

static uint32_t bit_of(const struct name *name)
{
    return 1u << (name - names);
}

/* The client that asks and the name that it may use or offer; ERR_NO_RIGHTS whether the name exists or not. */
static status_t look_up(const struct interface_request *request, const char *text, uint32_t access,
                        struct client **out_client, struct name **out_name)
{
    struct client *client = request->in.badge != 0 ? find_client(request->in.badge) : NULL;
    struct name *name = text[0] != '\0' ? find_name(text) : NULL;

    if (client == NULL || name == NULL) {
        return ERR_NO_RIGHTS;
    }
    *out_client = client;
    *out_name = name;
    uint32_t may = access == NAMES_OFFER ? client->offers : client->uses;
    return (may & bit_of(name)) != 0 ? OK : ERR_NO_RIGHTS;
}

/* R2 */
static status_t make_handle(const struct name *name, const struct client *client, uint64_t *out)
{
    return sys_handle_duplicate(name->server, RIGHT_MAILBOX_SEND | RIGHT_TRANSFER, client->badge,
                                out);
}

static void forget_server(struct name *name)
{
    if (name->owner != 0) {
        (void)sys_handle_close(name->server);
        name->owner = 0;
    }
}

/* ---- waits ---- */

static void drop_wait(struct client *client, unsigned place)
{
    for (unsigned i = place; i + 1 < WAITS_PER_CLIENT; i++) {
        client->wait[i] = client->wait[i + 1];
    }
    client->wait[WAITS_PER_CLIENT - 1] = (struct wait){0};
}

static void answer_waits(const struct name *name)
{
    for (struct client *client = clients; client < clients + CLIENTS_MAX; client++) {
        for (unsigned i = 0; i < WAITS_PER_CLIENT;) {
            struct wait wait = client->wait[i];
            uint64_t handle = HANDLE_NONE;

            if (wait.token == 0 || wait.name != name) {
                i++;
                continue;
            }
            drop_wait(client, i);
            status_t status = make_handle(name, client, &handle);
            (void)names_wait_answer(requests, wait.token, status, handle);
        }
    }
}

/* ---- operations ---- */

/* The supervisor's business: a client, met for the first time perhaps, and a name. */
static status_t introduce(const struct interface_request *request, uint64_t badge, const char *text,
                          struct client **out_client, struct name **out_name)
{
    if (request->in.badge != BADGE_SUPERVISOR) {
        return ERR_NO_RIGHTS;
    }
    if (badge <= BADGE_SUPERVISOR || text[0] == '\0') {
        return ERR_BAD_ARGUMENT;
    }
    struct client *client = find_client(badge);
    struct name *name = find_name(text);
    client = client != NULL ? client : find_client(0);
    name = name != NULL ? name : find_name("");
    if (client == NULL || name == NULL) {
        return ERR_TABLE_FULL;
    }
    client->badge = badge;
    string_copy(name->text, text, sizeof(name->text));
    *out_client = client;
    *out_name = name;
    return OK;
}

status_t names_on_admit(const struct interface_request *request, uint64_t client, uint32_t access,
                        const char *name)
{
    struct client *who;
    struct name *entry;

    if (access == 0 || (access & ~(NAMES_OFFER | NAMES_USE)) != 0) {
        return request->in.badge == BADGE_SUPERVISOR ? ERR_BAD_ARGUMENT : ERR_NO_RIGHTS;
    }
    status_t status = introduce(request, client, name, &who, &entry);
    if (status == OK) {
        who->offers |= access & NAMES_OFFER ? bit_of(entry) : 0;
        who->uses |= access & NAMES_USE ? bit_of(entry) : 0;
    }
    return status;
}

status_t names_on_withdraw(const struct interface_request *request, uint64_t client)
{
    if (request->in.badge != BADGE_SUPERVISOR) {
        return ERR_NO_RIGHTS;
    }
    for (unsigned i = 0; i < NAMES_MAX; i++) {
        if (names[i].owner == client) {
            forget_server(&names[i]);
        }
    }
    return OK;
}

/* What it served is withdrawn before. Its waits are gone with it: nobody is left to answer to. */
status_t names_on_dismiss(const struct interface_request *request, uint64_t client)
{
    struct client *who = find_client(client);

    if (request->in.badge != BADGE_SUPERVISOR) {
        return ERR_NO_RIGHTS;
    }
    if (client != 0 && who != NULL) {
        *who = (struct client){0};
    }
    return OK;
}

static status_t set_server(struct name *name, const struct client *client, uint64_t server)
{
    if (name->owner != 0 && name->owner != client->badge) {
        return ERR_EXISTS; /* R1 */
    }
    forget_server(name);
    name->owner = client->badge;
    name->server = server;
    answer_waits(name);
    return OK;
}

status_t names_on_register(const struct interface_request *request, const char *name,
                           uint64_t server)
{
    struct client *client;
    struct name *entry;
    status_t status = look_up(request, name, NAMES_OFFER, &client, &entry);

    return status == OK ? set_server(entry, client, server) : status;
}

status_t names_on_offer(const struct interface_request *request, uint64_t client, const char *name,
                        uint64_t server)
{
    struct client *who;
    struct name *entry;
    status_t status = introduce(request, client, name, &who, &entry);

    return status == OK ? set_server(entry, who, server) : status;
}

status_t names_on_find(const struct interface_request *request, const char *name,
                       uint64_t *out_server)
{
    struct client *client;
    struct name *entry;
    status_t status = look_up(request, name, NAMES_USE, &client, &entry);

    if (status == OK && entry->owner == 0) {
        status = ERR_NOT_FOUND;
    }
    return status == OK ? make_handle(entry, client, out_server) : status;
}

status_t names_on_wait(const struct interface_request *request, const char *name)
{
    struct client *client;
    struct name *entry;
    status_t status = look_up(request, name, NAMES_USE, &client, &entry);
    unsigned place = 0;

    if (status != OK) {
        return status;
    }
    while (place < WAITS_PER_CLIENT && client->wait[place].token != 0) {
        place++;
    }
    if (place == WAITS_PER_CLIENT) { /* R3 */
        (void)names_wait_answer(requests, client->wait[0].token, ERR_BUSY, HANDLE_NONE);
        drop_wait(client, 0);
        place--;
    }
    client->wait[place] = (struct wait){request->in.token, entry};
    if (entry->owner != 0) {
        answer_waits(entry);
    }
    return OK;
}

int main(int argc, char **argv)
{
    static char buffer[NAMES_RECEIVES];
    static const struct interface *const interfaces[] = {&names_interface, &lifecycle_interface};

    (void)argc;
    (void)argv;
    requests = program_handle("requests");
    const struct interface_server server = {requests, 2, interfaces, buffer, sizeof(buffer), NULL};
    interface_serve(&server);
}
