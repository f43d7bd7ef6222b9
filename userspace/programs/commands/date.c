/* SPDX-License-Identifier: MIT */
/* date: prints the date and time, in UTC. */
#include <stdio.h>

#include "gen/interface/time_client.h"
#include "userspace/drivers/rtc/rtc.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/programs/commands/command.h"

#define PATIENCE (20 * NS_PER_S)

int main(int argc, char **argv)
{
    uint64_t service, utc, deadline = clock_now() + PATIENCE;

    (void)argv;
    if (argc != 1) {
        command_usage();
    }
    status_t status = service_find("time", deadline, &service);
    if (status == OK) {
        status = time_now(service, deadline, &utc);
    }
    if (status != OK) {
        return command_fail("time", status);
    }
    struct rtc_date date = rtc_date(utc / NS_PER_S);
    printf("%04u-%02u-%02u %02u:%02u:%02u UTC\n", date.year, date.month, date.day, date.hour,
           date.minute, date.second);
    return 0;
}
