/* SPDX-License-Identifier: MIT */
/* line: sends back what comes through the service serial, until so many bytes have come; also across ends of the service. bytes=N */
#include "gen/interface/serial_client.h"
#include "userspace/lib/check.h"
#include "userspace/lib/find.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/stdio.h"

static uint64_t service;

/* The one that answers: what is found at first may be the one that has just ended. */
static void find_again(void)
{
    uint64_t received, sent, overruns, dropped;

    do {
        must(service_find_again("serial", DEADLINE_FOREVER, &service));
    } while (serial_count(service, DEADLINE_FOREVER, &received, &sent, &overruns, &dropped) ==
             ERR_PEER_CLOSED);
}

/* Returns how many bytes came and went. */
static uint64_t send_back(void)
{
    static char data[SERIAL_READ_DATA_MAX];
    uint64_t bytes = 0;
    status_t status = serial_read(service, DEADLINE_FOREVER, data, sizeof(data), &bytes);

    if (status == ERR_PEER_CLOSED) {
        find_again();
        report("ready again");
        return 0;
    }
    must(status);
    status = serial_write(service, data, bytes, DEADLINE_FOREVER);
    if (status == ERR_PEER_CLOSED) { /* it may have sent them */
        find_again();
        report("ready again");
        return bytes;
    }
    must(status);
    return bytes;
}

int main(int argc, char **argv)
{
    uint64_t received, sent, overruns, dropped, left = option_u64("bytes", 1);

    (void)argc;
    (void)argv;
    must(service_find("serial", DEADLINE_FOREVER, &service));
    report("ready");
    while (left > 0) {
        uint64_t bytes = send_back();
        left = left > bytes ? left - bytes : 0;
    }
    must(serial_count(service, DEADLINE_FOREVER, &received, &sent, &overruns, &dropped));
    report("received %lu, lost %lu and %lu", received, overruns, dropped);
    return overruns == 0 && dropped == 0 ? 0 : 1;
}
