/* SPDX-License-Identifier: MIT */
/*
 * The launcher.
 *
 * All that is private to the new process lies in one area: first its stack, then the pages of its writable
 * segments, in their order: at the end those that few programs touch. The launcher sees that area through a window in its own
 * space while it fills it in, and then maps the parts where the program wants them:
 *
 *     area     | stack ................. start_info argv environment strings | data of segment 2 | ...
 *     child      up to SPAWN_STACK_TOP                             at its address
 *
 * The file has been checked by program_open() and the image cannot change, so a launch only fails
 * for lack of memory, of table space, or for wrong arguments.
 */
#include "userspace/lib/spawn.h"

#include <string.h>

#include "gen/layout.h"
#include "gen/objects.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "kernel/abi/message.h"
#include "userspace/lib/boot_files.h"
#include "userspace/lib/check.h"

#define START_BLOCK_MAX PAGE_BYTES /* start_info, argv, environment and strings */

struct launch {
    const struct program_file *file;
    const struct spawn *spawn;
    uint64_t process;
    uint64_t area;       /* the stack, then writable segments */
    uint64_t data_bytes; /* of the writable segments */
    char *window;        /* the area in the launcher's own space */
    uint64_t start;      /* address of start_info in the new process */
};

static uint64_t segment_pages_bytes(const struct elf_segment *segment)
{
    return elf_segment_end_page(segment) - elf_segment_first_page(segment);
}

static bool is_in_place(const struct elf_segment *segment)
{
    return (segment->flags & ELF_WRITE) == 0;
}

static uint64_t stack_bytes_of(const struct elf_file *elf)
{
    return elf->stack_bytes == 0 ? SPAWN_STACK_BYTES
                                 : (elf->stack_bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

/* What elf_open() cannot know: that the file can be run in place, and keeps clear of the stacks. */
static bool can_run(const struct program_file *file)
{
    if (file->stack_bytes == 0 || file->stack_bytes > SPAWN_STACK_MAX) {
        return false; /* 0: rounding up has wrapped around */
    }
    for (unsigned i = 0; i < file->elf.segment_count; i++) {
        const struct elf_segment *segment = &file->elf.segment[i];

        if (is_in_place(segment) &&
            (segment->file_offset % PAGE_BYTES != segment->virt % PAGE_BYTES ||
             segment->file_bytes != segment->memory_bytes)) {
            return false;
        }
    }
    return elf_check_range(&file->elf, USER_BASE,
                           SPAWN_STACK_TOP - file->stack_bytes - PAGE_BYTES) == ELF_OK;
}

status_t program_open(const char *file, struct program_file *out)
{
    struct boot_file found;
    status_t status = boot_file_open(file, &found);

    if (status != OK) {
        return status;
    }
    out->offset = found.offset;
    if (elf_open(found.bytes, found.size, &out->elf) != ELF_OK) {
        return ERR_CORRUPT;
    }
    out->stack_bytes = stack_bytes_of(&out->elf);
    return can_run(out) ? OK : ERR_CORRUPT;
}

static unsigned protection_of(const struct elf_segment *segment)
{
    return ((segment->flags & ELF_READ) ? PROT_READ : 0) |
           ((segment->flags & ELF_WRITE) ? PROT_WRITE : 0) |
           ((segment->flags & ELF_EXEC) ? PROT_EXEC : 0);
}

static status_t create_area(struct launch *launch)
{
    uint64_t address;

    launch->data_bytes = 0;
    for (unsigned i = 0; i < launch->file->elf.segment_count; i++) {
        const struct elf_segment *segment = &launch->file->elf.segment[i];
        launch->data_bytes += is_in_place(segment) ? 0 : segment_pages_bytes(segment);
    }
    uint64_t bytes = launch->data_bytes + launch->file->stack_bytes;
    status_t status = sys_area_create(bytes, 0, &launch->area);
    if (status != OK) {
        return status;
    }
    status =
        sys_area_map(program.self, launch->area, 0, bytes, 0, PROT_READ | PROT_WRITE, &address);
    if (status != OK) {
        (void)sys_handle_close(launch->area);
        return status;
    }
    launch->window = (char *)address;
    return OK;
}

static void discard_area(struct launch *launch)
{
    (void)sys_area_unmap(program.self, (uint64_t)launch->window,
                         launch->data_bytes + launch->file->stack_bytes);
    (void)sys_handle_close(launch->area); /* the mappings of the new process keep it */
}

static status_t map_segments(const struct launch *launch)
{
    const uint64_t image = program_handle("image");
    uint64_t data = launch->file->stack_bytes;

    for (unsigned i = 0; i < launch->file->elf.segment_count; i++) {
        const struct elf_segment *segment = &launch->file->elf.segment[i];
        uint64_t first = elf_segment_first_page(segment);
        uint64_t bytes = segment_pages_bytes(segment);
        uint64_t area = launch->area, protection = protection_of(segment);
        uint64_t offset = data;

        if (is_in_place(segment)) {
            area = image;
            offset = launch->file->offset + segment->file_offset - (segment->virt - first);
            protection |= MAP_PRESENT;
        } else {
            memcpy(launch->window + data + (segment->virt - first),
                   elf_segment_bytes(&launch->file->elf, segment), segment->file_bytes);
            data += bytes;
        }
        status_t status =
            sys_area_map(launch->process, area, offset, bytes, first, protection, &first);
        if (status != OK) {
            return status;
        }
    }
    uint64_t stack;
    return sys_area_map(launch->process, launch->area, 0, launch->file->stack_bytes,
                        SPAWN_STACK_TOP - launch->file->stack_bytes,
                        PROT_READ | PROT_WRITE | MAP_GUARD, &stack);
}

static status_t grant(struct launch *launch, struct start_info *info,
                      const struct spawn_grant *grant)
{
    struct start_handle *slot = &info->handle[info->handle_count];

    if (info->handle_count == START_HANDLES_MAX || strlen(grant->name) >= START_NAME_BYTES) {
        return ERR_TOO_BIG;
    }
    memcpy(slot->name, grant->name, strlen(grant->name) + 1);
    info->handle_count++;
    return sys_handle_grant(launch->process, grant->handle, grant->rights, grant->badge,
                            &slot->handle);
}

static status_t grant_all(struct launch *launch, struct start_info *info)
{
    const struct spawn_grant self = {"self", launch->process, 0, RIGHTS_PROCESS};
    const struct spawn_grant console = {"console", program.console, 0, RIGHTS_CONSOLE};
    status_t status = grant(launch, info, &self);

    if (status == OK) {
        status = grant(launch, info, &console);
    }
    for (unsigned i = 0; status == OK && i < launch->spawn->grant_count; i++) {
        status = grant(launch, info, &launch->spawn->grants[i]);
    }
    return status;
}

/* The arguments of the new program, in order; NULL after the last. */
static const char *arg_text(const struct spawn *spawn, unsigned index)
{
    if (index == 0) {
        return spawn->name;
    }
    if (index <= spawn->arg_count) {
        return spawn->args[index - 1];
    }
    return index == spawn->arg_count + 1 && program.quiet && !spawn->args_only ? "quiet" : NULL;
}

static const char *variable_text(const struct spawn *spawn, unsigned index)
{
    return spawn->environment != NULL ? spawn->environment[index]
                                      : program.start->environment[index];
}

typedef const char *(*text_source)(const struct spawn *spawn, unsigned index);

/* How many there are; adds what they and a vector of them need. */
static unsigned measure(const struct spawn *spawn, text_source text_of, uint64_t *bytes)
{
    unsigned count = 0;

    for (const char *text; (text = text_of(spawn, count)) != NULL; count++) {
        *bytes += sizeof(char *) + strlen(text) + 1;
    }
    *bytes += sizeof(char *); /* NULL */
    return count;
}

/* The vector and its strings; returns where the next strings go. */
static char *write_texts(const struct spawn *spawn, text_source text_of, uint64_t *vector,
                         char *strings, uint64_t to_child)
{
    const char *text;

    for (unsigned i = 0; (text = text_of(spawn, i)) != NULL; i++) {
        vector[i] = (uint64_t)strings + to_child;
        memcpy(strings, text, strlen(text) + 1);
        strings += strlen(text) + 1;
    }
    return strings;
}

/*
 * Lay out start_info, argv, environment and strings at the upper end of the stack. Addresses in it are those of
 * the new process.
 */
static status_t write_start(struct launch *launch)
{
    const struct spawn *spawn = launch->spawn;
    uint64_t bytes = sizeof(struct start_info);
    unsigned argc = measure(spawn, arg_text, &bytes);
    unsigned variables = measure(spawn, variable_text, &bytes);

    bytes = (bytes + 15) / 16 * 16;
    if (argc > START_ARGS_MAX || bytes > START_BLOCK_MAX) {
        return ERR_TOO_BIG;
    }
    launch->start = SPAWN_STACK_TOP - bytes;

    struct start_info *info = (void *)(launch->window + launch->file->stack_bytes - bytes);
    uint64_t *argv = (uint64_t *)(info + 1), *environment = argv + argc + 1;
    char *strings = (char *)(environment + variables + 1);
    uint64_t to_child = launch->start - (uint64_t)info;

    info->magic = START_MAGIC;
    info->argc = argc;
    info->argv = (char **)((uint64_t)argv + to_child);
    info->environment = (char **)((uint64_t)environment + to_child);
    strings = write_texts(spawn, arg_text, argv, strings, to_child);
    (void)write_texts(spawn, variable_text, environment, strings, to_child);
    return grant_all(launch, info);
}

static status_t set_quota(const struct launch *launch)
{
    const struct spawn_quota *quota = launch->spawn->quota;

    return quota == NULL ? OK
                         : sys_process_set_quota(launch->process, quota->handles, quota->threads,
                                                 quota->memory, quota->pins);
}

static status_t start_thread(const struct launch *launch)
{
    uint64_t thread;
    status_t status =
        sys_thread_create(launch->process, launch->file->elf.entry, launch->start - 8,
                          launch->start, launch->spawn->thread_flags, launch->spawn->name, &thread);

    if (status == OK) {
        (void)sys_handle_close(thread);
    }
    return status;
}

status_t program_spawn(const struct program_file *file, const struct spawn *spawn,
                       uint64_t *out_process)
{
    struct launch launch = {.file = file, .spawn = spawn};
    status_t status = sys_process_create(spawn->name, strlen(spawn->name), &launch.process);

    if (status != OK) {
        return status;
    }
    if (spawn->priority_ceiling != 0) {
        status = sys_process_ceiling(launch.process, spawn->priority_ceiling);
    }
    if (status == OK) {
        status = set_quota(&launch);
    }
    if (status == OK && spawn->prepare != NULL) {
        status = spawn->prepare(launch.process);
    }
    if (status == OK) {
        status = create_area(&launch);
    }
    if (status != OK) {
        goto kill_process;
    }
    status = write_start(&launch);
    if (status == OK) {
        status = map_segments(&launch);
    }
    discard_area(&launch);
    if (status == OK) {
        status = start_thread(&launch);
    }
    if (status == OK) {
        *out_process = launch.process;
        return OK;
    }
kill_process:
    (void)sys_process_kill(launch.process, 0);
    (void)sys_handle_close(launch.process);
    return status;
}

uint64_t process_end(uint64_t process)
{
    uint64_t code, fault;

    must(sys_process_wait(process, DEADLINE_FOREVER, &code, &fault));
    must(sys_handle_close(process));
    return fault != 0 ? PROCESS_END_EXCEPTION + fault - 1 : code;
}
