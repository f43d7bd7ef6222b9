/* SPDX-License-Identifier: MIT */
/* The table of instructions that may fault on user memory. */
#include "arch/user.h"

struct user_fixup {
    uint64_t instruction;
    uint64_t landing;
};
extern const struct user_fixup user_fixups_start[], user_fixups_end[];

extern const char user_copy_present_end[];

bool fault_is_refused(vaddr_t rip)
{
    return rip >= (vaddr_t)user_copy_present && rip < (vaddr_t)user_copy_present_end;
}

vaddr_t fault_fixup(vaddr_t rip)
{
    /* Six entries: a search would cost more than it saves. */
    for (const struct user_fixup *fixup = user_fixups_start; fixup < user_fixups_end; fixup++) {
        if (fixup->instruction == rip) {
            return fixup->landing;
        }
    }
    return 0;
}
