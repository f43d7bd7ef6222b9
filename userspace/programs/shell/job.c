/* SPDX-License-Identifier: MIT */
/* See job.h. */
#include "userspace/programs/shell/job.h"

#include <stdio.h>
#include <string.h>

#include "gen/interface/supervisor_client.h"
#include "kernel/abi/memory.h"
#include "userspace/files/client/file.h"
#include "userspace/lib/channel.h"
#include "userspace/lib/check.h"
#include "userspace/lib/mutex.h"
#include "userspace/lib/start.h"
#include "userspace/lib/stream.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/shell/console.h"
#include "userspace/programs/shell/variables.h"

#define PIPE_BYTES 0x10000u /* of its area */

struct pipe {
    uint64_t area;          /* until both ends have been started; HANDLE_NONE: no pipe */
    struct channel channel; /* without memory: no pipe */
};

struct process {
    uint64_t handle;
    struct thread waiter;
    struct job *job;
    const struct channel *pipes[2]; /* what it reads, what it writes; NULL: no pipe */
    unsigned code;
};

/* Under the lock, but for what only the main thread touches. */
struct job {
    unsigned number; /* 0: a free place */
    unsigned started, left;
    bool stands_still;
    struct console_session session;
    struct process process[COMMANDS_MAX];
    struct pipe pipe[COMMANDS_MAX - 1];
    struct file file[STREAMS * COMMANDS_MAX]; /* of redirections; closed when all have ended */
    unsigned file_count;
    char text[JOB_BYTES];
};

static struct mutex lock;
static struct condition has_ended;
static struct job jobs[JOBS_MAX];
static struct job *foreground;
static uint64_t line_time, interrupt_time, stop_time;

/* A stream of a program that is about to be started. */
struct end {
    char kind;
    uint64_t handle;
};

/* ---- streams ---- */

/* Something has to be passed on even where there is nothing. */
static uint64_t filler(void)
{
    static uint64_t mailbox;

    if (mailbox == HANDLE_NONE) {
        must(sys_mailbox_create("nothing", strlen("nothing"), &mailbox));
    }
    return mailbox;
}

static struct end nothing(void)
{
    return (struct end){'n', filler()};
}

/* What the shell has itself; of the terminal the job's share. */
static struct end own(const struct job *job, enum stream_number stream)
{
    char kind = stream_kind(stream);

    if (kind == 't' && job->session.terminal != HANDLE_NONE) {
        return (struct end){kind, job->session.terminal};
    }
    return (struct end){kind, stream_rights(kind) == 0 ? filler() : stream_handle(stream)};
}

/* Nothing to do if there is no redirection. Written to behind the end, also for `>`: several programs may write there in turn. */
static bool open_file(struct job *job, const struct redirection *redirection, uint32_t how,
                      struct end *out)
{
    struct file *file = &job->file[job->file_count];
    const char *path = redirection->file;

    if (path == NULL) {
        return true;
    }
    if (how == OPEN_WRITE) {
        how |= OPEN_CREATE | OPEN_APPEND | (redirection->appends ? 0 : OPEN_TRUNCATE);
    }
    status_t status = file_open(path, how, file);

    if (status == OK && file->kind == FILE_DIRECTORY) {
        file_close(file);
        status = ERR_IS_DIRECTORY;
    }
    if (status != OK) {
        complain("%s: %s", path, status_name(status));
        return false;
    }
    job->file_count++;
    *out = (struct end){'f', file->handle};
    return true;
}

static bool make_pipe(struct pipe *pipe)
{
    uint64_t address = 0;
    status_t status = sys_area_create(PIPE_BYTES, 0, &pipe->area);

    if (status == OK) {
        status = sys_area_map(program.self, pipe->area, 0, PIPE_BYTES, 0, PROT_READ | PROT_WRITE,
                              &address);
        if (status != OK) {
            (void)sys_handle_close(pipe->area);
        }
    }
    if (status != OK) {
        complain("no pipe: %s", status_name(status));
        return false;
    }
    channel_init(&pipe->channel, (void *)address, PIPE_BYTES);
    return true;
}

/* Where a command of the pipeline reads and writes. */
static bool open_ends(struct job *job, const struct pipeline *pipeline, unsigned i,
                      struct end end[STREAMS])
{
    const struct command *command = &pipeline->command[i];

    for (unsigned stream = 0; stream < STREAMS; stream++) {
        end[stream] = own(job, stream);
    }
    if (pipeline->in_background && job->session.terminal == HANDLE_NONE) {
        end[STREAM_INPUT] = nothing(); /* it would take the lines of a script */
    }
    if (i > 0) {
        end[STREAM_INPUT] = (struct end){'p', job->pipe[i - 1].area};
    }
    if (i + 1 < pipeline->count) {
        if (!make_pipe(&job->pipe[i])) {
            return false;
        }
        end[STREAM_OUTPUT] = (struct end){'p', job->pipe[i].area};
    }
    if (!open_file(job, &command->input, OPEN_READ, &end[STREAM_INPUT]) ||
        !open_file(job, &command->output, OPEN_WRITE, &end[STREAM_OUTPUT]) ||
        !open_file(job, &command->errors, OPEN_WRITE, &end[STREAM_ERRORS])) {
        return false;
    }
    /* One writer for one pipe: a program must know that both are the same. */
    if (command->errors_to_output || (end[STREAM_ERRORS].kind == end[STREAM_OUTPUT].kind &&
                                      end[STREAM_ERRORS].handle == end[STREAM_OUTPUT].handle)) {
        end[STREAM_ERRORS] = (struct end){'s', filler()};
    }
    return true;
}

/* ---- starting ---- */

static bool put_word(char *words, size_t *length, const char *word)
{
    size_t bytes = strlen(word) + 1;

    if (*length + bytes > SUPERVISOR_RUN_WORDS_MAX) {
        return false;
    }
    memcpy(words + *length, word, bytes);
    *length += bytes;
    return true;
}

static bool put_words(const struct command *command, char *words, size_t *length)
{
    const char *text;
    bool fits = true;

    for (unsigned i = 0; i < command->count; i++) {
        fits = fits && put_word(words, length, command->word[i]);
    }
    for (unsigned i = 0; (text = variable_text(i)) != NULL; i++) {
        fits = fits && put_word(words, length, text);
    }
    return fits;
}

static status_t run(const struct command *command, const struct end end[STREAMS],
                    uint64_t *out_process)
{
    char words[SUPERVISOR_RUN_WORDS_MAX];
    size_t length = 0;
    uint32_t rights[STREAMS];

    if (!put_words(command, words, &length)) {
        return ERR_TOO_BIG;
    }
    for (unsigned i = 0; i < STREAMS; i++) {
        rights[i] = stream_rights(end[i].kind);
    }
    return supervisor_run(
        program_handle("supervisor"), words, length,
        RUN_SHAPE(STREAM_KINDS(end[0].kind, end[1].kind, end[2].kind), command->count - 1),
        end[0].handle, end[1].handle, end[2].handle, rights[0], rights[1], rights[2],
        DEADLINE_FOREVER, out_process);
}

/* J1 */
static void wait_for_end(void *argument)
{
    struct process *process = argument;
    uint64_t code = 0, fault = 0;

    must(sys_process_wait(process->handle, DEADLINE_FOREVER, &code, &fault));
    for (unsigned i = 0; i < 2; i++) {
        if (process->pipes[i] != NULL) {
            channel_close(process->pipes[i]);
        }
    }
    mutex_lock(&lock);
    process->code = fault != 0 ? CODE_FAULT + (unsigned)fault - 1 : (unsigned)code & 0xff;
    process->job->left--;
    condition_wake_all(&has_ended);
    mutex_unlock(&lock);
}

static unsigned start_one(struct job *job, const struct pipeline *pipeline, unsigned i)
{
    const struct command *command = &pipeline->command[i];
    struct process *process = &job->process[i];
    struct end end[STREAMS] = {{0}};
    status_t status = ERR_CANCELLED;

    if (open_ends(job, pipeline, i, end)) {
        status = run(command, end, &process->handle);
        if (status == ERR_NOT_FOUND) {
            complain("there is no program '%s'; help lists the commands", command->word[0]);
        } else if (status == ERR_NOT_SUPPORTED) {
            complain("'%s' is a service; `service start` starts those", command->word[0]);
        } else if (status != OK) {
            complain("%s: %s", command->word[0], status_name(status));
        }
    }
    if (status != OK) {
        return status == ERR_NOT_FOUND ? CODE_UNKNOWN : CODE_NO_JOB;
    }
    process->job = job;
    process->pipes[0] = i > 0 ? &job->pipe[i - 1].channel : NULL;
    process->pipes[1] = i + 1 < pipeline->count ? &job->pipe[i].channel : NULL;
    mutex_lock(&lock);
    job->started++;
    job->left++;
    mutex_unlock(&lock);
    must(thread_start(&process->waiter, wait_for_end, process, THREAD_ANYWHERE, "wait"));
    return 0;
}

/* ---- ending ---- */

/* Since the line ended that is carried out. */
static bool is_now(uint64_t time)
{
    return time != 0 && time >= line_time;
}

static void kill_locked(const struct job *job, unsigned code)
{
    for (unsigned i = 0; i < job->started; i++) {
        (void)sys_process_kill(job->process[i].handle, code);
    }
}

static void stop_locked(struct job *job)
{
    for (unsigned i = 0; i < job->started; i++) {
        (void)sys_process_suspend(job->process[i].handle);
    }
    job->stands_still = true;
    stop_time = 0; /* it was meant for one */
    condition_wake_all(&has_ended);
}

static void go_on_locked(struct job *job)
{
    for (unsigned i = 0; job->stands_still && i < job->started; i++) {
        (void)sys_process_resume(job->process[i].handle);
    }
    job->stands_still = false;
}

static void close_areas(struct job *job)
{
    for (unsigned i = 0; i + 1 < COMMANDS_MAX; i++) {
        if (job->pipe[i].area != HANDLE_NONE) {
            (void)sys_handle_close(job->pipe[i].area);
            job->pipe[i].area = HANDLE_NONE;
        }
    }
}

/* J2. All its programs have ended. */
static unsigned give_back(struct job *job)
{
    unsigned code = job->started > 0 ? job->process[job->started - 1].code : 0;

    for (unsigned i = 0; i < job->started; i++) {
        thread_join(&job->process[i].waiter);
        (void)sys_handle_close(job->process[i].handle);
    }
    close_areas(job);
    for (unsigned i = 0; i + 1 < COMMANDS_MAX; i++) {
        if (job->pipe[i].channel.memory != NULL) {
            must(sys_area_unmap(program.self, (uint64_t)job->pipe[i].channel.memory, PIPE_BYTES));
        }
    }
    while (job->file_count > 0) {
        file_close(&job->file[--job->file_count]);
    }
    console_end_session(&job->session);
    memset(job, 0, sizeof(*job));
    return code;
}

/* True: all of it. False: it stands still. */
static bool wait_until_ended(const struct job *job)
{
    mutex_lock(&lock);
    while (job->left > 0 && !job->stands_still) {
        (void)condition_wait(&has_ended, &lock, DEADLINE_FOREVER);
    }
    bool is_over = job->left == 0;
    foreground = NULL;
    mutex_unlock(&lock);
    return is_over;
}

static struct job *find(unsigned number)
{
    for (unsigned i = 0; i < JOBS_MAX; i++) {
        if (jobs[i].number == number) {
            return &jobs[i];
        }
    }
    return NULL;
}

static void print_job(const struct job *job)
{
    printf("[%u] %s%s\n", job->number, job->stands_still ? "stopped: " : "", job->text);
}

unsigned job_start(const struct pipeline *pipeline, const char *text, unsigned *out_number)
{
    struct job *job = find(0);
    unsigned code = 0;

    if (job == NULL) {
        complain("more than %u jobs: wait for one", JOBS_MAX);
        return CODE_NO_JOB;
    }
    job->number = job_last() + 1;
    string_copy(job->text, text, sizeof(job->text));
    console_begin_session(&job->session);
    for (unsigned i = 0; code == 0 && i < pipeline->count; i++) {
        code = start_one(job, pipeline, i);
    }
    close_areas(job);
    if (code != 0) {
        mutex_lock(&lock);
        kill_locked(job, CODE_KILLED);
        mutex_unlock(&lock);
        (void)wait_until_ended(job);
        (void)give_back(job);
        return code;
    }
    *out_number = job->number;
    return 0;
}

unsigned job_finish(unsigned number)
{
    struct job *job = find(number);

    console_give(&job->session);
    mutex_lock(&lock);
    foreground = job;
    go_on_locked(job);
    if (is_now(interrupt_time)) { /* it came before there was something to end */
        kill_locked(job, CODE_INTERRUPTED);
    } else if (is_now(stop_time)) {
        stop_locked(job);
    }
    mutex_unlock(&lock);
    bool is_over = wait_until_ended(job);
    console_give(NULL);
    if (is_over) {
        return give_back(job);
    }
    print_job(job);
    return CODE_STOPPED;
}

void job_go_on(unsigned number)
{
    mutex_lock(&lock);
    go_on_locked(find(number));
    mutex_unlock(&lock);
}

const char *job_text(unsigned number)
{
    const struct job *job = number != 0 ? find(number) : NULL;

    return job != NULL ? job->text : NULL;
}

void job_kill(unsigned number)
{
    mutex_lock(&lock);
    kill_locked(find(number), CODE_KILLED);
    mutex_unlock(&lock);
}

void job_report(void)
{
    for (unsigned i = 0; i < JOBS_MAX; i++) {
        mutex_lock(&lock);
        bool is_over = jobs[i].number != 0 && jobs[i].left == 0;
        mutex_unlock(&lock);
        if (is_over) {
            char text[JOB_BYTES];
            unsigned number = jobs[i].number;

            string_copy(text, jobs[i].text, sizeof(text));
            printf("[%u] code %u: %s\n", number, give_back(&jobs[i]), text);
        }
    }
}

void job_list(void)
{
    for (unsigned i = 0; i < JOBS_MAX; i++) {
        if (jobs[i].number != 0) {
            print_job(&jobs[i]);
        }
    }
}

unsigned job_last(void)
{
    unsigned newest = 0;

    for (unsigned i = 0; i < JOBS_MAX; i++) {
        newest = jobs[i].number > newest ? jobs[i].number : newest;
    }
    return newest;
}

void job_begin(uint64_t time)
{
    mutex_lock(&lock);
    line_time = time;
    mutex_unlock(&lock);
}

bool job_is_interrupted(void)
{
    mutex_lock(&lock);
    bool result = is_now(interrupt_time);
    mutex_unlock(&lock);
    return result;
}

void job_signal(enum terminal_signal signal, uint64_t time)
{
    mutex_lock(&lock);
    if (signal == TERMINAL_STOP) {
        stop_time = time;
    } else {
        interrupt_time = time;
    }
    if (foreground != NULL && is_now(time)) {
        if (signal == TERMINAL_STOP) {
            stop_locked(foreground);
        } else {
            kill_locked(foreground, CODE_INTERRUPTED);
        }
    }
    mutex_unlock(&lock);
}
