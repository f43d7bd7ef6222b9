/* SPDX-License-Identifier: MIT */
/*
 * spoor-post: kdebug's prompt over a dead machine.
 *
 *     spoor-post -k kernel.elf [-i boot.img] [-c LINE]... CORE
 *
 * The debugger is the kernel's own code, built for the host; only the target (target_dead.h) and the
 * line to the person are others. With -c the lines are run and what they print is all that is
 * printed. Else it is the prompt, on a terminal or for a program, until ^D.
 *
 * Exit codes: 0 done, 1 a file or a line of -c was no good, 2 wrong arguments.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/session.h"
#include "kdebug/core/terminal.h"
#include "tools/post/target_dead.h"

#define CTRL_D  4
#define OPTIONS "k:i:c:"

struct files {
    const char *core, *kernel, *image;
};

static struct termios original; /* settings of the terminal, if is_raw */
static bool is_raw, has_ended, is_quiet;

static void restore_terminal(void)
{
    fflush(stdout);
    if (is_raw) {
        tcsetattr(STDIN_FILENO, TCSANOW, &original);
    }
}

static void use_terminal(void)
{
    if (tcgetattr(STDIN_FILENO, &original) != 0) {
        return;
    }
    struct termios raw = original;
    cfmakeraw(&raw);
    is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* A terminal in raw mode needs the CR that kdebug sends; a program or file does not. */
static void put_char(char c)
{
    if (c != '\r' || is_raw) {
        putchar(c);
    }
}

static int get_char(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    unsigned char byte;
    if (is_quiet || has_ended || poll(&input, 1, 0) <= 0) {
        return -1;
    }
    if (read(STDIN_FILENO, &byte, 1) != 1 || byte == CTRL_D) {
        has_ended = true;
        return -1;
    }
    return byte;
}

/* Nothing is typed. */
static void wait_for_input(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    fflush(stdout);
    if (has_ended) {
        kd_terminal_write("\n", 1);
        exit(0);
    }
    poll(&input, 1, -1);
}

static int show_usage(void)
{
    fputs("usage: spoor-post -k KERNEL [-i IMAGE] [-c LINE]... CORE\n", stderr);
    return 2;
}

/* What -c names is run later, when the files are open. */
static bool parse(int count, char *arguments[], struct files *files)
{
    int option;
    while ((option = getopt(count, arguments, OPTIONS)) != -1) {
        if (option == 'k') {
            files->kernel = optarg;
        } else if (option == 'i') {
            files->image = optarg;
        } else if (option == 'c') {
            is_quiet = true;
        } else {
            return false;
        }
    }
    files->core = optind == count - 1 ? arguments[optind] : NULL;
    return files->core != NULL && files->kernel != NULL;
}

static int run_lines(int count, char *arguments[])
{
    bool fine = true;
    int option;
    optind = 1;
    while ((option = getopt(count, arguments, OPTIONS)) != -1) {
        if (option == 'c') {
            fine = kd_session_run(optarg) && fine;
        }
    }
    return fine ? 0 : 1;
}

int main(int count, char *arguments[])
{
    static const struct kd_line line = {.put = put_char, .get = get_char};
    struct files files = {.image = ""};
    const char *path;
    unsigned cpu;
    if (!parse(count, arguments, &files)) {
        return show_usage();
    }
    const char *trouble = target_dead_open(files.core, files.kernel, files.image, &cpu, &path);
    if (trouble != NULL) {
        fprintf(stderr, "spoor-post: %s: %s\n", path, trouble);
        return 1;
    }
    atexit(restore_terminal);
    kd_terminal_use(&line);
    kd_session_begin(cpu);
    kd_output_begin(NULL, 0);
    if (is_quiet) {
        return run_lines(count, arguments);
    }
    use_terminal();
    kd_session_prompt(wait_for_input);
    return 0;
}
