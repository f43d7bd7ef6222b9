/* SPDX-License-Identifier: MIT */
/* The parent of liars and of those who trust them. Its own pages stay in memory. */
#include <stdio.h>
#include <string.h>

#include "gen/objects.h"
#include "gen/syscall_user.h"
#include "userspace/lib/check.h"
#include "userspace/lib/message.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/start.h"
#include "userspace/programs/paging/paging.h"

#define PAGE_FAULT  14u
#define EXIT_KILLED 9u
#define TRIES       5u

static const struct {
    const char *name;
    bool is_fatal;
} kinds[LIE_KINDS] = {
    [LIE_NONE] = {"none", false},   [LIE_DEATH] = {"death", true},     [LIE_DATA] = {"data", true},
    [LIE_OLD] = {"old", true},      [LIE_MISSING] = {"missing", true}, [LIE_LATE] = {"late", true},
    [LIE_EXTRA] = {"extra", false}, [LIE_REFUSE] = {"refuse", true},   [LIE_SELF] = {"self", false},
};

/* What both children get: who lies about memory of its own has a handle of the other's. */
struct common {
    uint64_t mailbox, area;
    bool has_area;
};

static uint64_t start(const struct program_file *file, const char *const *args, unsigned arg_count,
                      const struct common *common)
{
    const struct spawn_grant grants[] = {
        {"system", program_handle("system"), 0, RIGHT_SYSTEM_PAGER},
        {"parent", common->mailbox, 0, RIGHT_MAILBOX_SEND},
        {SHARED_AREA, common->area, 0, RIGHT_AREA_READ | RIGHT_AREA_WRITE},
    };
    const struct spawn spawn = {.name = args[0],
                                .args = args + 1,
                                .arg_count = arg_count - 1,
                                .grants = grants,
                                .grant_count = common->has_area ? 3 : 2};
    uint64_t process;

    must(program_spawn(file, &spawn, &process));
    return process;
}

/* The liar says when it is the pager. */
static uint64_t start_liar(const struct program_file *file, enum lie lie,
                           const struct common *common)
{
    char number[] = "liar=0";
    const char *const args[] = {"liar", number};
    struct message ready = {0};

    number[strlen(number) - 1] = (char)('0' + lie);
    uint64_t process = start(file, args, 2, common);
    must(message_receive(common->mailbox, &ready, DEADLINE_FOREVER));
    must(message_reply(common->mailbox, &ready));
    return process;
}

/* False: the victim ended well, so nobody had to lie: what processes before had was still coming back, and memory was never short. */
static bool run_one(const struct program_file *file, enum lie lie, uint64_t mailbox)
{
    static const char *const args[] = {"victim", "mib=8", "leave=4", "rounds=0"};
    struct common common = {.mailbox = mailbox, .has_area = lie == LIE_SELF};

    if (common.has_area) {
        must(sys_area_create(SHARED_AREA_BYTES, 0, &common.area));
    }
    uint64_t liar = start_liar(file, lie, &common);
    uint64_t end = process_end(start(file, args, 4, &common));
    uint64_t expected = kinds[lie].is_fatal ? PROCESS_END_EXCEPTION + PAGE_FAULT : 0;

    (void)sys_process_kill(liar, EXIT_KILLED);
    uint64_t liar_end = process_end(liar);
    printf("paging: lie %s: victim %lx, liar %lx\n", kinds[lie].name, end, liar_end);
    if (common.has_area) {
        must(sys_handle_close(common.area));
    }
    if (end == 0 && expected != 0) {
        return false;
    }
    VERIFY(end == expected);
    VERIFY(liar_end == (lie == LIE_DEATH ? 0 : EXIT_KILLED));
    return true;
}

void lies_run(void)
{
    struct program_file file;
    uint64_t mailbox;

    must(sys_process_resident(program_handle("system"), program.self));
    must(sys_mailbox_create("paging", strlen("paging"), &mailbox));
    must(program_open("paging", &file));
    for (unsigned lie = 0; lie < LIE_KINDS; lie++) {
        bool has_lied = false;

        for (unsigned i = 0; i < TRIES && !has_lied; i++) {
            has_lied = run_one(&file, (enum lie)lie, mailbox);
        }
        VERIFY(has_lied);
    }
}
