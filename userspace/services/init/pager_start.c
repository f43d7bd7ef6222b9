/* SPDX-License-Identifier: MIT */
/* Starting the pager. */
#include "userspace/services/init/pager_start.h"

#include <stdio.h>

#include "gen/syscall_user.h"
#include "userspace/lib/option.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/start.h"
#include "userspace/services/init/manifest.h"

static status_t start(uint64_t pages)
{
    struct spawn_grant grants[MANIFEST_GRANTS_MAX];
    char text[32];
    const char *const args[] = {text};
    const struct spawn spawn = {.name = "pager",
                                .args = args,
                                .arg_count = 1,
                                .grants = grants,
                                .grant_count = manifest_grants("pager", grants)};
    struct program_file file;
    uint64_t process;

    snprintf(text, sizeof(text), "pages=%lu", pages);
    status_t status = program_open("pager", &file);
    if (status == OK) {
        status = program_spawn(&file, &spawn, &process);
    }
    return status;
}

void pager_start(void)
{
    uint64_t pages = option_u64("pager", 0);

    /* Whatever becomes of a pager, this process goes on. */
    status_t status = sys_process_resident(program_handle("system"), program.self);
    if (status == OK && pages != 0) {
        status = start(pages);
    }
    if (status != OK) {
        printf("init: no pager: %s\n", status_name(status));
    }
}
