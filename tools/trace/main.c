/* SPDX-License-Identifier: MIT */
/* spoor-trace: reads Spoor's captures and memory images; see README.md. */
#include "command.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct command commands[] = {
    {"convert", command_convert, "write a Perfetto trace"},
    {"dump", command_dump, "print every event as a line of text"},
    {"info", command_info, "tell what is in it: machine, duration, events, losses"},
    {"check", command_check, "find out whether it can be trusted"},
    {"ipc", command_ipc, "statistics of round trips per mailbox"},
    {"report", command_report, "where the time went, as JSON (see spoor report)"},
};

static void print_usage(FILE *out)
{
    fputs("usage: spoor-trace COMMAND [OPTIONS] INPUT ...\n\n"
          "Reads captures (.spoor) and images of the trace region's memory; \"-\" is standard "
          "input.\n\n",
          out);
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\nEach command explains itself: spoor-trace COMMAND --help\n"
          "Exit codes: 0 good, 1 something is wrong with the input, 2 wrong usage or unreadable.\n",
          out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_UNUSABLE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return EXIT_GOOD;
    }
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    complain("there is no command \"%s\"; try --help", argv[1]);
    return EXIT_UNUSABLE;
}
