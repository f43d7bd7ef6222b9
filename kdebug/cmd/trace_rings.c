/* SPDX-License-Identifier: MIT */
/* trace rings (trace_rings.h). */
#include "kdebug/cmd/trace_rings.h"

#include "kdebug/core/deferred.h"
#include "kdebug/core/output.h"
#include "kdebug/core/permit.h"
#include "trace/ring/layout.h"

void kd_trace_rings(struct kd_call *call)
{
    uint64_t bytes = 0;
    kd_require_live(KD_WRITES);
    if (!kd_arg_accept(call, "most") && !kd_arg_number(call, &bytes)) {
        kd_fail_usage(call);
    }
    bool keeps_oldest = kd_arg_accept(call, "oldest");
    kd_arg_done(call);
    if (bytes != 0 && (bytes < 2 * TRACE_SUBBUF_BYTES || (bytes & (bytes - 1)) != 0)) {
        kd_fail("a ring has 2^n bytes, %u or more", 2 * TRACE_SUBBUF_BYTES);
    }
    kd_deferred_rings(bytes, keeps_oldest);
    kd_print("from the end of the stop; what they hold is gone then\n");
}
