/* SPDX-License-Identifier: MIT */
/*
 * tests: what the system promises its programs, one thing a test. For what happens under load there are the other programs.
 *
 *   area=NAME   handles, ipc, memory, threads, processes, drivers; planted: tests that fail, for who looks at the results
 *   fault       the last of those ends by a fault
 */
#include <string.h>

#include "userspace/lib/option.h"
#include "userspace/lib/spawn.h"
#include "userspace/programs/tests/tests.h"

static const struct {
    const char *name;
    int (*run)(void);
} areas[] = {{"handles", test_handles},     {"ipc", test_ipc},
             {"memory", test_memory},       {"threads", test_threads},
             {"processes", test_processes}, {"drivers", test_drivers},
             {"planted", test_planted}};

uint64_t child_end(const char *role)
{
    const struct spawn spawn = {.name = "tests", .args = &role, .arg_count = 1};
    struct program_file file;
    uint64_t process;

    must(program_open("tests", &file));
    must(program_spawn(&file, &spawn, &process));
    return process_end(process);
}

int main(int argc, char **argv)
{
    const char *wanted = option_text("area", "");

    if (argc > 1 && strcmp(argv[1], "child-count") == 0) {
        process_child();
    }
    if (argc > 1 && strncmp(argv[1], "child-", 6) == 0) {
        memory_child(argv[1]);
    }
    for (unsigned i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
        if (strcmp(areas[i].name, wanted) == 0) {
            return areas[i].run();
        }
    }
    die("there is no area '%s'", wanted);
}
