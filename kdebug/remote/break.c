/* SPDX-License-Identifier: MIT */
/*
 * Breakpoints of gdb: Z0 to Z4 and z0 to z4 (stub.h). They are in the table of everybody's, marked as gdb's. One that is
 * asked for in the name of a process counts only there, and a Z0 in user code, where no INT3 may be written, takes a debug
 * register. Source: gdb manual, "Packets".
 */
#include "kdebug/remote/stub.h"

#include "base/string.h"
#include "gen/layout.h"
#include "kdebug/core/breakpoint.h"
#include "kdebug/core/run.h"
#include "kdebug/core/target.h"
#include "kdebug/remote/registers.h"

struct place {
    enum kd_break_kind kind;
    uint64_t address;
    unsigned bytes;
    uint32_t pid; /* 0: any */
};

static unsigned find_breakpoint(const struct place *place)
{
    for (unsigned number = 1; number <= KD_BREAKS_MAX; number++) {
        const struct kd_breakpoint *breakpoint = kd_breakpoint(number);
        if (breakpoint != NULL && breakpoint->is_for_remote && breakpoint->kind == place->kind &&
            breakpoint->address == place->address && breakpoint->pid == place->pid) {
            return number;
        }
    }
    return 0;
}

static bool take_place(const char **at, struct place *out)
{
    static const uint8_t kinds[] = {KD_BREAK_CODE, KD_BREAK_EXECUTE, KD_BREAK_WRITE,
                                    KD_BREAK_ACCESS, KD_BREAK_ACCESS};
    uint64_t type, length;
    if (!kd_hex_number(at, &type) || type >= ARRAY_COUNT(kinds) || !kd_hex_take(at, ',') ||
        !kd_remote_take_range(at, &out->address, &length)) {
        return false;
    }
    out->kind = kinds[type];
    out->bytes = (unsigned)MIN(length, 64ull);
    out->pid = kd_remote.selected.pid == KD_REMOTE_KERNEL ? 0 : kd_remote.selected.pid;
    if (out->kind == KD_BREAK_CODE && out->address < USER_END) {
        out->kind = KD_BREAK_EXECUTE;
    }
    return true;
}

static bool skip_bytes(const char **at, uint64_t count)
{
    bool is_there = count <= strlen(*at) / 2;
    *at += is_there ? 2 * count : 0;
    return is_there;
}

/* ";X" length "," bytes. Several are alternatives; the first is taken, and any further one makes it stop always. */
static bool take_condition(const char **at, struct kd_agent_code *out)
{
    uint64_t count;
    out->count = 0;
    if (!kd_remote_accept(at, ";X")) {
        return true;
    }
    if (!kd_hex_number(at, &count) || count == 0 || count > KD_AGENT_BYTES ||
        !kd_hex_take(at, ',') || !kd_hex_bytes(at, out->bytes, count)) {
        return false;
    }
    out->count = (uint8_t)count;
    while (kd_hex_take(at, 'X')) {
        out->count = 0;
        if (!kd_hex_number(at, &count) || !kd_hex_take(at, ',') || !skip_bytes(at, count)) {
            return false;
        }
    }
    return true;
}

/* ";cmds:" keep "," and ("X" length "," bytes)...: keep is for gdbs that leave their breakpoints behind, which none does here. */
static bool take_commands(const char **at, struct kd_agent_code *out)
{
    uint64_t keep, count;
    out->count = 0;
    if (!kd_remote_accept(at, ";cmds:")) {
        return true;
    }
    if (!kd_hex_number(at, &keep) || !kd_hex_take(at, ',')) {
        return false;
    }
    while (kd_hex_take(at, 'X')) {
        if (!kd_hex_number(at, &count) || count == 0 ||
            count > KD_AGENT_BYTES - 1 - MIN(out->count, KD_AGENT_BYTES - 1) ||
            !kd_hex_take(at, ',') || !kd_hex_bytes(at, out->bytes + out->count + 1, count)) {
            return false;
        }
        out->bytes[out->count] = (uint8_t)count;
        out->count = (uint8_t)(out->count + 1 + count);
    }
    return true;
}

static void insert(const struct place *place, const struct kd_agent_code *condition,
                   const struct kd_agent_code *commands)
{
    const char *why;
    unsigned number = find_breakpoint(place);
    if (number == 0) {
        number = kd_breakpoint_add(place->kind, place->address, place->bytes, &why);
    }
    struct kd_breakpoint *breakpoint = kd_breakpoint(number);
    if (breakpoint == NULL) {
        kd_remote_say("E22");
        return;
    }
    breakpoint->is_for_remote = true;
    breakpoint->pid = place->pid;
    breakpoint->remote_condition = *condition;
    breakpoint->remote_commands = *commands;
    kd_remote_say("OK");
}

void kd_remote_change_break(const char *at)
{
    struct place place;
    struct kd_agent_code condition, commands;
    if (!take_place(&at, &place)) {
        return; /* an empty answer: not known */
    }
    if (kd_remote.received.data[0] == 'z') {
        struct kd_breakpoint *breakpoint = kd_breakpoint(find_breakpoint(&place));
        if (breakpoint != NULL) {
            kd_breakpoint_remove(breakpoint);
        }
        kd_remote_say("OK");
    } else if (take_condition(&at, &condition) && take_commands(&at, &commands)) {
        insert(&place, &condition, &commands);
    } else {
        kd_remote_say("E01");
    }
}

void kd_remote_forget_breaks(void)
{
    for (unsigned number = 1; number <= KD_BREAKS_MAX; number++) {
        struct kd_breakpoint *breakpoint = kd_breakpoint(number);
        if (breakpoint != NULL && breakpoint->is_for_remote) {
            kd_breakpoint_remove(breakpoint);
        }
    }
}

/* ---- conditions and commands, when it is hit ---- */

static struct kd_remote_id hit;

static bool read_register(unsigned number, uint64_t *out)
{
    return kd_remote_register_read(hit, number, out);
}

static bool read_memory(uint64_t address, void *to, size_t bytes)
{
    return kd_read(kd_remote_space(hit, address), address, to, bytes) == OK;
}

static void print(const char *format, const uint64_t *arguments, unsigned count)
{
    kd_remote_print(format, arguments, count, read_memory);
}

bool kd_remote_condition_holds(const struct kd_agent_code *condition, unsigned cpu)
{
    static const struct kd_agent_target target = {.read_register = read_register,
                                                  .read_memory = read_memory};
    if (condition->count == 0) {
        return true;
    }
    hit = kd_remote_id_of(cpu, 0);
    return kd_agent_holds(condition, &target);
}

bool kd_remote_commands_run(const struct kd_agent_code *commands, unsigned cpu)
{
    static const struct kd_agent_target target = {
        .read_register = read_register, .read_memory = read_memory, .print = print};
    hit = kd_remote_id_of(cpu, 0);
    return commands->count != 0 && kd_agent_run(commands, &target);
}
