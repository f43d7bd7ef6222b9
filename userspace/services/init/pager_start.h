/* SPDX-License-Identifier: MIT */
/* Starting the pager. */
#pragma once

/* pager_start() - the one that the command line asks for (pager=PAGES, the most it may take), if it does. Says why not. */
void pager_start(void);
