/* SPDX-License-Identifier: MIT */
/*
 * Processes of services. Each has a mailbox that dies with it: whoever waits for an answer gets ERR_PEER_CLOSED and finds the
 * next one by name. The supervisor's handle has no right to receive, or the mailbox would outlive its service.
 */
#include "userspace/services/init/service.h"

#include <string.h>

#include "gen/interface/lifecycle_client.h"
#include "gen/interface/supervisor_client.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/service.h"
#include "userspace/services/init/service_trace.h"

#define CODE_KILLED 9u

#define RIGHTS_OFFERED (RIGHT_MAILBOX_SEND | RIGHT_MAILBOX_BADGE | RIGHT_DUPLICATE | RIGHT_TRANSFER)
#define RIGHTS_DMA     (RIGHT_AREA_READ | RIGHT_AREA_WRITE | RIGHT_AREA_PHYSICAL)

struct service services[SERVICES_MAX];
struct service_table service_table = {.magic = SERVICES_MAGIC};
static uint64_t supervisor_box;

void services_init(uint64_t supervisor)
{
    supervisor_box = supervisor;
    for (unsigned i = 0; i < manifest_service_count(); i++) {
        struct service_row *row = &service_table.row[i];

        services[i] = (struct service){.entry = manifest_service(i), .row = row};
        string_copy(row->name, services[i].entry->name, sizeof(row->name));
        row->needs = services[i].entry->needs;
    }
    service_table.count = manifest_service_count();
}

struct service *service_named(const char *name)
{
    for (unsigned i = 0; i < service_table.count; i++) {
        if (strcmp(services[i].entry->name, name) == 0) {
            return &services[i];
        }
    }
    return NULL;
}

unsigned service_index(const struct service *service)
{
    return (unsigned)(service - services);
}

uint64_t service_badge(const struct service *service)
{
    return SERVICE_BADGE_FIRST + service_index(service);
}

bool service_has(const struct service *service, enum manifest_flag flag)
{
    return (service->entry->flags & flag) != 0;
}

bool service_is_alive(const struct service *service)
{
    return service->row->process != HANDLE_NONE;
}

void service_set_state(struct service *service, enum service_state state, uint64_t due_ns)
{
    service->row->state = state;
    service->row->since_ns = clock_now();
    service->row->due_ns = due_ns;
}

/* ---- waiting for its end ---- */

static void wait_for_end(void *argument)
{
    const struct service *service = argument;
    uint64_t code = 0, fault = 0;

    must(sys_process_wait(service->row->process, DEADLINE_FOREVER, &code, &fault));
    must(supervisor_ended(supervisor_box, service_index(service), code, (uint32_t)fault,
                          DEADLINE_FOREVER));
}

/* ---- starting ---- */

/* The new mailbox: all of it for the service, the right to send for us. */
static status_t create_mailbox(struct service *service, uint64_t *out_whole)
{
    const char *name = service->entry->name;
    status_t status = sys_mailbox_create(name, strlen(name), out_whole);

    if (status != OK) {
        return status;
    }
    status = sys_handle_duplicate(*out_whole, RIGHTS_OFFERED, BADGE_SUPERVISOR, &service->mailbox);
    if (status != OK) {
        (void)sys_handle_close(*out_whole);
    }
    return status;
}

/* Before it has a thread, which could wait for what the pager cannot give before that goes on. */
static status_t make_resident(uint64_t process)
{
    return sys_process_resident(program_handle("system"), process);
}

static status_t give_reserve(uint64_t process)
{
    status_t status = make_resident(process);

    return status == OK ? sys_process_reserve(program_handle("system"), process) : status;
}

static status_t spawn_service(struct service *service, uint64_t whole)
{
    const struct manifest_service *entry = service->entry;
    struct spawn_grant grants[MANIFEST_GRANTS_MAX];
    char text[MANIFEST_ARGUMENTS_MAX][MANIFEST_VALUE_BYTES];
    const char *args[MANIFEST_ARGUMENTS_MAX];
    struct spawn_quota quota;
    unsigned count = manifest_grants(entry->first_grant, entry->grant_count, grants);
    struct program_file file;

    if (whole != HANDLE_NONE) {
        grants[count++] = (struct spawn_grant){"requests", whole, 0, RIGHTS_MAILBOX};
    }
    if (service->dma != HANDLE_NONE) {
        grants[count++] = (struct spawn_grant){"dma", service->dma, 0, RIGHTS_DMA};
    }
    if (entry->needs != 0) {
        grants[count++] = (struct spawn_grant){"supervisor", supervisor_box, service_badge(service),
                                               RIGHT_MAILBOX_SEND};
    }
    const struct spawn spawn = {.name = entry->name,
                                .args = args,
                                .arg_count = manifest_arguments(entry, text, args),
                                .grants = grants,
                                .grant_count = count,
                                .quota = manifest_service_quota(entry, &quota),
                                .prepare = entry->flags & MANIFEST_RESERVE    ? give_reserve
                                           : entry->flags & MANIFEST_RESIDENT ? make_resident
                                                                              : NULL};
    status_t status = program_open(entry->program, &file);
    return status == OK ? program_spawn(&file, &spawn, &service->row->process) : status;
}

static void close_mailbox(struct service *service)
{
    if (service->mailbox != HANDLE_NONE) {
        (void)sys_handle_close(service->mailbox);
        service->mailbox = HANDLE_NONE;
    }
}

/* Never given back: a device may write to it long after the service has ended. */
static status_t create_dma(struct service *service)
{
    if (service->entry->dma == 0 || service->dma != HANDLE_NONE) {
        return OK;
    }
    return sys_area_create(service->entry->dma, AREA_CONTIGUOUS | AREA_BELOW_4G, &service->dma);
}

status_t service_launch(struct service *service)
{
    uint64_t whole = HANDLE_NONE;
    status_t status = create_dma(service);

    service->is_late = false;
    if (status == OK && service_has(service, MANIFEST_MAILBOX)) {
        status = create_mailbox(service, &whole);
    }
    if (status != OK) {
        return status;
    }
    status = spawn_service(service, whole);
    if (whole != HANDLE_NONE) {
        (void)sys_handle_close(whole); /* only the service receives */
    }
    if (status != OK) {
        close_mailbox(service);
        return status;
    }
    service->row->starts++;
    must(thread_start(&service->waiter, wait_for_end, service, THREAD_ANYWHERE,
                      service->entry->name));
    return OK;
}

/* ---- ending ---- */

/* Nothing is lost if it does not listen: it is killed at its deadline, and then this comes back. */
static void ask(void *argument)
{
    const struct service *service = argument;

    (void)lifecycle_stop(service->mailbox, DEADLINE_FOREVER);
}

void service_ask_to_stop(struct service *service)
{
    if (service->mailbox == HANDLE_NONE) {
        service_kill(service);
        return;
    }
    must(thread_start(&service->stopper, ask, service, THREAD_ANYWHERE, service->entry->name));
    service->has_stopper = true;
}

void service_kill(struct service *service)
{
    service_trace_action(service, SERVICE_ACTION_KILL);
    must(sys_process_kill(service->row->process, CODE_KILLED));
}

void service_bury(struct service *service)
{
    thread_join(&service->waiter);
    if (service->has_stopper) {
        thread_join(&service->stopper);
        service->has_stopper = false;
    }
    must(sys_handle_close(service->row->process));
    service->row->process = HANDLE_NONE;
    close_mailbox(service);
}
