/* SPDX-License-Identifier: MIT */
/*
 * services: what init supervises.
 *
 * The kernel knows nothing of services: the table is init's variable service_table (kernel/abi/services.h), found by the symbols of
 * that program and read out of its memory. It is a program's, so nothing in it is believed: counts and states are bounded, and
 * processes are those that init's handles lead to.
 */
#include "abi/services.h"
#include "base/string.h"
#include "kdebug/cmd/handle.h"
#include "kdebug/core/output.h"
#include "kdebug/core/program.h"
#include "kdebug/core/target.h"

#define INIT  "init"
#define TABLE "service_table"

static struct service_table table;

struct search {
    uint64_t handle;
    vaddr_t object; /* 0: nothing found */
};

static bool match_init(vaddr_t process, void *context)
{
    struct search *search = context;
    struct kd_program program;
    char name[NAME_BYTES];

    kd_process_text(process, name, sizeof(name));
    paddr_t root = kd_fetch_word(process + offsetof(struct process, root), "process");
    if (strcmp(name, INIT) == 0 && kd_program_of(root, &program) &&
        strcmp(program.name, INIT) == 0) {
        search->object = process;
    }
    return search->object == 0;
}

static vaddr_t find_init(void)
{
    struct search search = {0};

    kd_each_process(match_init, &search);
    if (search.object == 0) {
        kd_fail("there is no init");
    }
    return search.object;
}

static void read_table(vaddr_t init)
{
    paddr_t root = kd_fetch_word(init + offsetof(struct process, root), "process");
    struct kd_program program;
    uint64_t address;

    if (!kd_program_of(root, &program) ||
        !kd_program_named(&program, TABLE, strlen(TABLE), &address) ||
        kd_read(root, address, &table, sizeof(table)) != OK || table.magic != SERVICES_MAGIC) {
        kd_fail("init has no table of services");
    }
    table.count = MIN(table.count, (uint32_t)SERVICES_MAX);
    for (unsigned i = 0; i < table.count; i++) {
        table.row[i].name[SERVICES_NAME_BYTES - 1] = '\0';
    }
}

static bool match_handle(vaddr_t entry UNUSED, const struct handle_entry *copy, void *context)
{
    struct search *search = context;

    if (atomic_load_explicit(&copy->handle, memory_order_relaxed) == search->handle &&
        handle_type(copy) == OBJECT_PROCESS) {
        search->object = (vaddr_t)copy->object;
    }
    return search->object == 0;
}

static void show_process(vaddr_t init, uint64_t handle)
{
    struct search search = {.handle = handle};
    struct object object;
    uint32_t handles;

    if (handle != 0) {
        kd_each_handle(init, match_handle, &search);
    }
    if (search.object == 0) {
        kd_print("    -        -");
        return;
    }
    kd_fetch(search.object, &object, sizeof(object), "process");
    kd_fetch(search.object + offsetof(struct process, handles) +
                 offsetof(struct handle_table, used),
             &handles, sizeof(handles), "process");
    kd_print("%5u  %7u", object.id, handles);
}

static void show_end(const struct service_row *row)
{
    if (row->fault != 0) {
        kd_print("  exception %-3u", row->fault - 1);
    } else if (row->state == SERVICE_IDLE || (row->starts == 1 && row->process != 0)) {
        kd_print("  %-13s", "-");
    } else {
        kd_print("  code %-8u", row->code);
    }
}

static void show_needs(const struct service_row *row)
{
    for (unsigned i = 0; i < table.count; i++) {
        if (row->needs >> i & 1) {
            kd_print(" %s", table.row[i].name);
        }
    }
}

static void show_row(vaddr_t init, const struct service_row *row)
{
    static const char *const states[SERVICE_STATES] = {"idle",    "running", "waiting", "stopping",
                                                       "stopped", "ended",   "given up"};

    kd_print("%-15s  %-8s  %6u  %8u  ", row->name,
             row->state < SERVICE_STATES ? states[row->state] : "?", row->starts, row->failures);
    show_process(init, row->process);
    show_end(row);
    show_needs(row);
    kd_print("\n");
}

static void run_services(struct kd_call *call)
{
    kd_arg_done(call);
    vaddr_t init = find_init();
    read_table(init);
    kd_print("SERVICE          STATE     STARTS  FAILURES    PID  HANDLES  LAST END       NEEDS\n");
    for (unsigned i = 0; i < table.count; i++) {
        show_row(init, &table.row[i]);
    }
}
KD_COMMAND(
    services, .usage = "",
    .help = "what init supervises: state, starts, failures in a row, process, how it ended last",
    .flags = KD_READS, .run = run_services);
