/* SPDX-License-Identifier: MIT */
/* context: whose addresses, names and types are meant. */
#include "base/string.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/parser.h"
#include "kdebug/core/program.h"
#include "kdebug/core/program_types.h"
#include "kdebug/core/session.h"
#include "kdebug/core/target.h"

struct search {
    const char *name;
    vaddr_t process;
    unsigned found;
};

static bool match_name(vaddr_t process, void *context)
{
    struct search *search = context;
    char name[NAME_BYTES];
    kd_process_text(process, name, sizeof(name));
    if (strcmp(name, search->name) == 0) {
        search->process = process;
        search->found++;
    }
    return true;
}

static vaddr_t process_called(const char *name)
{
    struct search search = {.name = name};
    kd_each_process(match_name, &search);
    if (search.found != 1) {
        kd_fail(search.found == 0 ? "no process '%s'" : "several processes are called '%s'", name);
    }
    return search.process;
}

/* A PID, a name, what comes through a pipe; 0: "off". */
static vaddr_t take_process(struct kd_call *call)
{
    char name[NAME_BYTES];
    if (call->has_input || kd_is_digit(*call->args)) {
        return kd_arg_process(call);
    }
    kd_arg_word(call, name, sizeof(name));
    return strcmp(name, "off") == 0 ? 0 : process_called(name);
}

static void show_context(void)
{
    struct kd_program program;
    char name[NAME_BYTES];
    kd_space_t space = kd_session_space(0);
    if (kd_session_context() != 0) {
        kd_process_text(kd_session_context(), name, sizeof(name));
        kd_print("process %s", name);
    } else {
        kd_print("core %u", kd_session_cpu());
    }
    if (space == KD_SPACE_KERNEL || !kd_program_of(space, &program)) {
        kd_print(": no program of the boot image\n");
        return;
    }
    unsigned types = kd_types_count(kd_program_scope());
    kd_print(": program %s, %llu symbols, %u types%s\n", program.name,
             (unsigned long long)program.count, types == 0 ? 0 : types - 1, kd_program_trouble());
}

static void run_context(struct kd_call *call)
{
    if (call->has_input || !kd_arg_is_end(call)) {
        vaddr_t process = take_process(call);
        kd_arg_done(call);
        kd_session_choose(
            process,
            process == 0 ? 0 : kd_fetch_word(process + offsetof(struct process, root), "process"));
    }
    show_context();
}
KD_COMMAND(context, .usage = "[PID | NAME | off]",
           .help = "let addresses, names and types of user memory be those of a process, until the "
                   "machine goes on; else they are those of what the selected core runs",
           .flags = KD_READS | KD_TAKES, .run = run_context);
