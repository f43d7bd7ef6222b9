/* SPDX-License-Identifier: MIT */
/*
 * Jobs: the programs of a pipeline, started by init (supervisor.run) on streams that we make.
 *
 *   J1  A thread waits for each program. When one has ended both its pipes are closed, so that its neighbours go on and end: nobody hangs on
 *       a program that was killed.
 *   J2  A job is given back when all its programs have ended and somebody has been told how, once.
 *   J3  A job has a session of the terminal, so it reads only while it is waited for: it waits in the background, nothing is taken from
 *       the shell.
 *
 * Context: the main thread, but for job_interrupt().
 */
#pragma once

#include <stdbool.h>

#include "userspace/lib/terminal.h"
#include "userspace/programs/shell/parse.h"

#define JOBS_MAX         8u
#define JOB_BYTES        80u  /* of what was typed */
#define CODE_KILLED      137u /* of what job_kill() ends */
#define CODE_INTERRUPTED 130u /* of what Ctrl-C ends */
#define CODE_STOPPED     148u /* Ctrl-Z: it has not ended */
#define CODE_FAULT       128u /* and the number of the exception */
#define CODE_NO_JOB      126u /* it could not be started */
#define CODE_UNKNOWN     127u /* there is no such program */

/*
 * job_start() - start all programs of a pipeline. Says itself what is wrong. 0, with its number in *out_number, or the code that says why
 * not; then none of it runs any more.
 * @text  what was typed
 */
unsigned job_start(const struct pipeline *pipeline, const char *text, unsigned *out_number);

/* job_finish() - let a job go on if it stands still, and wait for it as the one that has the terminal; give it back. Returns the code of
 * its last program; CODE_STOPPED: it stands still now, and was said to. */
unsigned job_finish(unsigned number);

/* job_go_on() - let a job that there is go on in the background. job_text() - what was typed; NULL: there is no such job. */
void job_go_on(unsigned number);
const char *job_text(unsigned number);

/* job_kill() - end all programs of a job that there is. */
void job_kill(unsigned number);

/* job_report() - print and give back jobs that have ended. job_list() - print those that have not. */
void job_report(void);
void job_list(void);

/* job_last() - the number of the newest job; 0: there is none. */
unsigned job_last(void);

/*
 * job_begin() - a line is about to be carried out that ended at this time (monotonic ns; 0: some time ago).
 * job_signal() - Ctrl-C was typed at this time: end the job that is waited for, and those of the same line that are waited for later. Or
 * Ctrl-Z: stop the one that is waited for, or will be next. Before the line ended it means nothing. Context: any thread.
 * job_is_interrupted() - what is left of the line is not to be done.
 */
void job_begin(uint64_t time);
void job_signal(enum terminal_signal signal, uint64_t time);
bool job_is_interrupted(void);
