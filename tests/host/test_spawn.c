/* SPDX-License-Identifier: MIT */
/*
 * The launcher (userspace/lib/spawn.c) with the system calls played by this file: areas are heap
 * memory, a process is a list of mappings. What is checked is what the new process would see, and
 * that nothing is left behind when a call fails.
 */
#include "userspace/lib/spawn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/layout.h"
#include "gen/objects.h"
#include "gen/syscall_user.h"
#include "kernel/abi/boot_image.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/boot_files.h"
#include "userspace/lib/check.h"

#define SELF    0x1001u
#define CONSOLE 0x1002u
#define IMAGE   0x1003u
#define THING   0x1004u

#define TEXT_VIRT 0x400000u
#define DATA_VIRT 0x405000u

/* ---- the system calls ---- */

#define AREAS_MAX 8u
#define MAPS_MAX  16u

static struct area {
    uint64_t handle; /* 0: free */
    uint64_t bytes;
    char *memory;
    bool open;
    unsigned maps;
} areas[AREAS_MAX];

static struct mapping {
    uint64_t process; /* 0: free */
    struct area *area;
    uint64_t offset, bytes, address, protection;
} mappings[MAPS_MAX];

static struct {
    uint64_t process; /* 0: none was made */
    bool open, killed, started;
    unsigned ceiling;
    uint64_t entry, stack, argument, flags;
    struct spawn_quota quota;
    unsigned grants;
    struct {
        uint64_t handle, badge;
        uint32_t rights;
    } grant[START_HANDLES_MAX];
} child;

static char *image;
static uint64_t image_bytes;
static unsigned calls_left; /* the call after that many fails */

static char *own_variables[] = {"OWN=1", NULL};
static const struct start_info own_start = {.environment = own_variables};
struct program program;
static const struct start_info *given;

static bool fails(void)
{
    return calls_left-- == 0;
}

static struct area *area_of(uint64_t handle)
{
    for (unsigned i = 0; i < AREAS_MAX; i++) {
        if (areas[i].handle == handle && areas[i].open) {
            return &areas[i];
        }
    }
    fail_msg("handle %lx is no open area", handle);
    return NULL;
}

static void release(struct area *area)
{
    if (!area->open && area->maps == 0) {
        free(area->memory);
        *area = (struct area){0};
    }
}

status_t sys_process_create(const void *name, uint64_t name_bytes, uint64_t *out_process)
{
    if (fails()) {
        return ERR_NO_MEMORY;
    }
    assert_memory_equal(name, "child", name_bytes);
    memset(&child, 0, sizeof(child));
    child.open = true;
    *out_process = child.process = 0x2001;
    return OK;
}

status_t sys_process_ceiling(uint64_t process, uint32_t priority)
{
    assert_int_equal(process, child.process);
    assert_false(child.started);
    child.ceiling = priority;
    return priority < 32 ? OK : ERR_RANGE;
}

status_t sys_process_kill(uint64_t process, uint64_t code)
{
    (void)code;
    assert_int_equal(process, child.process);
    child.killed = true;
    for (unsigned i = 0; i < MAPS_MAX; i++) {
        if (mappings[i].process == process) {
            mappings[i].process = 0;
            mappings[i].area->maps--;
            release(mappings[i].area);
        }
    }
    return OK;
}

status_t sys_process_wait(uint64_t process, uint64_t deadline, uint64_t *out_code,
                          uint64_t *out_fault)
{
    (void)process;
    (void)deadline;
    *out_code = 3;
    *out_fault = child.flags; /* the test says which */
    return OK;
}

status_t sys_thread_create(uint64_t process, uint64_t entry, uint64_t stack, uint64_t argument,
                           uint64_t flags, const void *name, uint64_t *out_thread)
{
    if (fails()) {
        return ERR_NO_MEMORY;
    }
    assert_int_equal(process, child.process);
    assert_string_equal(name, "child");
    child.started = true;
    child.entry = entry;
    child.stack = stack;
    child.argument = argument;
    child.flags = flags;
    *out_thread = 0x3001;
    return OK;
}

status_t sys_area_create(uint64_t bytes, uint32_t flags, uint64_t *out_area)
{
    if (fails()) {
        return ERR_NO_MEMORY;
    }
    assert_int_equal(flags, 0);
    for (unsigned i = 0; i < AREAS_MAX; i++) {
        if (areas[i].handle == 0) {
            areas[i] = (struct area){0x4000 + i, bytes, calloc(1, bytes), true, 0};
            *out_area = areas[i].handle;
            return OK;
        }
    }
    return ERR_TABLE_FULL;
}

status_t sys_area_map(uint64_t process, uint64_t handle, uint64_t offset, uint64_t bytes,
                      uint64_t address, uint64_t protection, uint64_t *out_address)
{
    struct area *area = area_of(handle);

    if (fails()) {
        return ERR_NO_MEMORY;
    }
    assert_true(process == SELF || process == child.process);
    assert_true((offset | bytes | address) % PAGE_BYTES == 0 && bytes > 0);
    assert_true(offset + bytes <= area->bytes);
    assert_true((protection & (PROT_WRITE | PROT_EXEC)) != (PROT_WRITE | PROT_EXEC));
    assert_true((address == 0) == (process == SELF));
    *out_address = address == 0 ? (uint64_t)area->memory + offset : address;
    for (unsigned i = 0; i < MAPS_MAX; i++) {
        if (mappings[i].process == 0) {
            mappings[i] = (struct mapping){process, area, offset, bytes, *out_address, protection};
            area->maps++;
            return OK;
        }
    }
    return ERR_NO_MEMORY;
}

status_t sys_area_unmap(uint64_t process, uint64_t address, uint64_t bytes)
{
    for (unsigned i = 0; i < MAPS_MAX; i++) {
        if (mappings[i].process == process && mappings[i].address == address) {
            assert_int_equal(mappings[i].bytes, bytes);
            mappings[i].process = 0;
            mappings[i].area->maps--;
            release(mappings[i].area);
            return OK;
        }
    }
    fail_msg("nothing is mapped at %lx", address);
    return ERR_NOT_FOUND;
}

status_t sys_handle_close(uint64_t handle)
{
    if (handle == child.process) {
        child.open = false;
    } else if (handle != 0x3001) {
        struct area *area = area_of(handle);
        area->open = false;
        release(area);
    }
    return OK;
}

/* Before anything is given to the process, or there would be something to pay already. */
status_t sys_process_set_quota(uint64_t process, uint64_t handles, uint64_t threads,
                               uint64_t memory, uint64_t pins)
{
    if (fails()) {
        return ERR_QUOTA;
    }
    assert_int_equal(process, child.process);
    assert_int_equal(child.grants, 0);
    child.quota = (struct spawn_quota){handles, threads, memory, pins};
    return OK;
}

status_t sys_handle_grant(uint64_t process, uint64_t handle, uint32_t rights, uint64_t badge,
                          uint64_t *out_granted)
{
    if (fails()) {
        return ERR_TABLE_FULL;
    }
    assert_int_equal(process, child.process);
    assert_true(child.grants < START_HANDLES_MAX);
    child.grant[child.grants].handle = handle;
    child.grant[child.grants].rights = rights;
    child.grant[child.grants].badge = badge;
    *out_granted = 0x5000 + child.grants++;
    return OK;
}

uint64_t program_handle(const char *name)
{
    return strcmp(name, "image") == 0 ? IMAGE : HANDLE_NONE;
}

void check_failed(status_t status, const char *what)
{
    fail_msg("%s: %s", what, status_name(status));
    abort();
}

status_t boot_file_open(const char *name, struct boot_file *out)
{
    return boot_file_find(image, image_bytes, name, out);
}

/* ---- a program file ---- */

struct program_header {
    uint32_t type, flags;
    uint64_t offset, virt, phys, file_bytes, memory_bytes, align;
};

struct file {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_offset, section_offset;
    uint32_t flags;
    uint16_t header_bytes, program_entry_bytes, program_count, section_entry_bytes, section_count,
        section_names;
    struct program_header program[4];
};

/*
 * Text of 1.5 pages, a page of constants, and 100 bytes of data at an odd address with two pages of
 * zeros after them.
 */
static const struct file good_file = {
    .ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
    .type = 2,
    .machine = 62,
    .version = 1,
    .entry = TEXT_VIRT + 0x10,
    .program_offset = offsetof(struct file, program),
    .header_bytes = 64,
    .program_entry_bytes = sizeof(struct program_header),
    .program_count = 4,
    .program = {{1, 5, 0x1000, TEXT_VIRT, 0, 0x1800, 0x1800, 0x1000},
                {1, 4, 0x3000, TEXT_VIRT + 0x2000, 0, 0x800, 0x800, 0x1000},
                {1, 6, 0x4040, DATA_VIRT + 0x40, 0, 100, 2 * PAGE_BYTES, 0x1000},
                {0x6474e551, 6, 0, 0, 0, 0, 0, 1}},
};

#define FILE_AT    PAGE_BYTES
#define FILE_BYTES (5 * PAGE_BYTES)

static struct file *file_in_image(void)
{
    return (struct file *)(image + FILE_AT);
}

static int setup(void **state)
{
    (void)state;
    memset(areas, 0, sizeof(areas));
    memset(mappings, 0, sizeof(mappings));
    memset(&child, 0, sizeof(child));
    calls_left = UINT32_MAX;
    image_bytes = FILE_AT + FILE_BYTES;
    image = calloc(1, image_bytes);
    *(struct boot_image_header *)image =
        (struct boot_image_header){.magic = BOOT_IMAGE_MAGIC, .count = 1, .bytes = image_bytes};
    *(struct boot_image_entry *)(image + sizeof(struct boot_image_header)) =
        (struct boot_image_entry){"thing", FILE_AT, FILE_BYTES};
    *file_in_image() = good_file;
    memset(image + FILE_AT + 0x1000, 0x90, 0x1800);
    memset(image + FILE_AT + 0x4040, 'd', 100);
    areas[AREAS_MAX - 1] = (struct area){IMAGE, image_bytes, image, true, 1};
    given = NULL;
    program = (struct program){"test", SELF, CONSOLE, false, &own_start};
    return 0;
}

static unsigned open_areas(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < AREAS_MAX - 1; i++) {
        count += areas[i].handle != 0;
    }
    return count;
}

static unsigned mappings_of(uint64_t process)
{
    unsigned count = 0;

    for (unsigned i = 0; i < MAPS_MAX; i++) {
        count += mappings[i].process == process && process != 0;
    }
    return count;
}

static int teardown(void **state)
{
    (void)state;
    if (child.process != 0) {
        (void)sys_process_kill(child.process, 0);
    }
    assert_int_equal(open_areas(), 0);
    free(image);
    return 0;
}

/* What the child reads at an address; the mapping must hold all of it. */
static const void *child_memory(uint64_t address, uint64_t bytes, uint64_t protection)
{
    for (unsigned i = 0; i < MAPS_MAX; i++) {
        const struct mapping *map = &mappings[i];
        if (map->process == child.process && map->address <= address &&
            address + bytes <= map->address + map->bytes) {
            assert_int_equal(map->protection & ~(uint64_t)MAP_FLAGS, protection);
            return map->area->memory + map->offset + (address - map->address);
        }
    }
    fail_msg("the child has nothing at %lx", address);
    return NULL;
}

static status_t spawn_with(const struct spawn *spawn)
{
    struct program_file file;
    uint64_t process;
    status_t status = program_open("thing", &file);

    assert_int_equal(status, OK);
    status = program_spawn(&file, spawn, &process);
    if (status == OK) {
        assert_int_equal(process, child.process);
        given = child_memory(child.argument, sizeof(*given), PROT_READ | PROT_WRITE);
    }
    return status;
}

static const char *const two_args[] = {"role=x", "n=12"};
static const struct spawn_grant two_grants[] = {{"image", IMAGE, 0, RIGHT_AREA_READ},
                                                {"box", THING, 77, RIGHT_MAILBOX_SEND}};
static const struct spawn_quota some_quota = {10, 2, 300, 4};
static const struct spawn usual = {"child", two_args,    2,    2,     two_grants, 0x305,
                                   0,       &some_quota, NULL, false, NULL};

static const char *child_arg(unsigned index)
{
    const char *const *argv = child_memory(
        (uint64_t)given->argv, (given->argc + 1) * sizeof(char *), PROT_READ | PROT_WRITE);

    if (argv[index] == NULL) {
        return NULL;
    }
    return child_memory((uint64_t)argv[index], 1, PROT_READ | PROT_WRITE);
}

static void segments_lie_where_the_file_says(void **state)
{
    (void)state;
    assert_int_equal(spawn_with(&usual), OK);
    assert_ptr_equal(child_memory(TEXT_VIRT, 0x2000, PROT_READ | PROT_EXEC),
                     image + FILE_AT + 0x1000);
    assert_ptr_equal(child_memory(TEXT_VIRT + 0x2000, 0x1000, PROT_READ), image + FILE_AT + 0x3000);
    const char *data = child_memory(DATA_VIRT, 3 * PAGE_BYTES, PROT_READ | PROT_WRITE);
    for (unsigned i = 0; i < 3 * PAGE_BYTES; i++) {
        assert_int_equal(data[i], i >= 0x40 && i < 0x40 + 100 ? 'd' : 0);
    }
}

static void the_thread_starts_as_the_contract_says(void **state)
{
    (void)state;
    assert_int_equal(spawn_with(&usual), OK);
    assert_true(child.started);
    assert_int_equal(child.entry, TEXT_VIRT + 0x10);
    assert_int_equal(child.flags, 0x305);
    assert_int_equal(child.stack % 16, 8);
    assert_true(child.stack < child.argument);
    const char *stack = child_memory(SPAWN_STACK_TOP - SPAWN_STACK_BYTES, SPAWN_STACK_BYTES,
                                     PROT_READ | PROT_WRITE);
    for (uint64_t i = 0; i < child.stack + 8 - (SPAWN_STACK_TOP - SPAWN_STACK_BYTES); i++) {
        assert_int_equal(stack[i], 0);
    }
}

/* Rounded up to pages, from 1 to SPAWN_STACK_MAX bytes. */
static void a_stack_is_as_large_as_the_file_says(void **state)
{
    const uint64_t good[][2] = {
        {1, PAGE_BYTES}, {0x100000 - 5, 0x100000}, {SPAWN_STACK_MAX, SPAWN_STACK_MAX}};
    const uint64_t bad[] = {SPAWN_STACK_MAX + 1, UINT64_MAX, 1ull << 63};
    struct program_file file;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        file_in_image()->program[3].memory_bytes = good[i][0];
        assert_int_equal(spawn_with(&usual), OK);
        (void)child_memory(SPAWN_STACK_TOP - good[i][1], good[i][1], PROT_READ | PROT_WRITE);
        assert_string_equal(child_arg(2), "n=12");
        assert_int_equal(*(const char *)child_memory(DATA_VIRT + 0x40, 1, PROT_READ | PROT_WRITE),
                         'd');
        (void)sys_process_kill(child.process, 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        file_in_image()->program[3].memory_bytes = bad[i];
        assert_int_equal(program_open("thing", &file), ERR_CORRUPT);
    }
}

static void arguments_arrive(void **state)
{
    (void)state;
    assert_int_equal(spawn_with(&usual), OK);
    assert_int_equal(given->magic, START_MAGIC);
    assert_int_equal(given->argc, 3);
    assert_string_equal(child_arg(0), "child");
    assert_string_equal(child_arg(1), "role=x");
    assert_string_equal(child_arg(2), "n=12");
    assert_null(child_arg(3));
}

static const char *child_variable(unsigned index)
{
    const char *const *vector = child_memory((uint64_t)given->environment,
                                             (index + 1) * sizeof(char *), PROT_READ | PROT_WRITE);

    return vector[index] == NULL ? NULL
                                 : child_memory((uint64_t)vector[index], 1, PROT_READ | PROT_WRITE);
}

static void an_environment_arrives(void **state)
{
    static const char *const variables[] = {"HOME=/", "EMPTY=", "TZ=UTC", NULL};
    struct spawn spawn = usual;

    (void)state;
    spawn.environment = variables;
    assert_int_equal(spawn_with(&spawn), OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_string_equal(child_variable(i), variables[i]);
    }
    assert_null(child_variable(3));
    assert_string_equal(child_arg(2), "n=12");
}

static void an_environment_is_inherited_and_can_be_empty(void **state)
{
    static const char *const nothing[] = {NULL};
    struct spawn spawn = usual;

    (void)state;
    assert_int_equal(spawn_with(&spawn), OK);
    assert_string_equal(child_variable(0), "OWN=1");
    assert_null(child_variable(1));
    (void)sys_process_kill(child.process, 0);
    spawn.environment = nothing;
    assert_int_equal(spawn_with(&spawn), OK);
    assert_null(child_variable(0));
}

static void an_environment_that_is_too_long_is_refused(void **state)
{
    static char text[PAGE_BYTES];
    const char *const variables[] = {text, NULL};
    struct spawn spawn = usual;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    spawn.environment = variables;
    assert_int_equal(spawn_with(&spawn), ERR_TOO_BIG);
    assert_int_equal(open_areas(), 0);
}

static void quiet_is_inherited(void **state)
{
    (void)state;
    program.quiet = true;
    assert_int_equal(spawn_with(&usual), OK);
    assert_int_equal(given->argc, 4);
    assert_string_equal(child_arg(3), "quiet");
    assert_null(child_arg(4));

    struct spawn exact = usual;
    exact.args_only = true;
    (void)sys_process_kill(child.process, 0);
    assert_int_equal(spawn_with(&exact), OK);
    assert_int_equal(given->argc, 3);
    assert_null(child_arg(3));
}

static void handles_are_granted_and_named(void **state)
{
    (void)state;
    assert_int_equal(spawn_with(&usual), OK);
    assert_int_equal(child.grants, 4);
    assert_int_equal(given->handle_count, 4);
    const struct {
        const char *name;
        uint64_t handle, badge;
        uint32_t rights;
    } wanted[] = {{"self", child.process, 0, RIGHTS_PROCESS},
                  {"console", CONSOLE, 0, RIGHTS_CONSOLE},
                  {"image", IMAGE, 0, RIGHT_AREA_READ},
                  {"box", THING, 77, RIGHT_MAILBOX_SEND}};
    for (unsigned i = 0; i < 4; i++) {
        assert_string_equal(given->handle[i].name, wanted[i].name);
        assert_int_equal(given->handle[i].handle, 0x5000 + i);
        assert_int_equal(child.grant[i].handle, wanted[i].handle);
        assert_int_equal(child.grant[i].rights, wanted[i].rights);
        assert_int_equal(child.grant[i].badge, wanted[i].badge);
    }
    assert_memory_equal(&child.quota, &some_quota, sizeof(some_quota));
}

static void the_launcher_keeps_nothing_but_the_process(void **state)
{
    (void)state;
    assert_int_equal(spawn_with(&usual), OK);
    assert_int_equal(mappings_of(SELF), 0);
    for (unsigned i = 0; i < AREAS_MAX - 1; i++) {
        assert_false(areas[i].open);
    }
    assert_true(child.open && !child.killed);
}

static void whatever_call_fails_nothing_is_left(void **state)
{
    unsigned failing = 0;

    for (;; failing++) {
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
        calls_left = failing;
        if (spawn_with(&usual) == OK) {
            break;
        }
        assert_false(child.open);
        assert_false(child.started);
        assert_int_equal(mappings_of(SELF), 0);
        assert_int_equal(mappings_of(child.process), 0);
        assert_int_equal(open_areas(), 0);
    }
    assert_int_equal(
        failing, 2 + 2 + 4 + 4 + 1); /* process, its quota, area and window, grants, maps, thread */
}

static void too_many_or_too_long_is_refused(void **state)
{
    const char *args[START_ARGS_MAX + 1];
    char text[PAGE_BYTES];
    struct spawn_grant grants[START_HANDLES_MAX];

    (void)state;
    for (unsigned i = 0; i < START_ARGS_MAX + 1; i++) {
        args[i] = "x";
    }
    assert_int_equal(spawn_with(&(struct spawn){"child", args, START_ARGS_MAX, 0, NULL, 0, 0, NULL,
                                                NULL, false, NULL}),
                     ERR_TOO_BIG);
    assert_int_equal(spawn_with(&(struct spawn){"child", args, START_ARGS_MAX - 1, 0, NULL, 0, 0,
                                                NULL, NULL, false, NULL}),
                     OK);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    args[0] = text;
    (void)sys_process_kill(child.process, 0);
    assert_int_equal(
        spawn_with(&(struct spawn){"child", args, 1, 0, NULL, 0, 0, NULL, NULL, false, NULL}),
        ERR_TOO_BIG);
    for (unsigned i = 0; i < START_HANDLES_MAX; i++) {
        grants[i] = (struct spawn_grant){"g", THING, 0, 0};
    }
    assert_int_equal(spawn_with(&(struct spawn){"child", NULL, 0, START_HANDLES_MAX - 1, grants, 0,
                                                0, NULL, NULL, false, NULL}),
                     ERR_TOO_BIG);
    grants[0].name = "a name of 16 chs";
    assert_int_equal(
        spawn_with(&(struct spawn){"child", NULL, 0, 1, grants, 0, 0, NULL, NULL, false, NULL}),
        ERR_TOO_BIG);
    assert_int_equal(open_areas(), 0);
}

static unsigned prepared;

/* Of the process alone: nothing of it has happened. */
static status_t prepare_child(uint64_t process)
{
    assert_int_equal(process, child.process);
    assert_false(child.started);
    prepared++;
    return prepared == 1 ? OK : ERR_NO_RIGHTS;
}

static void it_is_prepared_before_the_start(void **state)
{
    struct spawn spawn = usual;

    (void)state;
    spawn.prepare = prepare_child;
    prepared = 0;
    assert_int_equal(spawn_with(&spawn), OK);
    assert_true(prepared == 1 && child.started);
    (void)sys_process_kill(child.process, 0);
    child.started = false;
    assert_int_equal(spawn_with(&spawn), ERR_NO_RIGHTS);
    assert_false(child.started);
}

static void the_ceiling_is_set_before_the_start(void **state)
{
    (void)state;
    struct spawn urgent = usual;
    assert_int_equal(spawn_with(&urgent), OK);
    assert_int_equal(child.ceiling, 0);
    (void)sys_process_kill(child.process, 0);
    urgent.priority_ceiling = 20;
    assert_int_equal(spawn_with(&urgent), OK);
    assert_int_equal(child.ceiling, 20);
    (void)sys_process_kill(child.process, 0);
    urgent.priority_ceiling = 99;
    assert_int_equal(spawn_with(&urgent), ERR_RANGE);
    assert_true(child.killed);
}

static status_t open_thing(void)
{
    struct program_file file;

    return program_open("thing", &file);
}

static void files_that_cannot_run_in_place_are_refused(void **state)
{
    (void)state;
    assert_int_equal(open_thing(), OK);
    file_in_image()->program[0].offset = 0x1800; /* and says nothing of alignment */
    file_in_image()->program[0].align = 1;
    file_in_image()->program[0].file_bytes = file_in_image()->program[0].memory_bytes = 0x100;
    assert_int_equal(open_thing(), ERR_CORRUPT);
    *file_in_image() = good_file;
    file_in_image()->program[1].memory_bytes =
        0x900; /* zeros behind constants would have to be written */
    assert_int_equal(open_thing(), ERR_CORRUPT);
    *file_in_image() = good_file;
    file_in_image()->program[2].virt = SPAWN_STACK_TOP - SPAWN_STACK_BYTES + 0x40;
    assert_int_equal(open_thing(), ERR_CORRUPT);
    *file_in_image() = good_file;
    file_in_image()->ident[1] = 'F';
    assert_int_equal(open_thing(), ERR_CORRUPT);
    struct program_file file;
    assert_int_equal(program_open("nothing", &file), ERR_NOT_FOUND);
}

static void an_end_tells_codes_from_exceptions(void **state)
{
    (void)state;
    child.process = 0x2001;
    assert_int_equal(process_end(child.process), 3);
    child.flags = 15;
    assert_int_equal(process_end(child.process), PROCESS_END_EXCEPTION + 14);
}

#define SPAWN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPAWN_TEST(segments_lie_where_the_file_says),
        SPAWN_TEST(the_ceiling_is_set_before_the_start),
        SPAWN_TEST(it_is_prepared_before_the_start),
        SPAWN_TEST(the_thread_starts_as_the_contract_says),
        SPAWN_TEST(a_stack_is_as_large_as_the_file_says),
        SPAWN_TEST(arguments_arrive),
        SPAWN_TEST(an_environment_arrives),
        SPAWN_TEST(an_environment_is_inherited_and_can_be_empty),
        SPAWN_TEST(an_environment_that_is_too_long_is_refused),
        SPAWN_TEST(quiet_is_inherited),
        SPAWN_TEST(handles_are_granted_and_named),
        SPAWN_TEST(the_launcher_keeps_nothing_but_the_process),
        SPAWN_TEST(whatever_call_fails_nothing_is_left),
        SPAWN_TEST(too_many_or_too_long_is_refused),
        SPAWN_TEST(files_that_cannot_run_in_place_are_refused),
        SPAWN_TEST(an_end_tells_codes_from_exceptions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
