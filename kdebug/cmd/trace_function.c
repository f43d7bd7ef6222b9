/* SPDX-License-Identifier: MIT */
/* trace functions (trace_function.h). */
#include "kdebug/cmd/trace_function.h"

#include "base/string.h"
#include "kdebug/core/deferred.h"
#include "kdebug/core/output.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"
#include "trace/function/function.h"

extern const char entry_text_start[], nmi_text_end[];

static void list(void)
{
    struct kd_symbol symbol;
    unsigned possible = 0, count = 0;
    for (unsigned i = 0; i < function_count(); i++) {
        possible += function_can_be_traced(i);
        count += function_is_traced(i);
    }
    kd_print("%u of %u functions are traced\n", count, possible);
    for (unsigned i = 0; i < function_count(); i++) {
        if (function_is_traced(i) && kd_symbol_at(function_address(i), &symbol)) {
            kd_print("  %s\n", symbol.name);
        }
    }
}

/* Why a name cannot be traced. */
static const char *refusal(const char *pattern, status_t status)
{
    struct kd_symbol symbol;
    if (status == ERR_NOT_SUPPORTED) {
        return "it makes no frame, so there is no room for the jump";
    }
    if (!kd_symbol_named(pattern, strlen(pattern), 0, &symbol) || symbol.kind != 'T') {
        return "no function has such a name";
    }
    if (symbol.address >= KD_GLOBAL(entry_text_start) && symbol.address < KD_GLOBAL(nmi_text_end)) {
        return "the recorder, NMI handlers or the debugger itself use it";
    }
    return "it has no slot: assembly, arguments on the stack, or below the recorder";
}

static void take_pattern(struct kd_call *call, bool on)
{
    char pattern[KD_PATTERN_BYTES] = "";
    const char *at = call->args;
    kd_arg_word(call, pattern, sizeof(pattern));
    status_t status = function_trace_check(pattern, strlen(pattern));
    if (status != OK) {
        kd_fail_at(at, "%s", refusal(pattern, status));
    }
    if (!kd_deferred_function(pattern, on)) {
        kd_fail("too many requests are waiting: continue first");
    }
}

void kd_trace_functions(struct kd_call *call)
{
    kd_require_live(KD_READS);
    if (kd_arg_is_end(call)) {
        list();
        return;
    }
    kd_require(KD_WRITES);
    bool on = kd_arg_accept(call, "on");
    if ((!on && !kd_arg_accept(call, "off")) || kd_arg_is_end(call)) {
        kd_fail_usage(call);
    }
    while (!kd_arg_is_end(call)) {
        take_pattern(call, on);
    }
    kd_print("from the end of the stop on\n");
}
