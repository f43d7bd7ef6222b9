/* SPDX-License-Identifier: MIT */
/* Running on another stack, and raising a breakpoint of our own (stack_call.asm). */
#pragma once

/* kd_stack_call() - call function(argument) on the stack that ends at stack_top, 16-byte aligned.
 * Returns when it does. */
void kd_stack_call(void *stack_top, void (*function)(void *), void *argument);

/* kd_trigger() - #BP with rip = kd_trigger + KD_TRIGGER_BYTES. Returns when the handler does. */
void kd_trigger(void);
#define KD_TRIGGER_BYTES 5u
