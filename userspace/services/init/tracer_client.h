/* SPDX-License-Identifier: MIT */
/* init's side of the trace consumer (services/tracer). */
#pragma once

/*
 * tracer_start() - start the trace consumer. A failure is printed and the system goes on without
 * it.
 */
void tracer_start(void);

/*
 * tracer_end() - have everything shipped that the rings hold and the session ended. Prints what
 * came of it. Returns at once if no tracer runs.
 */
void tracer_end(void);
