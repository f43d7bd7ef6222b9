/* SPDX-License-Identifier: MIT */
/*
 * Giving functions their two forms (arch/function_patch.h), in a rendezvous: every other core stands in rendezvous_serve(),
 * so none is between the two instructions that the jump lies over, and it serialises before it goes on. A stop by NMI
 * would not do: it may find a core right there.
 *
 * kdebug may break in half-way: each function is whole by itself, slot first, entry by one store.
 */
#include "arch/function_patch.h"

#include "arch/cpu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/text_patch_impl.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "base/string.h"

#define JMP_REL8 0xebu

#define ENTRY_BYTES 2u /* of the jump */

extern const uint64_t function_slots_start[], function_slots_end[]; /* kernel.ld */

static const uint8_t frame_code[FUNCTION_FRAME_BYTES] = {0x55, 0x48, 0x89, 0xe5};
static const uint8_t jump_code[FUNCTION_FRAME_BYTES] = {
    JMP_REL8, (uint8_t) - (FUNCTION_SLOT_BYTES + ENTRY_BYTES), 0x89, 0xe5};

unsigned function_count(void)
{
    return (unsigned)MIN((size_t)(function_slots_end - function_slots_start), FUNCTION_COUNT_MAX);
}

vaddr_t function_address(unsigned i)
{
    return function_slots_start[i] + FUNCTION_SLOT_BYTES;
}

static bool holds(unsigned i, const uint8_t code[FUNCTION_FRAME_BYTES])
{
    uint8_t held[FUNCTION_FRAME_BYTES];
    text_read_4(function_address(i), held);
    return __builtin_memcmp(held, code, sizeof(held)) == 0;
}

bool function_can_be_traced(unsigned i)
{
    return holds(i, frame_code) || holds(i, jump_code);
}

bool function_is_entered_by_jump(unsigned i)
{
    return holds(i, jump_code);
}

bool function_is_traced(unsigned i)
{
    vaddr_t entry = function_address(i);
    return holds(i, jump_code) &&
           (function_probe_slot(entry) == 0 || function_probe_is_traced(entry));
}

bool function_find(vaddr_t address, unsigned *out_index)
{
    for (unsigned i = 0; i < function_count(); i++) {
        if (function_address(i) == address) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

bool function_is_inside_jump(vaddr_t address)
{
    unsigned i;
    return function_find(address - 1, &i) && function_is_entered_by_jump(i);
}

static bool is_wanted(const struct function_set *set, unsigned i)
{
    return set->word[i / 64] >> i % 64 & 1;
}

static void write_slot(vaddr_t entry, unsigned opcode, vaddr_t target)
{
    uint8_t branch[FUNCTION_SLOT_BYTES] = {(uint8_t)opcode};
    int32_t distance = (int32_t)(target - entry);
    __builtin_memcpy(branch + 1, &distance, sizeof(distance));
    text_write_5(entry - FUNCTION_SLOT_BYTES, branch);
}

/* Its slot leads to its probe, if it has one, which knows whether to go on to the thunk. */
void function_give_form(vaddr_t entry, bool is_traced)
{
    vaddr_t probe = function_probe_slot(entry);
    if (probe != 0) {
        function_probe_trace(entry, is_traced);
        write_slot(entry, JMP_REL32, probe);
    } else if (is_traced) {
        write_slot(entry, CALL_REL32, (vaddr_t)function_thunk);
    }
    text_write_2(entry, is_traced || probe != 0 ? jump_code : frame_code);
}

status_t function_look(vaddr_t function, bool *out_is_traced)
{
    unsigned i;
    if (!function_find(function, &i) || !function_can_be_traced(i)) {
        return ERR_NOT_SUPPORTED;
    }
    *out_is_traced = function_is_traced(i);
    bool is_free =
        !text_has_break(function, FUNCTION_FRAME_BYTES) && function_probe_slot(function) == 0;
    return is_free ? OK : ERR_BUSY;
}

static void give_form(unsigned i, bool is_traced)
{
    vaddr_t entry = function_address(i);
    if (function_can_be_traced(i) && !text_has_break(entry + 1, FUNCTION_FRAME_BYTES - 1) &&
        !text_has_probe(entry)) {
        function_give_form(entry, is_traced);
    }
}

static void run(void *wanted)
{
    for (unsigned i = 0; i < function_count(); i++) {
        give_form(i, is_wanted(wanted, i));
    }
    cpuid_read(0, 0); /* serialise this core */
}

void function_patch(struct function_set *wanted)
{
    rendezvous_run(run, wanted);
}
