/* SPDX-License-Identifier: MIT */
/*
 * The directory: the name service as its supervisor uses it.
 *
 * That service may end at any moment. Then calls give ERR_PEER_CLOSED and nothing is lost: the next one is told everything that is
 * known here. One that does not answer is ended, so that no program can be held up by it for ever.
 */
#include "userspace/services/init/directory.h"

#include <stdio.h>

#include "gen/interface/names_client.h"
#include "userspace/lib/clock.h"
#include "userspace/services/names/access.h"

#define NAMES        "names"
#define ANSWER_LIMIT (20 * NS_PER_S)
#define CLIENTS_MAX  64u

static struct client clients[CLIENTS_MAX];
static unsigned client_count;

static struct service *name_service(void)
{
    struct service *names = service_named(NAMES);

    return names != NULL && names->mailbox != HANDLE_NONE ? names : NULL;
}

static uint64_t answer_deadline(void)
{
    return clock_now() + ANSWER_LIMIT;
}

static void take_answer(status_t status)
{
    struct service *names = name_service();

    if (status == ERR_TIMED_OUT && names != NULL) {
        printf("init: the name service does not answer\n");
        service_kill(names);
    } else if (status != OK && status != ERR_PEER_CLOSED) {
        printf("init: name service: %s\n", status_name(status));
    }
}

static void admit(const struct client *client)
{
    const struct service *names = name_service();

    for (unsigned i = 0; names != NULL && i < service_table.count; i++) {
        if ((client->needs >> i & 1) != 0 && service_has(&services[i], MANIFEST_NAMED)) {
            take_answer(names_admit(names->mailbox, client->badge, NAMES_USE,
                                    services[i].entry->name, answer_deadline()));
        }
    }
}

static void offer(const struct service *service)
{
    const struct service *names = name_service();

    if (names != NULL && service != names && service_has(service, MANIFEST_NAMED)) {
        take_answer(names_offer(names->mailbox, service_badge(service), service->entry->name,
                                service->mailbox, answer_deadline()));
    }
}

static void tell_everything(void)
{
    for (unsigned i = 0; i < client_count; i++) {
        admit(&clients[i]);
    }
    for (unsigned i = 0; i < service_table.count; i++) {
        if (service_is_alive(&services[i])) {
            offer(&services[i]);
        }
    }
}

void directory_add_client(struct client client)
{
    if (directory_client(client.badge) == NULL && client_count < CLIENTS_MAX) {
        clients[client_count++] = client;
        admit(&client);
    }
}

void directory_remove_client(uint64_t badge)
{
    const struct service *names = name_service();

    for (unsigned i = 0; i < client_count; i++) {
        if (clients[i].badge == badge) {
            clients[i] = clients[--client_count];
            if (names != NULL) {
                take_answer(names_dismiss(names->mailbox, badge, answer_deadline()));
            }
            return;
        }
    }
}

const struct client *directory_client(uint64_t badge)
{
    for (unsigned i = 0; i < client_count; i++) {
        if (clients[i].badge == badge) {
            return &clients[i];
        }
    }
    return NULL;
}

void directory_publish(const struct service *service)
{
    if (service == name_service()) {
        tell_everything();
    } else {
        offer(service);
    }
}

void directory_withdraw(const struct service *service)
{
    const struct service *names = name_service();

    if (names != NULL && service != names && service_has(service, MANIFEST_NAMED)) {
        take_answer(names_withdraw(names->mailbox, service_badge(service), answer_deadline()));
    }
}

status_t directory_handle(const struct client *client, uint64_t *out)
{
    const struct service *names = name_service();

    if (names == NULL) {
        const struct service *known = service_named(NAMES);

        return known != NULL && known->row->state == SERVICE_WAITING ? ERR_BUSY : ERR_NOT_FOUND;
    }
    return sys_handle_duplicate(names->mailbox, RIGHT_MAILBOX_SEND | RIGHT_TRANSFER, client->badge,
                                out);
}
