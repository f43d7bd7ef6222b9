/* SPDX-License-Identifier: MIT */
/* The part of the standard's <stdlib.h> that programs use here. */
#pragma once

/* exit() - end the process with all its threads. */
_Noreturn void exit(int code);
