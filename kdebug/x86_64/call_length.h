/* SPDX-License-Identifier: MIT */
/* How long a CALL instruction is: all that stepping over one needs to know about code. */
#pragma once

#include "base/types.h"

#define KD_CALL_BYTES 16u

/* kd_call_length() - bytes of the CALL at the start of `code`, 0: it is another instruction. */
unsigned kd_call_length(const uint8_t code[KD_CALL_BYTES]);
