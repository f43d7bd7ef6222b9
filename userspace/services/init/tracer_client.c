/* SPDX-License-Identifier: MIT */
/* Asking the trace consumer to finish. */
#include "userspace/services/init/tracer_client.h"

#include <stdint.h>
#include <stdio.h>

#include "userspace/lib/clock.h"
#include "userspace/lib/message.h"
#include "userspace/services/init/supervisor.h"
#include "userspace/services/tracer/protocol.h"

#define END_TIME_MAX (120 * NS_PER_S) /* a full region through an emulated serial port */

void tracer_end(void)
{
    struct message request = {.label = TRACER_END};
    uint64_t mailbox;
    status_t status = supervisor_mailbox_of("tracer", &mailbox);

    if (status == ERR_NOT_FOUND) {
        return;
    }
    if (status != OK) {
        printf("init: the tracer has ended\n");
        return;
    }
    status = message_call(mailbox, &request, clock_now() + END_TIME_MAX);
    if (status == OK) {
        status = (status_t)message_label(&request);
    }
    (void)sys_handle_close(mailbox);
    printf("init: trace %s\n", status == OK ? "complete" : status_name(status));
}
