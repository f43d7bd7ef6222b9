/* SPDX-License-Identifier: MIT */
/* init's side of the trace consumer (services/tracer). */
#pragma once

/*
 * tracer_end() - have everything shipped that the rings hold and the session ended. Prints what
 * came of it. Returns at once if no tracer was started.
 */
void tracer_end(void);
