/* SPDX-License-Identifier: MIT */
/* Everything that spoor-trace does with an input, on bytes in memory: for the mutation test and the fuzzer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* read_all() - must come back from any bytes whatever, without a fault and without inventing an event (it checks). */
void read_all(const void *bytes, size_t count);
