/* SPDX-License-Identifier: MIT */
/* Lines for the log service: see log.h. */
#include "userspace/lib/log.h"

#include <stdarg.h>
#include <stdbool.h>

#include "gen/interface/log_client.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/lib/format.h"

#define SERVICE  "log"
#define PATIENCE (20 * NS_PER_S)

static uint64_t service;

uint64_t log_area(const char *name)
{
    uint64_t area = 0;

    for (unsigned i = 0; i < LOG_AREA_LETTERS && name[i] != '\0'; i++) {
        area |= (uint64_t)(uint8_t)name[i] << 8 * i;
    }
    return area;
}

status_t log_connect(uint64_t deadline)
{
    return service_find(SERVICE, deadline, &service);
}

/* True: another one is there, to be asked the same. */
static bool is_back(status_t status)
{
    return status == ERR_PEER_CLOSED &&
           service_find_again(SERVICE, clock_now() + PATIENCE, &service) == OK;
}

status_t log_line(enum log_level level, const char *area, const char *format, ...)
{
    char text[LOG_WRITE_TEXT_MAX + 1];
    uint64_t cpu = 0, cpus, thread = 0, now = clock_now();
    va_list args;
    status_t status;

    (void)sys_cpu_info(&cpu, &cpus);
    (void)sys_thread_self(&thread);
    va_start(args, format);
    (void)format_text_v(text, sizeof(text), format, args);
    va_end(args);
    do {
        status = log_write(service, text, log_area(area), level, now, (uint32_t)cpu,
                           (uint32_t)thread, DEADLINE_FOREVER);
    } while (is_back(status));
    return status;
}

status_t log_limit(const char *area, enum log_level level)
{
    status_t status;

    do {
        status = log_set_level(service, log_area(area), level, DEADLINE_FOREVER);
    } while (is_back(status));
    return status;
}
