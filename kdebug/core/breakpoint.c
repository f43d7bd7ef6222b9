/* SPDX-License-Identifier: MIT */
/* The table of breakpoints and watchpoints (breakpoint.h). */
#include "kdebug/core/breakpoint.h"

#include "base/string.h"
#include "kdebug/core/access.h"
#include "kdebug/core/expression.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/output.h"
#include "kdebug/core/remote.h"
#include "kdebug/core/target.h"

extern const char kernel_text_start[], kernel_text_end[], entry_text_start[], entry_text_end[],
    nmi_text_start[], nmi_text_end[];

static struct kd_breakpoint table[KD_BREAKS_MAX];

static bool is_hardware(enum kd_break_kind kind)
{
    return kind != KD_BREAK_CODE;
}

const char *kd_breakpoint_refusal(enum kd_break_kind kind, uint64_t address, unsigned bytes)
{
    bool is_code = kind == KD_BREAK_CODE || kind == KD_BREAK_EXECUTE;
    if (kind == KD_BREAK_CODE &&
        (address < KD_GLOBAL(kernel_text_start) || address >= KD_GLOBAL(kernel_text_end))) {
        return "it is not in the kernel's text";
    }
    if (is_code && address >= KD_GLOBAL(entry_text_start) && address < KD_GLOBAL(entry_text_end)) {
        return "it is in the entry code, where stack and GS base may be anybody's";
    }
    if (is_code && address >= KD_GLOBAL(nmi_text_start) && address < KD_GLOBAL(nmi_text_end)) {
        return "it is in code that NMI handlers and the debugger itself use";
    }
    if (!is_code &&
        (bytes == 0 || bytes > 8 || (bytes & (bytes - 1)) != 0 || address % bytes != 0)) {
        return "1, 2, 4 or 8 bytes at an address that is a multiple of that";
    }
    if (kind == KD_BREAK_IO && (address > UINT16_MAX || bytes == 8)) {
        return "ports are numbers up to 0xffff, of 1, 2 or 4 bytes";
    }
    return NULL;
}

static unsigned count_hardware(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < KD_BREAKS_MAX; i++) {
        count += table[i].is_used && is_hardware(table[i].kind);
    }
    return count;
}

unsigned kd_breakpoint_add(enum kd_break_kind kind, uint64_t address, unsigned bytes,
                           const char **out_why)
{
    *out_why = kd_breakpoint_refusal(kind, address, bytes);
    if (*out_why == NULL && is_hardware(kind) && count_hardware() == KD_HARDWARE_MAX) {
        *out_why = "all four debug registers are in use";
    }
    unsigned i = 0;
    while (i < KD_BREAKS_MAX && table[i].is_used) {
        i++;
    }
    if (*out_why == NULL && i == KD_BREAKS_MAX) {
        *out_why = "there is no room for more breakpoints";
    }
    if (*out_why != NULL) {
        return 0;
    }
    table[i] = (struct kd_breakpoint){
        .is_used = true,
        .is_enabled = true,
        .kind = (uint8_t)kind,
        .bytes = (uint8_t)bytes,
        .cpu = KD_ANY_CPU,
        .address = address,
    };
    return i + 1;
}

struct kd_breakpoint *kd_breakpoint(unsigned number)
{
    return number > 0 && number <= KD_BREAKS_MAX && table[number - 1].is_used ? &table[number - 1]
                                                                              : NULL;
}

void kd_breakpoint_remove(struct kd_breakpoint *breakpoint)
{
    *breakpoint = (struct kd_breakpoint){.is_used = false};
}

unsigned kd_breakpoint_at(uint64_t address, unsigned after)
{
    for (unsigned number = after + 1; number <= KD_BREAKS_MAX; number++) {
        const struct kd_breakpoint *breakpoint = &table[number - 1];
        if (breakpoint->is_used && breakpoint->is_enabled && breakpoint->kind == KD_BREAK_CODE &&
            breakpoint->address == address) {
            return number;
        }
    }
    return 0;
}

unsigned kd_breakpoint_hardware(unsigned slot)
{
    unsigned at = 0;
    for (unsigned number = 1; number <= KD_BREAKS_MAX; number++) {
        const struct kd_breakpoint *breakpoint = &table[number - 1];
        if (breakpoint->is_used && is_hardware(breakpoint->kind) && at++ == slot) {
            return number;
        }
    }
    return 0;
}

/* A condition that is wrong must not let the machine run past what somebody waits for. */
static bool condition_holds(const char *condition)
{
    struct kd_value value;
    struct kd_error error;
    const char *at = condition;
    uint64_t bits;
    if (*condition == '\0') {
        return true;
    }
    if (!kd_expression_parse(&at, condition + strlen(condition), &value, &error)) {
        kd_print("kdebug: condition '%s': %s\n", condition, error.message);
        return true;
    }
    return kd_load_bits(&value, &bits) != NULL || bits != 0;
}

bool kd_breakpoint_stops(struct kd_breakpoint *breakpoint, const struct kd_hit *hit)
{
    if (!breakpoint->is_enabled || (breakpoint->cpu != KD_ANY_CPU && breakpoint->cpu != hit->cpu) ||
        (breakpoint->tid != 0 && breakpoint->tid != hit->tid) ||
        (breakpoint->pid != 0 && breakpoint->pid != hit->pid) || hit->rsp < breakpoint->above ||
        !condition_holds(breakpoint->condition) ||
        !kd_remote_condition_holds(&breakpoint->remote_condition, hit->cpu)) {
        return false;
    }
    return ++breakpoint->hits > breakpoint->skip;
}
