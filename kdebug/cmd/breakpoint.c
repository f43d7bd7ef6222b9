/* SPDX-License-Identifier: MIT */
/* Breakpoints: break, watch, breakpoints, delete, enable, disable. */
#include "kdebug/core/breakpoint.h"

#include "base/string.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/access.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

/* ---- options ---- */

/* The text up to " do " or the end; quotes around it, which keep ';' and '|', go. */
static void take_text(struct kd_call *call, const char *until, char *to, size_t bytes)
{
    const char *start;
    size_t length = kd_arg_rest(call, &start);
    size_t stop = strlen(until);
    for (size_t i = 0; stop > 0 && i + stop <= length; i++) {
        if (memcmp(start + i, until, stop) == 0) {
            call->args = start + i;
            length = i;
            break;
        }
    }
    if (length >= 2 && start[0] == '"' && start[length - 1] == '"') {
        start++;
        length -= 2;
    }
    if (length == 0 || length >= bytes) {
        kd_fail_at(start, "1 to %zu characters", bytes - 1);
    }
    memcpy(to, start, length);
    to[length] = '\0';
}

static uint64_t take_number(struct kd_call *call)
{
    uint64_t number;
    if (!kd_arg_number(call, &number)) {
        kd_fail_usage(call);
    }
    return number;
}

static void take_options(struct kd_call *call, struct kd_breakpoint *breakpoint)
{
    while (!kd_arg_is_end(call)) {
        if (kd_arg_accept(call, "once")) {
            breakpoint->is_temporary = true;
        } else if (kd_arg_accept(call, "cpu")) {
            breakpoint->cpu = (uint16_t)take_number(call);
        } else if (kd_arg_accept(call, "thread")) {
            breakpoint->tid = (uint32_t)take_number(call);
        } else if (kd_arg_accept(call, "process")) {
            breakpoint->pid = (uint32_t)take_number(call);
        } else if (kd_arg_accept(call, "after")) {
            breakpoint->skip = take_number(call);
        } else if (kd_arg_accept(call, "if")) {
            take_text(call, " do ", breakpoint->condition, sizeof(breakpoint->condition));
        } else if (kd_arg_accept(call, "do")) {
            take_text(call, "", breakpoint->commands, sizeof(breakpoint->commands));
        } else {
            kd_arg_done(call);
        }
    }
}

static void add(struct kd_call *call, enum kd_break_kind kind, uint64_t address, unsigned bytes)
{
    struct kd_breakpoint options = {.cpu = KD_ANY_CPU};
    const char *why;
    take_options(call, &options);
    unsigned number = kd_breakpoint_add(kind, address, bytes, &why);
    struct kd_breakpoint *breakpoint = kd_breakpoint(number);
    if (breakpoint == NULL) {
        kd_fail("no breakpoint there: %s", why);
    }
    breakpoint->is_temporary = options.is_temporary;
    breakpoint->cpu = options.cpu;
    breakpoint->tid = options.tid;
    breakpoint->pid = options.pid;
    breakpoint->skip = options.skip;
    memcpy(breakpoint->condition, options.condition, sizeof(options.condition));
    memcpy(breakpoint->commands, options.commands, sizeof(options.commands));
    kd_print("breakpoint %u at ", number);
    kd_print_address(address);
    kd_print("\n");
}

/* ---- break, watch ---- */

static void run_break(struct kd_call *call)
{
    bool hardware = kd_arg_accept(call, "hw");
    uint64_t address = take_number(call);
    add(call, hardware ? KD_BREAK_EXECUTE : KD_BREAK_CODE, address, 1);
}
KD_COMMAND(break,
           .usage = "[hw] ADDRESS [once] [cpu N] [thread TID] [process PID] [after N] "
                    "[if EXPRESSION] [do \"LINE\"]",
           .help = "stop before the instruction there is executed; 'do' runs commands, 'continue' "
                   "among them",
           .flags = KD_WRITES | KD_LIVE, .run = run_break);

static void run_watch(struct kd_call *call)
{
    struct kd_value value;
    enum kd_break_kind kind = KD_BREAK_WRITE;
    if (kd_arg_accept(call, "access")) {
        kind = KD_BREAK_ACCESS;
    } else if (kd_arg_accept(call, "io")) {
        kind = KD_BREAK_IO;
    }
    if (!kd_arg_value(call, &value)) {
        kd_fail_usage(call);
    }
    uint64_t address = value.bits;
    uint64_t bytes = value.is_place ? kd_ctype_get(value.ctype).bytes : 8;
    if (kind == KD_BREAK_IO) {
        bytes = 1;
    }
    if (kd_arg_accept(call, "bytes")) {
        bytes = take_number(call);
    }
    add(call, kind, address, (unsigned)MIN(bytes, 64ull));
}
KD_COMMAND(
    watch, .usage = "[access | io] PLACE [bytes N] [OPTIONS of break]",
    .help = "stop after a write to a variable, field or address; or any access; or to a port",
    .flags = KD_WRITES | KD_LIVE, .run = run_watch);

/* ---- breakpoints, delete, enable, disable ---- */

static void show_breakpoint(const struct kd_value *value)
{
    static const char *const kinds[] = {"code", "execute", "write", "access", "port"};
    const struct kd_breakpoint *breakpoint = kd_breakpoint((unsigned)value->bits);
    if (breakpoint == NULL) {
        return;
    }
    kd_print("%3u  %-7s  %-3s  %6llu  ", (unsigned)value->bits, kinds[breakpoint->kind],
             breakpoint->is_enabled ? "yes" : "no", (unsigned long long)breakpoint->hits);
    kd_print_address(breakpoint->address);
    if (breakpoint->kind >= KD_BREAK_WRITE) {
        kd_print(" (%u)", breakpoint->bytes);
    }
    if (breakpoint->is_temporary) {
        kd_print(" once");
    }
    if (breakpoint->cpu != KD_ANY_CPU) {
        kd_print(" cpu %u", breakpoint->cpu);
    }
    if (breakpoint->tid != 0) {
        kd_print(" thread %u", breakpoint->tid);
    }
    if (breakpoint->pid != 0) {
        kd_print(" process %u", breakpoint->pid);
    }
    if (breakpoint->skip != 0) {
        kd_print(" after %llu", (unsigned long long)breakpoint->skip);
    }
    if (breakpoint->condition[0] != '\0') {
        kd_print(" if %s", breakpoint->condition);
    }
    if (breakpoint->commands[0] != '\0') {
        kd_print(" do \"%s\"", breakpoint->commands);
    }
    kd_print("\n");
}

static const struct kd_type kd_type_breakpoint = {
    .name = "breakpoint",
    .structure = "kd_breakpoint",
    .header = "NUM  KIND     ON     HITS  WHERE",
    .show = show_breakpoint,
};

static void run_breakpoints(struct kd_call *call)
{
    kd_arg_done(call);
    for (unsigned number = 1; number <= KD_BREAKS_MAX; number++) {
        if (kd_breakpoint(number) != NULL) {
            kd_emit(call, kd_value_of(number, &kd_type_breakpoint));
        }
    }
}
KD_COMMAND(breakpoints, .usage = "", .help = "breakpoints and watchpoints, with how often they hit",
           .flags = KD_READS | KD_GIVES, .run = run_breakpoints);

static struct kd_breakpoint *take_breakpoint(struct kd_call *call)
{
    struct kd_breakpoint *breakpoint = kd_breakpoint((unsigned)MIN(take_number(call), 1000ull));
    if (breakpoint == NULL) {
        kd_fail("no such breakpoint");
    }
    kd_arg_done(call);
    return breakpoint;
}

static void run_delete(struct kd_call *call)
{
    if (!kd_arg_accept(call, "all")) {
        kd_breakpoint_remove(take_breakpoint(call));
        return;
    }
    kd_arg_done(call);
    for (unsigned number = 1; number <= KD_BREAKS_MAX; number++) {
        if (kd_breakpoint(number) != NULL) {
            kd_breakpoint_remove(kd_breakpoint(number));
        }
    }
}
KD_COMMAND(delete, .usage = "N | all", .help = "take breakpoints away", .flags = KD_WRITES,
           .run = run_delete);

static void run_enable(struct kd_call *call)
{
    take_breakpoint(call)->is_enabled = true;
}
KD_COMMAND(enable, .usage = "N", .help = "let a breakpoint stop again", .flags = KD_WRITES,
           .run = run_enable);

static void run_disable(struct kd_call *call)
{
    take_breakpoint(call)->is_enabled = false;
}
KD_COMMAND(disable, .usage = "N", .help = "keep a breakpoint, but do not stop at it",
           .flags = KD_WRITES, .run = run_disable);
