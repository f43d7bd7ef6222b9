/* SPDX-License-Identifier: MIT */
/* Names of interrupt and exception vectors (kernel/arch/interrupt.h). */
#pragma once

#define VECTOR_NAME_BYTES 24

/* vector_name() - "timer", "line 4", "page fault", "vector 77"; written to the buffer if it is not a constant. */
const char *vector_name(unsigned vector, char *buffer);
