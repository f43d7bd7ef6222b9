/* SPDX-License-Identifier: MIT */
/*
 * qXfer: documents that gdb reads piece by piece (stub.h). Each piece is cut out of the whole document, which is written
 * anew for it: nothing is kept, and as the machine stands still it is the same document each time.
 *
 *     target.xml    registers               threads     who there is, with names and cores
 *     memory-map    what may be accessed    exec-file   the program of a process, for vFile
 *     libraries     the program that the selected thread of the kernel's process runs in user mode
 *
 * Source: gdb manual, "General Query Packets", "Memory Map Format", "Thread List Format", "Library List Format"
 * (for SVR4 targets, too: which of both gdb asks for depends on what it takes the kernel's file for).
 */
#include "kdebug/remote/stub.h"

#include "base/format.h"
#include "base/string.h"
#include "gen/layout.h"
#include "kdebug/core/command.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/program.h"
#include "kdebug/remote/registers.h"

struct window {
    uint64_t skip, room; /* characters before the piece; left of it */
    bool is_cut;         /* there is more behind it */
};

static void write_text(struct window *window, const char *text)
{
    size_t length = strlen(text);
    size_t skipped = (size_t)MIN(window->skip, (uint64_t)length);
    size_t shown = (size_t)MIN(window->room, (uint64_t)(length - skipped));
    window->skip -= skipped;
    window->room -= shown;
    window->is_cut |= skipped + shown < length;
    kd_packet_put_binary(&kd_remote.answer, text + skipped, shown);
}

/* Text between quotes: names are whatever a program has chosen. */
static void write_name(struct window *window, const char *name)
{
    for (; *name != '\0'; name++) {
        char text[8] = {*name, '\0'};
        if (*name < ' ' || *name > '~' || strchr("<>&\"'", *name) != NULL) {
            format_text(text, sizeof(text), "&#%u;", *name < ' ' || *name > '~' ? '?' : *name);
        }
        write_text(window, text);
    }
}

/* ---- the documents ---- */

static void write_thread(struct kd_remote_id id, const struct thread *copy, void *context)
{
    struct window *window = context;
    char text[96];
    int cpu = kd_remote_cpu(id);
    kd_remote_hold(id);
    if (kd_remote.is_multiprocess) {
        format_text(text, sizeof(text), "<thread id=\"p%x.%x\"", id.pid, id.tid);
    } else {
        format_text(text, sizeof(text), "<thread id=\"%x\"", id.tid);
    }
    write_text(window, text);
    if (cpu >= 0) {
        format_text(text, sizeof(text), " core=\"%d\"", cpu);
        write_text(window, text);
    }
    write_text(window, " name=\"");
    kd_remote_describe(id, copy, text, sizeof(text));
    write_name(window, text);
    write_text(window, "\">");
    kd_remote_state(id, copy, text, sizeof(text));
    write_name(window, text);
    write_text(window, "</thread>\n");
}

static bool write_threads(struct window *window, const char *annex UNUSED)
{
    write_text(window, "<?xml version=\"1.0\"?>\n<threads>\n");
    kd_remote_each_id(kd_remote.newest_shown, write_thread, window);
    write_text(window, "</threads>\n");
    return true;
}

static bool write_description(struct window *window, const char *annex)
{
    if (strcmp(annex, "target.xml") != 0) {
        return false;
    }
    kd_remote.has_description = true;
    write_text(window, kd_remote_description);
    return true;
}

/* Regions of addresses, not what is mapped: gdb asks once. All "ram": in "rom" it would spend debug registers. */
static bool write_memory_map(struct window *window, const char *annex UNUSED)
{
    static const struct {
        uint64_t base, bytes;
    } regions[] = {
        {0, USER_END},
        {DIRECT_MAP_BASE, DIRECT_MAP_BYTES_MAX},
        {KERNEL_STACKS_BASE, KERNEL_STACKS_BYTES},
        {KERNEL_IMAGE_BASE, 0x7ffff000}, /* the last page would end at 0 */
    };
    char text[96];
    write_text(window, "<?xml version=\"1.0\"?>\n<memory-map>\n");
    for (unsigned i = 0; i < ARRAY_COUNT(regions); i++) {
        format_text(text, sizeof(text),
                    "<memory type=\"ram\" start=\"0x%llx\" length=\"0x%llx\"/>\n",
                    (unsigned long long)regions[i].base, (unsigned long long)regions[i].bytes);
        write_text(window, text);
    }
    write_text(window, "</memory-map>\n");
    return true;
}

struct program {
    uint32_t pid;
    struct kd_file file;
    bool is_found;
};

static void take_program(struct kd_remote_id id, const struct thread *copy, void *context)
{
    struct program *program = context;
    if (id.pid == program->pid && !program->is_found) {
        program->is_found = kd_remote_program(copy, &program->file);
    }
}

/* The annex is the process; without one the selected thread's. The kernel's file is gdb's own. */
static bool write_exec_file(struct window *window, const char *annex)
{
    uint64_t pid = kd_remote.selected.pid;
    struct program program = {.is_found = false};
    if (*annex != '\0' && !kd_hex_number(&annex, &pid)) {
        return false;
    }
    if (pid == KD_REMOTE_KERNEL) {
        return false;
    }
    program.pid = (uint32_t)pid;
    kd_remote_each_id(UINT32_MAX, take_program, &program);
    write_text(window, "/");
    write_text(window, program.file.name);
    return program.is_found;
}

/*
 * User memory in the kernel's process is that of the selected thread, so its program is there like a library, at the addresses
 * that it was linked for. Programs of other threads lie at the same ones, and are left out. A process that gdb sees as such has
 * its program as exec-file.
 */
static bool find_library(struct program *out)
{
    struct thread copy;
    *out = (struct program){.pid = kd_remote.selected.pid};
    return kd_remote.shows_libraries && kd_remote.selected.pid == KD_REMOTE_KERNEL &&
           kd_remote_thread_copy(kd_remote.selected, &copy) && kd_remote_program(&copy, &out->file);
}

static bool write_libraries(struct window *window, const char *annex UNUSED)
{
    struct program program;
    char text[64];
    write_text(window, "<library-list>\n");
    if (find_library(&program)) {
        write_text(window, "<library name=\"/");
        write_name(window, program.file.name);
        format_text(text, sizeof(text), "\"><segment address=\"0x%llx\"/></library>\n",
                    (unsigned long long)KD_PROGRAM_START);
        write_text(window, text);
    }
    write_text(window, "</library-list>\n");
    return true;
}

/* There is no dynamic linker and none of its records: `lm` and `l_ld` only have to be something. */
static bool write_libraries_svr4(struct window *window, const char *annex UNUSED)
{
    struct program program;
    char text[96];
    write_text(window, "<library-list-svr4 version=\"1.0\">\n");
    if (find_library(&program)) {
        write_text(window, "<library name=\"/");
        write_name(window, program.file.name);
        format_text(text, sizeof(text), "\" lm=\"0x%llx\" l_addr=\"0x0\" l_ld=\"0x%llx\"/>\n",
                    (unsigned long long)program.file.base, (unsigned long long)KD_PROGRAM_START);
        write_text(window, text);
    }
    write_text(window, "</library-list-svr4>\n");
    return true;
}

static const struct {
    const char *prefix;
    bool (*write)(struct window *window, const char *annex);
} documents[] = {
    {"features:read:", write_description},  {"threads:read:", write_threads},
    {"memory-map:read:", write_memory_map}, {"exec-file:read:", write_exec_file},
    {"libraries:read:", write_libraries},   {"libraries-svr4:read:", write_libraries_svr4},
};

/* "annex:offset,length" */
static void transfer(const char *at, bool (*write)(struct window *window, const char *annex))
{
    char annex[16];
    size_t length = 0;
    struct window window = {0};
    while (at[length] != ':' && at[length] != '\0' && length < sizeof(annex) - 1) {
        annex[length] = at[length];
        length++;
    }
    annex[length] = '\0';
    at += length;
    if (!kd_hex_take(&at, ':') || !kd_remote_take_range(&at, &window.skip, &window.room)) {
        kd_remote_say("E00");
        return;
    }
    window.room = MIN(window.room, (uint64_t)KD_PACKET_BYTES / 2); /* two for one that is escaped */
    kd_remote_say("l");
    if (!write(&window, annex)) {
        kd_remote_say("E00");
    } else if (window.is_cut) {
        kd_remote.answer.data[0] = 'm';
    }
}

void kd_remote_transfer(const char *at)
{
    for (unsigned i = 0; i < ARRAY_COUNT(documents); i++) {
        if (kd_remote_accept(&at, documents[i].prefix)) {
            if (kd_permits(KD_READS)) {
                transfer(at, documents[i].write);
            } else {
                kd_remote_say("E03");
            }
            return;
        }
    }
}
