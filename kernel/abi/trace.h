/* SPDX-License-Identifier: MIT */
/* Operations of the system call trace_control. */
#pragma once

#define TRACE_CONTROL_ENABLE                                                                       \
    0u /* value: mask of categories (TRACE_CATEGORY_*) to switch on; first: mask now on */
#define TRACE_CONTROL_DISABLE 1u /* value: mask of categories to switch off; first: mask now on */
#define TRACE_CONTROL_INFO    2u /* first: physical address of the region, second: its bytes */
#define TRACE_CONTROL_EXEMPT                                                                       \
    3u /* value 1: the calling thread is a trace consumer: of its own doings only thread
                                    switches and wake-ups are recorded; 0: no longer */
