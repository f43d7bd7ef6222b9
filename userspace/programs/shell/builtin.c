/* SPDX-License-Identifier: MIT */
#include "userspace/programs/shell/builtin.h"

#include <stdio.h>
#include <string.h>

#include "userspace/files/client/file.h"
#include "userspace/files/client/here.h"
#include "userspace/lib/option.h"
#include "userspace/lib/stream.h"
#include "userspace/programs/shell/job.h"
#include "userspace/programs/shell/variables.h"

#define WRONG 2u /* used wrongly */

struct builtin {
    const char *name, *arguments, *doc;
    unsigned (*run)(const char *const *words);
    /* Is it meant, and not the program of this name? NULL: there is none. */
    bool (*is_meant)(const char *const *words);
};

static const struct {
    const char *name, *arguments, *doc;
} programs[] = {
#define COMMAND(name, arguments, doc) {#name, arguments, doc},
#include "userspace/programs/commands/commands.def"
#undef COMMAND
};

static bool is_over;

static unsigned fail(const char *what, status_t status)
{
    complain("%s: %s", what, status_name(status));
    return 1;
}

static unsigned do_cd(const char *const *words)
{
    char clean[PATH_BYTES_MAX];
    struct file_info info;
    const char *path = words[1] != NULL ? words[1] : "/";
    status_t status = path_here(path, clean);

    if (status == OK && clean[0] != '\0') { /* "/" holds where file systems are mounted */
        status = file_stat(path, &info);
        if (status == OK && info.kind != FILE_DIRECTORY) {
            status = ERR_NOT_DIRECTORY;
        }
    }
    if (status == OK) {
        status = variable_set("PWD", clean[0] != '\0' ? clean : "/");
    }
    if (status != OK) {
        return fail(path, status);
    }
    path_set_here(clean);
    return 0;
}

const char *here_name(void)
{
    static char clean[PATH_BYTES_MAX];

    return path_here(".", clean) == OK && clean[0] != '\0' ? clean : "/";
}

static unsigned do_pwd(const char *const *words)
{
    (void)words;
    printf("%s\n", here_name());
    return 0;
}

static unsigned do_echo(const char *const *words)
{
    char text[SHELL_LINE_BYTES];
    size_t length = 0;

    for (unsigned i = 1; words[i] != NULL; i++) {
        int added =
            snprintf(text + length, sizeof(text) - length, "%s%s", i > 1 ? " " : "", words[i]);
        length += (size_t)added < sizeof(text) - length ? (size_t)added : sizeof(text) - length - 1;
    }
    text[length < sizeof(text) - 1 ? length++ : length - 1] = '\n';
    return stream_write(STREAM_OUTPUT, text, length) == OK ? 0 : 1;
}

static unsigned do_set(const char *const *words)
{
    const char *text;

    (void)words;
    for (unsigned i = 0; (text = variable_text(i)) != NULL; i++) {
        printf("%s\n", text);
    }
    return 0;
}

static unsigned do_unset(const char *const *words)
{
    for (unsigned i = 1; words[i] != NULL; i++) {
        if (strcmp(words[i], "PWD") == 0) {
            complain("PWD says where the shell is: use cd");
            return WRONG;
        }
        variable_unset(words[i]);
    }
    return 0;
}

static unsigned do_jobs(const char *const *words)
{
    (void)words;
    job_report();
    job_list();
    return 0;
}

/* "%3" or "3"; without a word the newest. 0, and said so: there is none. */
static unsigned job_number(const char *const *words)
{
    uint64_t number = job_last();
    const char *word = words[1];

    if (word != NULL) {
        word += *word == '%';
        if (!number_parse(word, (unsigned)strlen(word), &number)) {
            number = 0;
        }
    }
    if (number > ~0u || job_text((unsigned)number) == NULL) {
        complain("%s: no such job", words[0]);
        return 0;
    }
    return (unsigned)number;
}

static unsigned do_wait(const char *const *words)
{
    unsigned number = job_number(words);

    return number != 0 ? job_finish(number) : 1;
}

static unsigned do_fg(const char *const *words)
{
    unsigned number = job_number(words);

    if (number == 0) {
        return 1;
    }
    printf("%s\n", job_text(number));
    return job_finish(number);
}

static unsigned do_bg(const char *const *words)
{
    unsigned number = job_number(words);

    if (number == 0) {
        return 1;
    }
    job_go_on(number);
    printf("[%u] %s\n", number, job_text(number));
    return 0;
}

/* "%3", or the newest; a number is that of a process. */
static bool is_job(const char *const *words)
{
    return words[1] == NULL || words[1][0] == '%';
}

static unsigned do_kill(const char *const *words)
{
    unsigned number = job_number(words);

    if (number == 0) {
        return 1;
    }
    job_kill(number);
    return 0;
}

static unsigned do_exit(const char *const *words)
{
    uint64_t code = 0;

    if (words[1] != NULL && !number_parse(words[1], (unsigned)strlen(words[1]), &code)) {
        complain("exit: '%s' is no number", words[1]);
        return WRONG;
    }
    is_over = true;
    return (unsigned)code & 0xff;
}

static unsigned do_true(const char *const *words)
{
    (void)words;
    return 0;
}

static unsigned do_false(const char *const *words)
{
    (void)words;
    return 1;
}

/* Lines of a file, as if they were typed; ends with the first that cannot be read. */
static unsigned do_source(const char *const *words)
{
    static unsigned depth;
    char line[SHELL_LINE_BYTES];
    struct file file;
    uint64_t offset = 0, bytes = 0;
    unsigned code = 0;

    if (words[1] == NULL) {
        complain("source: which file?");
        return WRONG;
    }
    if (depth == 4) {
        complain("source: a file that reads a file that reads a file ...");
        return 1;
    }
    status_t status = file_open(words[1], OPEN_READ, &file);
    if (status != OK) {
        return fail(words[1], status);
    }
    depth++;
    while (!is_over && !job_is_interrupted() &&
           (status = file_read(&file, offset, line, sizeof(line), &bytes)) == OK && bytes > 0) {
        uint64_t length = 0;

        while (length < bytes && line[length] != '\n') {
            length++;
        }
        if (length == sizeof(line)) {
            status = ERR_TOO_BIG;
            break;
        }
        line[length] = '\0';
        offset += length + 1;
        code = shell_line(line);
    }
    depth--;
    file_close(&file);
    return status == OK ? code : fail(words[1], status);
}

static unsigned do_help(const char *const *words);

static const struct builtin builtins[] = {
    {"cd", "[PATH]", "go to a folder, or to /", do_cd, NULL},
    {"pwd", "", "print the current folder", do_pwd, NULL},
    {"echo", "[WORD ...]", "print words", do_echo, NULL},
    {"set", "", "print the variables; NAME=VALUE sets one", do_set, NULL},
    {"unset", "NAME ...", "forget variables", do_unset, NULL},
    {"jobs", "", "print what runs in the background, or is stopped", do_jobs, NULL},
    {"wait", "[JOB]", "wait for a job, which then has the terminal", do_wait, NULL},
    {"fg", "[JOB]", "the same, and say which", do_fg, NULL},
    {"bg", "[JOB]", "let a stopped job go on in the background", do_bg, NULL},
    {"kill", "[%JOB]", "end a job", do_kill, is_job},
    {"source", "FILE", "carry out the lines of a file", do_source, NULL},
    {"true", "", "end with 0", do_true, NULL},
    {"false", "", "end with 1", do_false, NULL},
    {"exit", "[CODE]", "leave the shell", do_exit, NULL},
    {"help", "[NAME]", "print this", do_help, NULL},
};

#define BUILTINS (sizeof(builtins) / sizeof(builtins[0]))
#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

static void print_help(const char *name, const char *arguments, const char *doc)
{
    char usage[80];

    snprintf(usage, sizeof(usage), "%s %s", name, arguments);
    printf("  %-30s %s\n", usage, doc);
}

static unsigned do_help(const char *const *words)
{
    bool is_found = words[1] == NULL;

    for (unsigned i = 0; i < BUILTINS; i++) {
        if (words[1] == NULL || strcmp(builtins[i].name, words[1]) == 0) {
            print_help(builtins[i].name, builtins[i].arguments, builtins[i].doc);
            is_found = true;
        }
    }
    for (unsigned i = 0; i < PROGRAMS; i++) {
        if (words[1] == NULL || strcmp(programs[i].name, words[1]) == 0) {
            print_help(programs[i].name, programs[i].arguments, programs[i].doc);
            is_found = true;
        }
    }
    if (!is_found) {
        complain("help: there is no command '%s'", words[1]);
    } else if (words[1] == NULL) {
        printf("Other programs of the boot image run by their names, too.\n");
        printf("a | b   a < in > out 2> errors   a >> out 2>&1   a &   a ; b   a && b   a || b\n"
               "$NAME   'as it is'   \"with $NAME\"   # a remark\n");
        printf("Ctrl-C ends what runs, Ctrl-Z stops it, Ctrl-\\ enters the kernel's debugger "
               "(serial line).\n");
    }
    return is_found ? 0 : 1;
}

static const struct builtin *find(const char *name)
{
    for (unsigned i = 0; i < BUILTINS; i++) {
        if (strcmp(builtins[i].name, name) == 0) {
            return &builtins[i];
        }
    }
    return NULL;
}

bool builtin_is_meant(const char *const *words)
{
    const struct builtin *builtin = find(words[0]);

    return builtin != NULL && (builtin->is_meant == NULL || builtin->is_meant(words));
}

unsigned builtin_run(const char *const *words)
{
    return find(words[0])->run(words);
}

void builtin_names(void (*name)(const char *text, bool unused))
{
    for (unsigned i = 0; i < BUILTINS; i++) {
        if (builtins[i].is_meant == NULL) { /* else a program has that name, too */
            name(builtins[i].name, false);
        }
    }
    for (unsigned i = 0; i < PROGRAMS; i++) {
        name(programs[i].name, false);
    }
}

bool builtin_has_exited(void)
{
    return is_over;
}

bool builtin_is_over(void)
{
    bool was_over = is_over;

    is_over = false;
    return was_over;
}
