/* SPDX-License-Identifier: MIT */
/*
 * init: starts services as the manifest says (supervisor.h) and the workloads named on the kernel's command line, and says
 * how they ended.
 *
 *   workload=LIST   what to run (workload.h); without it the demo set; "none" for nothing
 *   sequential      one program after the other
 *   quiet           programs print verdicts only
 *   tracer=0        no trace consumer          tracer_port=virtio|com2|auto
 *   pager=PAGES     start the pager, which may take so many
 *   services=LIST   services to start though nobody needs them
 *   env.NAME=VALUE  a variable of the environment of all programs
 *   poweroff        stop the services and switch the machine off at the end; else init stays and waits
 */
#include <stdio.h>
#include <string.h>

#include "kernel/abi/init.h"
#include "userspace/lib/check.h"
#include "userspace/lib/message.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/services/init/supervisor.h"
#include "userspace/services/init/tracer_client.h"
#include "userspace/services/init/workload.h"

#define POWER_OFF 0u

static _Noreturn void wait_forever(void)
{
    uint64_t mailbox;

    must(sys_mailbox_create("init", strlen("init"), &mailbox));
    for (;;) {
        struct message request = {0};

        must(message_receive(mailbox, &request, DEADLINE_FOREVER));
        request.label = (uint32_t)ERR_NOT_SUPPORTED;
        must(message_reply(mailbox, &request));
    }
}

int main(int argc, char **argv)
{
    char list[INIT_CMDLINE_BYTES];

    (void)argc;
    (void)argv;
    /* Whatever becomes of a pager, this process goes on; and what a pager needs is started again when memory is short. */
    must(sys_process_resident(program_handle("system"), program.self));
    must(sys_process_reserve(program_handle("system"), program.self));
    supervisor_start_all();
    string_copy(list, option_text("workload", "demo"), sizeof(list));
    report("workload %s", list);
    if (strcmp(list, "none") == 0) {
        list[0] = '\0';
    }
    struct workload_totals totals = workload_run(list, option_flag("sequential"));
    printf("init: all done: %u passed, %u failed\n", totals.passed, totals.failed);
    if (option_flag("poweroff")) {
        supervisor_stop_all();
    }
    tracer_end();
    if (option_flag("poweroff")) {
        status_t status = sys_system_power(program_handle("system"), POWER_OFF);
        printf("init: power off: %s\n", status_name(status));
    }
    wait_forever();
}
