/* SPDX-License-Identifier: MIT */
/* tsc_start=, tsc_bias= (unequal_clocks.h). */
#include "init/unequal_clocks.h"

#include "arch/clock_sync.h"
#include "base/string.h"
#include "init/options.h"

#define WANTED "tsc_start=TICKS and tsc_bias=TICKS,TICKS,... with 'fixed' as last word, perhaps"

/* Each number of the list goes to one core, those behind the last get none. */
static const char *set_each(const char *list, int64_t start)
{
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        int64_t ticks = 0;
        (void)option_signed(&list, &ticks);
        if (!clock_bias(cpu, start + ticks)) {
            return "only a debug kernel can have other clocks than its machine";
        }
    }
    bool fixed = strcmp(list, "fixed") == 0;
    if (fixed) {
        clock_bias_fix();
    }
    return fixed || *list == '\0' ? NULL : WANTED;
}

const char *unequal_clocks(const char *cmdline)
{
    char list[192], number[32];
    const char *at = number;
    int64_t start = 0;
    bool has_start = option_value(cmdline, "tsc_start", number, sizeof(number));
    bool has_list = option_value(cmdline, "tsc_bias", list, sizeof(list));
    if (!has_start && !has_list) {
        return NULL;
    }
    if (has_start && (!option_signed(&at, &start) || *at != '\0')) {
        return WANTED;
    }
    return set_each(has_list ? list : "", start - (has_start ? (int64_t)cpu_tsc() : 0));
}
