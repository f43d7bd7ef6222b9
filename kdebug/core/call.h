/* SPDX-License-Identifier: MIT */
/* Calling a function of the kernel from the prompt, in a way that a person can end. Theory in call.c. */
#pragma once

#include "arch/frame.h"
#include "base/types.h"

#define KD_CALL_ARGUMENTS 6u

/*
 * kd_call_function() - call it, here and now, with so many integers; its result.
 *
 * Raises (guard.h) with a message if BREAK or the escape byte comes before it has returned. What it held then stays
 * held. What else is typed meanwhile goes where it goes while the kernel runs. Context: the core at the prompt.
 */
uint64_t kd_call_function(uint64_t function, const uint64_t arguments[KD_CALL_ARGUMENTS]);

/* kd_call_nmi() - of an NMI on the core at the prompt: if a call is under way and a person wants to end it, make the
 * frame go there. */
void kd_call_nmi(struct trap_frame *frame);
