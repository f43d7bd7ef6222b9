/* SPDX-License-Identifier: MIT */
/* A service as its supervisor has it: the process, its mailbox, the threads that wait for it. No policy. */
#pragma once

#include <stdbool.h>

#include "kernel/abi/services.h"
#include "userspace/lib/thread.h"
#include "userspace/services/init/manifest.h"

/* All of the supervisor's thread but where another is named. */
struct service {
    const struct manifest_service *entry; /* constant */
    struct service_row *row;              /* what kdebug sees */
    uint64_t mailbox;      /* every right but to receive; the supervisor's badge; or HANDLE_NONE */
    uint64_t dma;          /* memory of its devices, from its first start on, or HANDLE_NONE */
    struct thread waiter;  /* of a process: tells when it has ended */
    struct thread stopper; /* asks it to stop, which may take as long as it likes */
    bool has_stopper;
    bool is_late; /* it has been killed because it did not stop in time */
};

/* The table, services[i].row being service_table.row[i]. */
extern struct service services[SERVICES_MAX];
extern struct service_table service_table;

/* Programs come behind all services. */
#define PROGRAM_BADGE_FIRST (SERVICE_BADGE_FIRST + SERVICES_MAX)

/* services_init() - a row for each service of the manifest. @supervisor  the mailbox that waiters tell, every right but to receive */
void services_init(uint64_t supervisor);

/* service_named() - NULL: there is none. */
struct service *service_named(const char *name);

unsigned service_index(const struct service *service);
uint64_t service_badge(const struct service *service);
bool service_has(const struct service *service, enum manifest_flag flag);
bool service_is_alive(const struct service *service);

/* service_set_state() - and the time; due_ns: when something is to be done, 0 never. */
void service_set_state(struct service *service, enum service_state state, uint64_t due_ns);

/* service_launch() - a new process and a new mailbox. On an error nothing is left behind. */
status_t service_launch(struct service *service);

/* service_ask_to_stop() - by lifecycle.stop, from a thread of its own; without a mailbox it is killed. */
void service_ask_to_stop(struct service *service);

/* service_kill() - now. */
void service_kill(struct service *service);

/* service_bury() - its process has ended: give back what belonged to it. */
void service_bury(struct service *service);
