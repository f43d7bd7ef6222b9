/* SPDX-License-Identifier: MIT */
/* Vector names. Source of the exceptions: Intel SDM vol. 3A, "Exception and Interrupt Vectors". */
#include "vector.h"

#include <stdio.h>

#include "arch/interrupt.h"

static const char *const exception_names[VECTOR_EXCEPTIONS] = {
    [0] = "divide error",
    [1] = "debug",
    [2] = "NMI",
    [3] = "breakpoint",
    [4] = "overflow",
    [5] = "bound",
    [6] = "invalid opcode",
    [7] = "no FPU",
    [8] = "double fault",
    [10] = "invalid TSS",
    [11] = "no segment",
    [12] = "stack fault",
    [13] = "protection fault",
    [14] = "page fault",
    [16] = "x87 error",
    [17] = "alignment check",
    [18] = "machine check",
    [19] = "SIMD error",
    [20] = "virtualization",
    [21] = "control protection",
};

const char *vector_name(unsigned vector, char *buffer)
{
    if (vector < VECTOR_EXCEPTIONS && exception_names[vector] != NULL) {
        return exception_names[vector];
    }
    switch (vector) {
    case VECTOR_TIMER:
        return "timer";
    case VECTOR_RESCHEDULE:
        return "reschedule";
    case VECTOR_POLL:
        return "poll";
    case VECTOR_CONSOLE:
        return "console";
    case VECTOR_WATCHDOG:
        return "watchdog";
    case VECTOR_ERROR:
        return "APIC error";
    case VECTOR_SPURIOUS:
        return "spurious";
    default:
        break;
    }
    if (vector >= VECTOR_IRQ_BASE && vector < VECTOR_TIMER) {
        snprintf(buffer, VECTOR_NAME_BYTES, "line %u", vector - VECTOR_IRQ_BASE);
    } else {
        snprintf(buffer, VECTOR_NAME_BYTES, "vector %u", vector);
    }
    return buffer;
}
