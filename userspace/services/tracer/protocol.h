/* SPDX-License-Identifier: MIT */
/* What the tracer understands on its mailbox. The reply's label is a status_t. */
#pragma once

enum tracer_request {
    TRACER_FLUSH = 1,    /* ship what the rings hold, unfinished sub-buffers too */
    TRACER_END = 2,      /* the same, then end the session; the host may start another one */
    TRACER_FINISHED = 3, /* of its own waiting thread: word 0 = sub-buffers finished since start */
    TRACER_INPUT = 4,    /* of its own listening thread: something has come from the host */
};
