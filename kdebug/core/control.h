/* SPDX-License-Identifier: MIT */
/* What somebody at the prompt wants of threads and processes while the machine runs. */
#pragma once

#include "base/types.h"

#define KD_CONTROLS_MAX 16u /* between two stops */

enum kd_control_what { KD_CONTROL_HOLD, KD_CONTROL_RELEASE, KD_CONTROL_KILL };

struct kd_control {
    enum kd_control_what what;
    bool is_process; /* id is a PID, not a TID */
    uint32_t id;
    uint64_t code; /* of who is ended */
};

/* kd_control_do() - do it. Who has ended since is left alone, and the log says so. Context: as kdebug_deferred(). */
void kd_control_do(const struct kd_control *request);
