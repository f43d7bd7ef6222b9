/* SPDX-License-Identifier: MIT */
/* The interval timer (pit.h). Source: Intel 8254 data sheet, "Mode 2: Rate Generator", "Counter Latch Command". */
#include "arch/pit.h"

#include "arch/cpu.h"

#define PIT_CHANNEL_0      0x40u
#define PIT_COMMAND        0x43u
#define PIT_RATE_GENERATOR 0x34u /* channel 0, both bytes, mode 2 */
#define PIT_ONE_SHOT       0x30u /* channel 0, both bytes, mode 0: waits for a count that never comes */
#define LOOKS              1000u /* of 3 port accesses, a microsecond each: it counts once in that time */
#define PIT_LATCH_0        0x00u

unsigned pit_start(unsigned rate)
{
    unsigned period = PIT_HZ / rate;
    port_write(PIT_COMMAND, 1, PIT_RATE_GENERATOR);
    port_write(PIT_CHANNEL_0, 1, period & 0xff);
    port_write(PIT_CHANNEL_0, 1, period >> 8);
    return period;
}

void pit_stop(void)
{
    port_write(PIT_COMMAND, 1, PIT_ONE_SHOT);
}

bool pit_is_counting(unsigned period)
{
    unsigned before = pit_elapsed(period);
    for (unsigned i = 0; i < LOOKS; i++) {
        if (pit_elapsed(period) != before) {
            return true;
        }
    }
    return false;
}

unsigned pit_elapsed(unsigned period)
{
    port_write(PIT_COMMAND, 1, PIT_LATCH_0);
    unsigned low = port_read(PIT_CHANNEL_0, 1);
    unsigned count = port_read(PIT_CHANNEL_0, 1) << 8 | low;
    return count > period ? 0
                          : period - count; /* just reloaded: some chips show the old count once */
}
