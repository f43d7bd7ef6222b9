/* SPDX-License-Identifier: MIT */
/* Conditions and commands that gdb compiles: its agent expressions, a small machine with a stack. */
#pragma once

#include "base/types.h"

#define KD_AGENT_BYTES 160u
#define KD_AGENT_STACK 32u

struct kd_agent_code {
    uint8_t count; /* 0: none */
    uint8_t bytes[KD_AGENT_BYTES];
};

/* What an expression may ask for. Reading is false: there is none, which ends it. print NULL: it may not say anything. */
struct kd_agent_target {
    bool (*read_register)(unsigned number, uint64_t *out);
    bool (*read_memory)(uint64_t address, void *to, size_t bytes);
    void (*print)(const char *format, const uint64_t *arguments, unsigned count);
};

/*
 * kd_agent_holds() - is its value other than 0? True, too, for an expression that cannot be evaluated: a condition that is
 * wrong must not let the machine run past what somebody waits for.
 * Cost: at most KD_AGENT_STEPS operations.
 */
#define KD_AGENT_STEPS 10000u
bool kd_agent_holds(const struct kd_agent_code *code, const struct kd_agent_target *target);

/* kd_agent_run() - execute commands: codes behind each other, each with its length in a byte before it. False: one of them cannot be,
 * and it ended there. Cost: as above for each. */
bool kd_agent_run(const struct kd_agent_code *commands, const struct kd_agent_target *target);
