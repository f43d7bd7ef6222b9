/* SPDX-License-Identifier: MIT */
/*
 * builder: what happens when a program is built: a make starts compilers, which read sources and each other's objects and write theirs.
 *
 *     builder --> ramfs <--files-- compile 0, compile 1 ...
 *       '-----> make -------------------^
 *
 *   units=N (24)   jobs=N (4)
 *
 * Everything is made in the order of what needs what, no more at once than jobs; after a change only what hangs on it is made again.
 */
#include <string.h>

#include "gen/interface/lifecycle_client.h"
#include "gen/objects.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/option.h"
#include "userspace/lib/service.h"
#include "userspace/lib/spawn.h"
#include "userspace/programs/builder/builder.h"

#define LONG (clock_now() + 60 * NS_PER_S)

static uint64_t start(const char *program_name, const char *name, const struct spawn_grant *grants,
                      unsigned grant_count, const char *const *args, unsigned arg_count)
{
    const struct spawn spawn = {.name = name,
                                .args = args,
                                .arg_count = arg_count,
                                .grants = grants,
                                .grant_count = grant_count};
    struct program_file file;
    uint64_t process;

    must(program_open(program_name, &file));
    must(program_spawn(&file, &spawn, &process));
    return process;
}

/* The arguments of this program go on to make, with another role. */
static int run(int argc, char **argv)
{
    const char *args[START_ARGS_MAX] = {"role=make"};
    uint64_t requests, files;

    for (int i = 1; i < argc && i < (int)START_ARGS_MAX - 1; i++) {
        args[i] = argv[i];
    }
    must(sys_mailbox_create("ramfs", strlen("ramfs"), &requests));
    must(sys_handle_duplicate(requests, RIGHT_MAILBOX_SEND, BADGE_SUPERVISOR, &files));
    const struct spawn_grant to_server[] = {{"requests", requests, 0, RIGHTS_MAILBOX}};
    const uint64_t server = start("ramfs", "ramfs", to_server, 1, NULL, 0);
    const struct spawn_grant to_make[] = {
        {"ramfs", requests, 2,
         RIGHT_MAILBOX_SEND | RIGHT_MAILBOX_BADGE | RIGHT_DUPLICATE | RIGHT_TRANSFER},
        {"image", program_handle("image"), 0,
         RIGHT_AREA_READ | RIGHT_AREA_EXEC | RIGHT_DUPLICATE | RIGHT_TRANSFER}};
    const uint64_t code = process_end(start("builder", "make", to_make, 2, args, (unsigned)argc));
    must(sys_handle_close(requests));
    must(lifecycle_stop(files, LONG));
    VERIFY(process_end(server) == 0);
    return code == 0 ? 0 : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    const char *role = option_text("role", "");

    if (strcmp(role, "compiler") == 0) {
        return be_compiler((unsigned)option_u64("unit", 0));
    }
    if (strcmp(role, "make") == 0) {
        return be_make((unsigned)option_u64("units", 24), (unsigned)option_u64("jobs", 4));
    }
    return run(argc, argv);
}
