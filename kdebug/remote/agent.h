/* SPDX-License-Identifier: MIT */
/* Conditions that gdb compiles: its agent expressions, a small machine with a stack. */
#pragma once

#include "base/types.h"

#define KD_AGENT_BYTES 128u

struct kd_agent_code {
    uint8_t count; /* 0: no condition */
    uint8_t bytes[KD_AGENT_BYTES];
};

/* What an expression may ask for. Both false: there is none, which ends it. */
struct kd_agent_target {
    bool (*read_register)(unsigned number, uint64_t *out);
    bool (*read_memory)(uint64_t address, void *to, size_t bytes);
};

/*
 * kd_agent_holds() - is its value other than 0? True, too, for an expression that cannot be evaluated: a condition that is
 * wrong must not let the machine run past what somebody waits for.
 * Cost: at most KD_AGENT_STEPS operations.
 */
#define KD_AGENT_STEPS 10000u
bool kd_agent_holds(const struct kd_agent_code *code, const struct kd_agent_target *target);
