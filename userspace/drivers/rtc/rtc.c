/* SPDX-License-Identifier: MIT */
/* Reading the battery-backed clock, which may be just changing. */
#include "userspace/drivers/rtc/rtc.h"

#include <stdbool.h>
#include <string.h>

#include "gen/syscall_user.h"

#define FIRST_PORT 0x70u
#define PORTS      2u /* which register; its value */

#define REG_STATE   0x0au
#define REG_FORM    0x0bu
#define REG_CENTURY 0x32u
#define IS_CHANGING 0x80u /* of the state: for 2 ms at most */

#define TURNS_MAX 100000u

status_t rtc_open(struct rtc *rtc, uint64_t system)
{
    return sys_ports_create(system, FIRST_PORT, PORTS, &rtc->ports);
}

static uint8_t read_register(const struct rtc *rtc, uint8_t reg)
{
    uint64_t value = 0xff;

    (void)sys_ports_write(rtc->ports, 0, 1, reg);
    (void)sys_ports_read(rtc->ports, 1, 1, &value);
    return (uint8_t)value;
}

static bool is_changing(const struct rtc *rtc)
{
    return (read_register(rtc, REG_STATE) & IS_CHANGING) != 0;
}

static struct rtc_registers read_registers(const struct rtc *rtc)
{
    static const uint8_t numbers[] = {0, 2, 4, 7, 8, 9, REG_CENTURY, REG_FORM};
    uint8_t values[sizeof(numbers)];
    struct rtc_registers registers;

    for (unsigned i = 0; i < sizeof(numbers); i++) {
        values[i] = read_register(rtc, numbers[i]);
    }
    memcpy(&registers, values, sizeof(registers));
    return registers;
}

/* Twice the same, with no change announced before: then it did not change in between. */
status_t rtc_read(struct rtc *rtc, uint64_t *out_seconds)
{
    for (unsigned turn = 0; turn < TURNS_MAX; turn++) {
        if (is_changing(rtc)) {
            continue;
        }
        struct rtc_registers first = read_registers(rtc), second = read_registers(rtc);

        if (memcmp(&first, &second, sizeof(first)) == 0) {
            return rtc_seconds(&first, out_seconds);
        }
    }
    return ERR_NOT_FOUND;
}
