/* SPDX-License-Identifier: MIT */
/* dis: memory as instructions. */
#include "kdebug/core/breakpoint.h"
#include "kdebug/core/instruction.h"
#include "kdebug/core/lines.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/session.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"

#define COUNT_DEFAULT 10u
#define COUNT_MAX     10000u

/* '>' is where the selected core stands, 'b' has a breakpoint. */
static char mark_of(uint64_t address)
{
    struct kd_registers registers;
    if (kd_target->registers(kd_session_cpu(), &registers) == OK &&
        registers.frame.rip == address) {
        return '>';
    }
    return kd_breakpoint_at(address, 0) != 0 ? 'b' : ' ';
}

/* Where the source goes on in another line than `last`. */
static void print_line(uint64_t address, struct kd_source *last)
{
    struct kd_source line;
    if (!kd_line_at(address, &line)) {
        line = (struct kd_source){.file = NULL};
    } else if (line.file != last->file || line.line != last->line) {
        kd_print("%s:%u:\n", line.file, line.line);
    }
    *last = line;
}

/* Returns how far it is to the next one. */
static unsigned print_instruction(kd_space_t space, uint64_t address)
{
    struct kd_instruction instruction;
    char where[64];
    if (kd_instruction_at(space, address, &instruction) != OK) {
        kd_fail("0x%llx cannot be read: nothing is mapped there, or it is no RAM",
                (unsigned long long)address);
    }
    kd_symbol_text(address, where, sizeof(where));
    kd_print("%c %016llx  %-32s  ", mark_of(address), (unsigned long long)address, where);
    if (instruction.bytes == 0) {
        kd_print("(byte 0x%02x)\n", instruction.code[0]);
        return 1;
    }
    kd_print("%s\n", instruction.text);
    return instruction.bytes;
}

static uint64_t selected_rip(void)
{
    struct kd_registers registers;
    if (kd_target->registers(kd_session_cpu(), &registers) != OK) {
        kd_fail("core %u was not captured", kd_session_cpu());
    }
    return registers.frame.rip;
}

static void run_dis(struct kd_call *call)
{
    uint64_t address, count = COUNT_DEFAULT;
    kd_space_t space = kd_session_space(0);
    if (call->has_input) {
        address = call->input.bits;
    } else if (!kd_arg_number(call, &address)) {
        address = selected_rip();
        space = kd_session_core_space(address);
    }
    kd_arg_number(call, &count);
    kd_arg_done(call);
    if (count == 0 || count > COUNT_MAX) {
        kd_fail("1 to %u instructions", COUNT_MAX);
    }
    if (!kd_disassemble_is_there()) {
        kd_fail("this kernel was built without Zydis: 'make deps' fetches it");
    }
    struct kd_source line = {.file = NULL};
    for (; count > 0; count--) {
        print_line(address, &line);
        address += print_instruction(address < DIRECT_MAP_BASE ? space : KD_SPACE_KERNEL, address);
    }
}
KD_COMMAND(dis, .usage = "[ADDRESS [COUNT]]",
           .help = "memory as instructions, with the lines of the source; default where the "
                   "selected core stands (>)",
           .flags = KD_READS | KD_TAKES, .run = run_dis);
