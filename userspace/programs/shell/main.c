/* SPDX-License-Identifier: MIT */
/*
 * shell: reads lines and starts what they say. parse.h is the language, job.h what becomes of it.
 *
 *   handles    supervisor (to find the terminal, to have programs started), console; perhaps streams of its own
 *   arguments  terminal=SERVICE   whom to read from; without it its input: a person, a file, a pipe
 *              -c LINE            carry out this line and end
 *              -b WORD ...        carry out a command of the shell and end: how they stand in pipelines
 */
#include <stdio.h>
#include <string.h>

#include "userspace/files/client/here.h"
#include "userspace/lib/check.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/shell/builtin.h"
#include "userspace/programs/shell/console.h"
#include "userspace/programs/shell/expand.h"
#include "userspace/programs/shell/job.h"
#include "userspace/programs/shell/variables.h"

#define PROMPT_BYTES 60u

/* ---- pipelines ---- */

/* NAME=VALUE alone. */
static bool is_assignment(const struct pipeline *pipeline)
{
    const struct command *command = &pipeline->command[0];
    const char *equals = strchr(command->word[0], '=');

    return pipeline->count == 1 && command->count == 1 && equals != NULL &&
           is_name(command->word[0], (unsigned)(equals - command->word[0]));
}

static unsigned assign(const char *word)
{
    char name[SHELL_LINE_BYTES];
    size_t length = (size_t)(strchr(word, '=') - word);

    memcpy(name, word, length);
    name[length] = '\0';
    if (strcmp(name, "PWD") == 0) {
        complain("PWD says where the shell is: use cd");
        return 2;
    }
    status_t status = variable_set(name, word + length + 1);
    if (status != OK) {
        complain("%s: %s", name, status_name(status));
    }
    return status == OK ? 0 : 1;
}

/* A command of the shell among programs runs in a shell of its own. False: there is no room for two words more. */
static bool wrap_builtin(struct command *command)
{
    if (!builtin_is_meant(command->word)) {
        return true;
    }
    if (command->count + 2 > WORDS_MAX) {
        complain("too many words");
        return false;
    }
    memmove(&command->word[2], &command->word[0], (command->count + 1) * sizeof(command->word[0]));
    command->word[0] = "shell";
    command->word[1] = "-b";
    command->count += 2;
    return true;
}

static bool stands_alone(const struct pipeline *pipeline)
{
    const struct command *command = &pipeline->command[0];

    return pipeline->count == 1 && !pipeline->in_background && !has_redirection(command);
}

static unsigned run_programs(struct pipeline *pipeline, const char *text)
{
    unsigned number;

    for (unsigned i = 0; i < pipeline->count; i++) {
        if (!wrap_builtin(&pipeline->command[i])) {
            return CODE_NO_JOB;
        }
    }
    unsigned code = job_start(pipeline, text, &number);
    if (code != 0) {
        return code;
    }
    if (pipeline->in_background) {
        printf("[%u] %s\n", number, text);
        return 0;
    }
    return job_finish(number);
}

static unsigned run_pipeline(struct pipeline *pipeline, const char *text)
{
    if (!expand(pipeline)) {
        return CODE_NO_JOB;
    }
    if (is_assignment(pipeline)) {
        return assign(pipeline->command[0].word[0]);
    }
    if (stands_alone(pipeline) && builtin_is_meant(pipeline->command[0].word)) {
        return builtin_run(pipeline->command[0].word);
    }
    return run_programs(pipeline, text);
}

/* ---- lines ---- */

static void print_error(const struct parser *parser)
{
    complain("%s\n  %.80s\n  %*s^", parser->error, parser->line, (int)(parser->at - parser->line),
             "");
}

static bool is_wanted(enum connector connector, unsigned code)
{
    return connector == CONNECT_IF_OK ? code == 0 : connector != CONNECT_IF_NOT || code != 0;
}

/* What a pipeline was typed as, for lists of jobs. */
static void copy_text(const char *from, const char *to, char text[JOB_BYTES])
{
    while (*from == ' ') {
        from++;
    }
    size_t length = (size_t)(to - from);
    length = length < JOB_BYTES ? length : JOB_BYTES - 1;
    while (length > 0 && strchr(" ;&|", from[length - 1]) != NULL) {
        length--;
    }
    memcpy(text, from, length);
    text[length] = '\0';
}

unsigned shell_line(const char *line)
{
    struct parser parser;
    struct pipeline pipeline;
    enum connector connector = CONNECT_ALWAYS;
    unsigned code = 0;
    const char *begin = line;

    parser_begin(&parser, line, variable_get);
    while (!job_is_interrupted() && !builtin_has_exited() && parser_next(&parser, &pipeline)) {
        if (is_wanted(connector, code)) {
            char text[JOB_BYTES];

            copy_text(begin, parser.at, text);
            code = run_pipeline(&pipeline, text);
            variable_set_code(code);
        }
        connector = pipeline.next;
        begin = parser.at;
    }
    if (job_is_interrupted()) { /* perhaps before anything was started */
        code = CODE_INTERRUPTED;
        variable_set_code(code);
    }
    if (parser.error != NULL) {
        print_error(&parser);
        code = 2;
        variable_set_code(code);
    }
    return code;
}

/* ---- the shell ---- */

static void await_signals(void *unused)
{
    enum terminal_signal signal;
    uint64_t time;

    (void)unused;
    while (console_await_signal(&signal, &time) == OK) {
        job_signal(signal, time);
    }
}

/* A long one is shown from its end, and what a terminal does not take as '?'. */
static void write_prompt(char prompt[PROMPT_BYTES])
{
    const char *here = here_name();
    size_t length = strlen(here);

    snprintf(prompt, PROMPT_BYTES, "%s $ ",
             length + 4 < PROMPT_BYTES ? here : here + (length + 4 - PROMPT_BYTES + 1));
    for (char *at = prompt; *at != '\0'; at++) {
        *at = *at >= ' ' && *at <= '~' ? *at : '?';
    }
}

static unsigned read_lines(void)
{
    static char line[SHELL_LINE_BYTES];
    char prompt[PROMPT_BYTES];
    unsigned code = 0;
    status_t status = OK;
    bool is_over = false;

    while (!is_over) {
        job_report();
        write_prompt(prompt);
        status = console_line(prompt, line);
        if (status == ERR_TOO_BIG) {
            complain("a line is longer than %u letters", SHELL_LINE_BYTES - 1);
            code = 2;
        } else if (status == OK) {
            job_begin(console_line_time());
            code = shell_line(line);
        }
        is_over = builtin_is_over() || (status != OK && status != ERR_TOO_BIG);
    }
    return code;
}

static const char *argument_after(int argc, char **argv, const char *flag)
{
    return argc > 2 && strcmp(argv[1], flag) == 0 ? argv[2] : NULL;
}

int main(int argc, char **argv)
{
    static struct thread signals;
    const char *service = option_text("terminal", NULL);

    variables_begin();
    if (argument_after(argc, argv, "-b") != NULL) {
        if (!builtin_is_meant((const char *const *)&argv[2])) {
            die("there is no command '%s'", argv[2]);
        }
        return (int)builtin_run((const char *const *)&argv[2]);
    }
    status_t status = console_open(service);
    if (status != OK) {
        die("no terminal: %s", status_name(status));
    }
    if (console_is_person()) {
        must(thread_start(&signals, await_signals, NULL, THREAD_ANYWHERE, "signals"));
    }
    if (argument_after(argc, argv, "-c") != NULL) {
        return (int)shell_line(argv[2]);
    }
    unsigned code = read_lines();
    while (service != NULL) { /* who leaves his own terminal's shell comes back to a new one */
        printf("\n");
        variables_begin();
        path_set_here("");
        code = read_lines();
    }
    return (int)code;
}
