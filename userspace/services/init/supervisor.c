/* SPDX-License-Identifier: MIT */
/*
 * The supervisor.
 *
 * One thread owns the table and does one thing after the other: requests, ends of processes (which arrive as requests of the threads
 * that wait for them), and what is due. So there are no locks, and nothing here waits for a service but for the name service.
 *
 *     IDLE --start--> RUNNING --stop--> STOPPING --end--> STOPPED
 *                       |  ^                  (killed when it takes too long)
 *       ends, failed    |  | due
 *                       v  |
 *                     WAITING --too often--> GIVEN_UP        ends with code 0: ENDED
 *
 *   V1  A service is started after those that it needs, and stopped by a shutdown only when none is alive that needs it.
 *   V2  The n-th failure in a row is followed by a start after backoff_ms * 2^(n-1), at most BACKOFF_MAX; the one after `restarts`
 *       of them by none. A process that lived for CALM begins a new row.
 *   V3  After a shutdown has begun nothing is started.
 *   V4  Whoever asks to be told (await) is told, or gets ERR_BUSY when WAITS_MAX others ask.
 */
#include "userspace/services/init/supervisor.h"

#include <stdio.h>
#include <string.h>

#include "gen/interface/supervisor_client.h"
#include "gen/interface/supervisor_server.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/option.h"
#include "userspace/lib/service.h"
#include "userspace/services/init/directory.h"
#include "userspace/services/init/running.h"
#include "userspace/services/init/service_trace.h"

#define BACKOFF_MAX (1 * NS_PER_S)
#define CALM        (60 * NS_PER_S)
#define WAITS_MAX   8u

struct wait {
    uint64_t token; /* 0: a free place */
    const struct service *service;
    uint32_t state, starts;
};

static struct wait waits[WAITS_MAX];
static uint64_t requests;       /* right receive: the supervisor's thread alone */
static uint64_t own;            /* every right but to receive; badge BADGE_SUPERVISOR */
static uint64_t shutdown_token; /* of who waits for the end of a shutdown */
static bool is_shutting_down;

/* ---- who waits to be told ---- */

static bool is_reached(const struct wait *wait)
{
    return wait->service->row->state == wait->state && wait->service->row->starts >= wait->starts;
}

static void answer_waits(const struct service *service)
{
    for (unsigned i = 0; i < WAITS_MAX; i++) {
        if (waits[i].token != 0 && waits[i].service == service && is_reached(&waits[i])) {
            (void)supervisor_await_answer(requests, waits[i].token, OK, service->row->state,
                                          service->row->starts);
            waits[i].token = 0;
        }
    }
}

static void enter_state(struct service *service, enum service_state state, uint64_t due_ns)
{
    service_set_state(service, state, due_ns);
    answer_waits(service);
}

/* ---- starting, and starting again ---- */

static void write_end(const struct service *service, char *text, size_t bytes)
{
    if (service->row->fault != 0) {
        snprintf(text, bytes, "exception=%u", service->row->fault - 1);
    } else {
        snprintf(text, bytes, "code=%u", service->row->code);
    }
}

static uint64_t backoff_ns(const struct service *service)
{
    uint64_t ns = service->entry->backoff_ms * NS_PER_MS;

    for (unsigned i = 1; i < service->row->failures && ns < BACKOFF_MAX; i++) {
        ns *= 2;
    }
    return ns < BACKOFF_MAX ? ns : BACKOFF_MAX;
}

/* V2. @why  what became of it */
static void plan_restart(struct service *service, const char *why)
{
    struct service_row *row = service->row;
    const char *name = service->entry->name;

    if (clock_now() - row->since_ns >= CALM) {
        row->failures = 0;
    }
    row->failures++;
    if (is_shutting_down) {
        enter_state(service, SERVICE_STOPPED, 0);
    } else if (row->failures > service->entry->restarts) {
        printf("init: service %s: %s, given up after %u starts\n", name, why, row->starts);
        service_trace_action(service, SERVICE_ACTION_GIVE_UP);
        enter_state(service, SERVICE_GIVEN_UP, 0);
    } else {
        uint64_t pause = backoff_ns(service);

        printf("init: service %s: %s, again in %lu ms (%u of %u)\n", name, why, pause / NS_PER_MS,
               row->failures, service->entry->restarts);
        enter_state(service, SERVICE_WAITING, clock_now() + pause);
    }
}

static void launch(struct service *service)
{
    char why[48];
    status_t status = service_launch(service);

    if (status != OK) {
        service_set_state(service, service->row->state, 0);
        snprintf(why, sizeof(why), "start=%s", status_name(status));
        plan_restart(service, why);
        return;
    }
    service_trace_action(service, SERVICE_ACTION_START);
    const struct client client = {service_badge(service), service->entry->needs,
                                  service->entry->flags & MANIFEST_STARTS};
    directory_add_client(client);
    directory_publish(service);
    enter_state(service, SERVICE_RUNNING, 0);
}

static void start_needed(uint32_t needs);

/* V1, V3 */
static void start(struct service *service)
{
    if (!is_shutting_down && !service_is_alive(service) && service->row->state != SERVICE_WAITING) {
        start_needed(service->entry->needs);
        service->row->failures = 0;
        launch(service);
    }
}

/* Each needs only services before it, so this comes to an end. */
static void start_needed(uint32_t needs)
{
    for (unsigned i = 0; i < service_table.count; i++) {
        enum service_state state = service_table.row[i].state;

        if ((needs >> i & 1) != 0 && state != SERVICE_ENDED && state != SERVICE_GIVEN_UP) {
            start(&services[i]);
        }
    }
}

/* ---- stopping ---- */

static void stop(struct service *service)
{
    service_trace_action(service, SERVICE_ACTION_STOP);
    enter_state(service, SERVICE_STOPPING, clock_now() + service->entry->stop_ms * NS_PER_MS);
    service_ask_to_stop(service);
}

/* V1: what is needed stands before those that need it, so the last one alive is needed by nobody. */
static void go_on_shutting_down(void)
{
    for (unsigned i = service_table.count; i-- > 0;) {
        struct service *service = &services[i];

        if (service->row->state == SERVICE_WAITING) {
            enter_state(service, SERVICE_STOPPED, 0);
        }
        if (service_is_alive(service) && !service_has(service, MANIFEST_KEEP)) {
            if (service->row->state != SERVICE_STOPPING) {
                stop(service);
            }
            return;
        }
    }
    printf("init: all services have been stopped\n");
    (void)supervisor_shutdown_answer(requests, shutdown_token, OK);
    shutdown_token = 0;
}

/* ---- ends ---- */

static void finish_stop(struct service *service)
{
    printf("init: service %s: stopped%s\n", service->entry->name,
           service->is_late ? ", killed because it did not in time" : "");
    enter_state(service, SERVICE_STOPPED, 0);
}

static void take_end(struct service *service)
{
    char why[48];

    service_trace_action(service, SERVICE_ACTION_EXIT);
    directory_withdraw(service);
    running_end_of(service_badge(service));
    service_bury(service);
    if (service->row->state == SERVICE_STOPPING) {
        finish_stop(service);
    } else if (service->row->code == 0 && service->row->fault == 0) {
        enter_state(service, SERVICE_ENDED, 0);
    } else {
        write_end(service, why, sizeof(why));
        plan_restart(service, why);
    }
    if (shutdown_token != 0) {
        go_on_shutting_down();
    }
}

/* ---- what is due ---- */

static uint64_t next_due(void)
{
    uint64_t next = DEADLINE_FOREVER;

    for (unsigned i = 0; i < service_table.count; i++) {
        uint64_t due = service_table.row[i].due_ns;

        next = due != 0 && due < next ? due : next;
    }
    return next;
}

static void do_due(void)
{
    uint64_t now = clock_now();

    for (unsigned i = 0; i < service_table.count; i++) {
        struct service *service = &services[i];

        if (service->row->due_ns == 0 || service->row->due_ns > now) {
            continue;
        }
        service->row->due_ns = 0;
        if (service->row->state == SERVICE_WAITING) {
            service_trace_action(service, SERVICE_ACTION_RESTART);
            launch(service);
        } else if (service->row->state == SERVICE_STOPPING) {
            service->is_late = true;
            service_kill(service);
        }
    }
}

/* ---- requests ---- */

static bool is_init(const struct interface_request *request)
{
    return request->in.badge == BADGE_SUPERVISOR;
}

/* Who may stop, start and kill; and the service. */
static status_t find_controlled(const struct interface_request *request, const char *name,
                                struct service **out)
{
    const struct client *client = directory_client(request->in.badge);

    *out = service_named(name);
    if (!is_init(request) && (client == NULL || (client->flags & MANIFEST_CONTROLS) == 0)) {
        return ERR_NO_RIGHTS;
    }
    return *out != NULL ? OK : ERR_NOT_FOUND;
}

status_t supervisor_on_names(const struct interface_request *request, uint64_t *out_server)
{
    const struct client *client = directory_client(request->in.badge);

    return client != NULL ? directory_handle(client, out_server) : ERR_NO_RIGHTS;
}

status_t supervisor_on_status(const struct interface_request *request, const char *name,
                              uint32_t *out_state, uint32_t *out_starts)
{
    const struct service *service = service_named(name);

    (void)request;
    if (service == NULL) {
        return ERR_NOT_FOUND;
    }
    *out_state = service->row->state;
    *out_starts = service->row->starts;
    return OK;
}

status_t supervisor_on_describe(const struct interface_request *request, uint32_t index, void *name,
                                uint64_t *out_name_bytes, uint32_t *out_state, uint32_t *out_starts)
{
    (void)request;
    if (index >= service_table.count) {
        return ERR_NOT_FOUND;
    }
    const struct service_row *row = &service_table.row[index];
    *out_name_bytes = strlen(row->name);
    memcpy(name, row->name, *out_name_bytes);
    *out_state = row->state;
    *out_starts = row->starts;
    return OK;
}

status_t supervisor_on_await(const struct interface_request *request, uint32_t state,
                             uint32_t starts, const char *name)
{
    const struct service *service = service_named(name);

    if (service == NULL) {
        return ERR_NOT_FOUND;
    }
    for (unsigned i = 0; i < WAITS_MAX; i++) {
        if (waits[i].token == 0) {
            waits[i] = (struct wait){request->in.token, service, state, starts};
            answer_waits(service);
            return OK;
        }
    }
    return ERR_BUSY; /* V4 */
}

status_t supervisor_on_start(const struct interface_request *request, const char *name)
{
    struct service *service;
    status_t status = find_controlled(request, name, &service);

    if (status == OK && is_shutting_down) {
        status = ERR_BUSY;
    }
    if (status == OK) {
        start(service);
    }
    return status;
}

status_t supervisor_on_stop(const struct interface_request *request, const char *name)
{
    struct service *service;
    status_t status = find_controlled(request, name, &service);

    if (status != OK) {
        return status;
    }
    if (service->row->state == SERVICE_WAITING) {
        enter_state(service, SERVICE_STOPPED, 0);
    } else if (service->row->state != SERVICE_RUNNING) {
        return ERR_BUSY;
    } else {
        stop(service);
    }
    return OK;
}

status_t supervisor_on_kill(const struct interface_request *request, const char *name)
{
    struct service *service;
    status_t status = find_controlled(request, name, &service);

    if (status == OK && !service_is_alive(service)) {
        status = ERR_BUSY;
    }
    if (status == OK) {
        service_kill(service);
    }
    return status;
}

status_t supervisor_on_end(const struct interface_request *request, uint64_t process)
{
    const struct client *client = directory_client(request->in.badge);
    uint64_t id;

    if (client == NULL || (client->flags & MANIFEST_CONTROLS) == 0) {
        return ERR_NO_RIGHTS;
    }
    for (unsigned i = 0; i < manifest_service_count(); i++) {
        if (service_is_alive(&services[i]) && sys_process_id(services[i].row->process, &id) == OK &&
            id == process) {
            return ERR_NOT_SUPPORTED;
        }
    }
    return running_end(process);
}

status_t supervisor_on_shutdown(const struct interface_request *request)
{
    const struct client *client = directory_client(request->in.badge);

    if (!is_init(request) && (client == NULL || (client->flags & MANIFEST_CONTROLS) == 0)) {
        return ERR_NO_RIGHTS;
    }
    if (shutdown_token != 0) {
        return ERR_BUSY;
    }
    is_shutting_down = true;
    shutdown_token = request->in.token;
    running_end_all(request->in.badge);
    go_on_shutting_down();
    return OK;
}

status_t supervisor_on_enter(const struct interface_request *request, uint64_t client,
                             uint32_t needs, uint32_t flags)
{
    if (!is_init(request)) {
        return ERR_NO_RIGHTS;
    }
    start_needed(needs);
    directory_add_client((struct client){client, needs, flags});
    return OK;
}

status_t supervisor_on_ended(const struct interface_request *request, uint32_t index, uint64_t code,
                             uint32_t fault)
{
    if (!is_init(request) || index >= service_table.count) {
        return ERR_NO_RIGHTS;
    }
    services[index].row->code = (uint32_t)code;
    services[index].row->fault = fault;
    take_end(&services[index]);
    return OK;
}

status_t supervisor_on_mailbox(const struct interface_request *request, const char *name,
                               uint64_t *out_service_box)
{
    const struct service *service = service_named(name);

    if (!is_init(request)) {
        return ERR_NO_RIGHTS;
    }
    if (service == NULL || service->row->starts == 0) {
        return ERR_NOT_FOUND;
    }
    if (service->mailbox == HANDLE_NONE) {
        return ERR_PEER_CLOSED;
    }
    return sys_handle_duplicate(service->mailbox, RIGHT_MAILBOX_SEND | RIGHT_TRANSFER, 0,
                                out_service_box);
}

static void supervise(void *unused)
{
    static char buffer[SUPERVISOR_RECEIVES], answer[SERVICES_NAME_BYTES];
    static const struct interface *const interfaces[] = {&supervisor_interface};
    const struct interface_server server = {requests,       1,     interfaces, buffer,
                                            sizeof(buffer), answer};

    (void)unused;
    for (;;) {
        status_t status = interface_serve_one(&server, next_due());

        if (status != OK && status != ERR_TIMED_OUT) {
            check_failed(status, "supervise");
        }
        do_due();
    }
}

/* ---- what init asks ---- */

static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);

    while (list != NULL) {
        if (strncmp(list, name, length) == 0 && (list[length] == ',' || list[length] == '\0')) {
            return true;
        }
        list = strchr(list, ',');
        list = list != NULL ? list + 1 : NULL;
    }
    return false;
}

static bool is_wanted(const struct service *service)
{
    const char *option = service->entry->option;

    if (option[0] != '\0' && option_text(option, NULL) != NULL) {
        return option_u64(option, 1) != 0;
    }
    return service_has(service, MANIFEST_ALWAYS) ||
           is_listed(option_text("services", NULL), service->entry->name);
}

void supervisor_start_all(void)
{
    static struct thread thread;
    const uint32_t rights =
        RIGHT_MAILBOX_SEND | RIGHT_MAILBOX_BADGE | RIGHT_DUPLICATE | RIGHT_TRANSFER;
    status_t status = manifest_open();

    if (status != OK) {
        printf("init: no manifest: %s\n", status_name(status));
    }
    must(sys_mailbox_create("supervisor", strlen("supervisor"), &requests));
    must(sys_handle_duplicate(requests, rights, BADGE_SUPERVISOR, &own));
    services_init(own);
    must(thread_start(&thread, supervise, NULL, THREAD_ANYWHERE, "supervisor"));
    for (unsigned i = 0; i < service_table.count; i++) {
        if (is_wanted(&services[i])) {
            must(supervisor_start(own, services[i].entry->name, DEADLINE_FOREVER));
        }
    }
}

/* Whether a program has anything to say to us. */
static bool speaks(const struct manifest_program *listed)
{
    return listed != NULL &&
           (listed->needs != 0 || (listed->flags & (MANIFEST_CONTROLS | MANIFEST_STARTS)) != 0);
}

static unsigned grant(const struct manifest_program *listed, uint64_t badge,
                      struct spawn_grant *out)
{
    unsigned count = 0;

    if (listed != NULL) {
        count = manifest_grants(listed->first_grant, listed->grant_count, out);
    }
    if (speaks(listed)) {
        out[count++] = (struct spawn_grant){"supervisor", own, badge, RIGHT_MAILBOX_SEND};
    }
    return count;
}

unsigned supervisor_enter_program(const char *name, unsigned number, struct spawn_grant *out)
{
    const struct manifest_program *listed = manifest_program(name);
    uint64_t badge = PROGRAM_BADGE_FIRST + number;

    if (speaks(listed)) {
        must(supervisor_enter(own, badge, listed->needs, listed->flags, DEADLINE_FOREVER));
    }
    return grant(listed, badge, out);
}

unsigned supervisor_admit(const struct manifest_program *listed, uint64_t badge,
                          struct spawn_grant *out)
{
    if (speaks(listed)) {
        start_needed(listed->needs);
        directory_add_client((struct client){badge, listed->needs, listed->flags});
    }
    return grant(listed, badge, out);
}

bool supervisor_is_ending(void)
{
    return is_shutting_down;
}

void supervisor_stop_all(void)
{
    must(supervisor_shutdown(own, DEADLINE_FOREVER));
}

status_t supervisor_mailbox_of(const char *name, uint64_t *out)
{
    return supervisor_mailbox(own, name, DEADLINE_FOREVER, out);
}
