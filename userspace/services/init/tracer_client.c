/* SPDX-License-Identifier: MIT */
/* Starting the trace consumer and asking it to finish. */
#include "userspace/services/init/tracer_client.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "gen/objects.h"
#include "userspace/services/init/manifest.h"
#include "userspace/services/tracer/protocol.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/message.h"
#include "userspace/lib/option.h"
#include "userspace/lib/spawn.h"

#define END_TIME_MAX (120 * NS_PER_S) /* a full region through an emulated serial port */

static uint64_t tracer_process; /* HANDLE_NONE: there is none */
static uint64_t tracer_mailbox; /* right send */

static status_t start_with(uint64_t mailbox)
{
    struct spawn_grant grants[MANIFEST_GRANTS_MAX + 1];
    unsigned count = manifest_grants("tracer", grants);
    char port[32];
    const char *const args[] = {port};
    const struct spawn spawn = {
        .name = "tracer", .args = args, .arg_count = 1, .grants = grants, .grant_count = count + 1};
    struct program_file file;

    snprintf(port, sizeof(port), "port=%s", option_text("tracer_port", "auto"));
    grants[count] = (struct spawn_grant){"requests", mailbox, 0, RIGHTS_MAILBOX};
    status_t status = program_open("tracer", &file);
    return status == OK ? program_spawn(&file, &spawn, &tracer_process) : status;
}

void tracer_start(void)
{
    uint64_t mailbox;
    status_t status = sys_mailbox_create("tracer", strlen("tracer"), &mailbox);

    if (status == OK) {
        status = sys_handle_duplicate(mailbox, RIGHT_MAILBOX_SEND, 0, &tracer_mailbox);
    }
    if (status == OK) {
        status = start_with(mailbox);
    }
    if (status != OK) {
        printf("init: no tracer: %s\n", status_name(status));
        return;
    }
    (void)sys_handle_close(mailbox); /* only the tracer receives */
    (void)sys_process_resident(program_handle("system"), tracer_process);
}

void tracer_end(void)
{
    struct message request = {.label = TRACER_END};
    uint64_t code, fault;

    if (tracer_process == HANDLE_NONE) {
        return;
    }
    if (sys_process_wait(tracer_process, DEADLINE_POLL, &code, &fault) == OK) {
        printf("init: the tracer has ended, code=%lu fault=%lu\n", code, fault);
        return;
    }
    status_t status = message_call(tracer_mailbox, &request, clock_now() + END_TIME_MAX);
    if (status == OK) {
        status = (status_t)message_label(&request);
    }
    printf("init: trace %s\n", status == OK ? "complete" : status_name(status));
}
