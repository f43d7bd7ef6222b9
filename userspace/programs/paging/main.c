/* SPDX-License-Identifier: MIT */
/*
 * paging: more memory than there is.
 *
 *   mib=N (96)     how much to fill           leave=N (32)  MiB to leave free before; 0: take none
 *   rounds=N (1)   times each page is used    mail=1        messages instead, with buffers in that memory
 *   lies=1         pagers that lie instead, and who trusts them
 *   liar=N         be such a pager: for its own children
 *   reserve=1      who may take what is kept for a pager
 */
#include "userspace/lib/option.h"
#include "userspace/programs/paging/paging.h"

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (option_u64("liar", LIE_KINDS) < LIE_KINDS) {
        liar_run((enum lie)option_u64("liar", LIE_KINDS));
    } else if (option_flag("reserve_child")) {
        reserve_child();
    } else if (option_flag("reserve")) {
        reserve_run();
    } else if (option_flag("lies")) {
        lies_run();
    } else {
        fill_run(option_u64("mib", 96) * MIB, option_u64("leave", 32) * MIB,
                 option_u64("rounds", 1), option_flag("mail"));
    }
    return 0;
}
