/* SPDX-License-Identifier: MIT */
/* What the supervisor tells the name service: who may find whom, and who serves where. */
#pragma once

#include "userspace/services/init/service.h"

/* A program or service that finds others. */
struct client {
    uint64_t badge;
    uint32_t needs; /* a bit for each service */
    uint32_t flags; /* MANIFEST_* */
};

/* directory_add_client() - let a client find what it needs. Told again to every new name service. */
void directory_add_client(struct client client);

/* directory_remove_client() - it has ended, and its badge is never used again. */
void directory_remove_client(uint64_t badge);

/* directory_client() - whom a badge stands for; NULL: nobody known. */
const struct client *directory_client(uint64_t badge);

/* directory_publish() - a service has been started: it is found from now on. If it is the name service, it is told everything. */
void directory_publish(const struct service *service);

/* directory_withdraw() - a service has ended: who looks for it waits for the next one. */
void directory_withdraw(const struct service *service);

/* directory_handle() - a handle of the name service for a client. ERR_BUSY: not just now; ERR_NOT_FOUND: there is none. */
status_t directory_handle(const struct client *client, uint64_t *out);
