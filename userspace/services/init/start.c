/* SPDX-License-Identifier: MIT */
/*
 * init's own start: the kernel hands it a struct init_info, the library wants a struct start_info.
 * The words of the kernel's command line become init's arguments; those that begin with "env." also its environment, which all
 * programs inherit.
 */
#include <stdio.h>
#include <string.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/facts.h"
#include "kernel/abi/init.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/boot_files.h"
#include "userspace/lib/start.h"
#include "userspace/services/init/manifest.h"

#define ARGS_MAX 64u

static struct start_info start = {.magic = START_MAGIC};
static char cmdline[INIT_CMDLINE_BYTES];
static char *args[ARGS_MAX + 1] = {"init"};
static char *variables[ARGS_MAX + 1];

static void add_handle(const char *name, uint64_t handle)
{
    struct start_handle *slot = &start.handle[start.handle_count++];

    string_copy(slot->name, name, sizeof(slot->name));
    slot->handle = handle;
}

static unsigned split_words(char *text)
{
    unsigned count = 1;

    while (count < ARGS_MAX) {
        while (*text == ' ') {
            *text++ = '\0';
        }
        if (*text == '\0') {
            break;
        }
        args[count++] = text;
        while (*text != ' ' && *text != '\0') {
            text++;
        }
    }
    return count;
}

/* The framebuffer's mode, as if it had been an option: the manifest says who is told (services/screen). */
static void add_framebuffer(const struct init_info *init)
{
    static char mode[sizeof("framebuffer=") + MANIFEST_VALUE_BYTES];

    if (init->handle_framebuffer != HANDLE_NONE && start.argc < ARGS_MAX) {
        snprintf(mode, sizeof(mode), "framebuffer=%u,%u,%u,%u", init->framebuffer_width,
                 init->framebuffer_height, init->framebuffer_stride, init->framebuffer_format);
        args[start.argc++] = mode;
    }
}

static void find_variables(void)
{
    static const char prefix[] = "env.";
    unsigned count = 0;

    for (unsigned i = 1; i < start.argc; i++) {
        if (strncmp(args[i], prefix, strlen(prefix)) == 0 && strchr(args[i], '=') != NULL) {
            variables[count++] = args[i] + strlen(prefix);
        }
    }
    start.environment = variables;
}

/* HANDLE_NONE: the machine has none. A page of registers, so that who reads them needs no right to map all memory (services/time). */
static uint64_t make_hpet_area(uint64_t system)
{
    struct platform_facts facts = {0};
    uint64_t area;
    status_t status = sys_platform_facts(system, &facts);

    if (status != OK || facts.hpet == 0) {
        return HANDLE_NONE;
    }
    status = sys_area_create_physical(system, facts.hpet, PAGE_BYTES, AREA_UNCACHED, &area);
    return status == OK ? area : HANDLE_NONE;
}

void start_process(const void *info)
{
    const struct init_info *init = info;

    add_handle("self", init->handle_self_process);
    add_handle("console", init->handle_console);
    add_handle("trace", init->handle_trace);
    add_handle("debug", init->handle_debug);
    add_handle("system", init->handle_system);
    add_handle("image", init->handle_image_area);
    add_handle("framebuffer", init->handle_framebuffer);
    add_handle("hpet", make_hpet_area(init->handle_system));
    boot_image_set((const void *)init->image_address, init->image_bytes);
    string_copy(cmdline, init->cmdline, sizeof(cmdline));
    start.argc = split_words(cmdline);
    add_framebuffer(init);
    start.argv = args;
    find_variables();
    program_run(&start);
}
