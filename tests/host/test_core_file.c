/* SPDX-License-Identifier: MIT */
/* Core files as the post-mortem debugger reads them: good ones, and ones that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>
#include <unistd.h>

#include "tools/post/core_file.h"

#define MEMORY_AT  0x800u
#define FILE_BYTES 0x4800u
#define ROOT       0x1234000ull

static char path[] = "/tmp/spoor-core-XXXXXX";
static uint8_t bytes[FILE_BYTES];

/* Notes that say where the tables are, and physical [0x10000, 0x13000) and [0x12000, 0x14000), of which a page is the same. */
static void make_file(void)
{
    Elf64_Ehdr head = {.e_type = ET_CORE,
                       .e_phoff = sizeof(head),
                       .e_phentsize = sizeof(Elf64_Phdr),
                       .e_phnum = 3};
    Elf64_Phdr segments[] = {
        {.p_type = PT_NOTE, .p_offset = 0x400, .p_filesz = sizeof(Elf64_Nhdr) + 16},
        {.p_type = PT_LOAD, .p_offset = MEMORY_AT + 0x2000, .p_paddr = 0x12000, .p_filesz = 0x2000},
        {.p_type = PT_LOAD, .p_offset = MEMORY_AT, .p_paddr = 0x10000, .p_filesz = 0x3000},
    };
    Elf64_Nhdr note = {.n_namesz = 6, .n_descsz = 8};
    uint64_t root = ROOT;
    memcpy(head.e_ident, ELFMAG, SELFMAG);
    head.e_ident[EI_CLASS] = ELFCLASS64;
    for (unsigned i = 0; i < FILE_BYTES; i++) {
        bytes[i] = (uint8_t)(i >> 8);
    }
    memcpy(bytes, &head, sizeof(head));
    memcpy(bytes + sizeof(head), segments, sizeof(segments));
    memcpy(bytes + 0x400, &note, sizeof(note));
    memcpy(bytes + 0x400 + sizeof(note), "SPOOR\0\0", 8);
    memcpy(bytes + 0x408 + sizeof(note), &root, sizeof(root));
}

static const char *open_bytes(struct core_file *core, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    fclose(file);
    return core_open(path, core);
}

static void test_memory_is_found_by_its_address(void **state)
{
    (void)state;
    struct core_file core;
    uint8_t two[2];
    make_file();
    assert_null(open_bytes(&core, FILE_BYTES));
    assert_int_equal(core.root, ROOT);
    assert_int_equal(core.run_count, 2);
    assert_int_equal(core_read(&core, 0x10100, two, 2), OK);
    assert_int_equal(two[0], (MEMORY_AT + 0x100) >> 8);
    assert_int_equal(core_read(&core, 0x13fff, two, 1), OK);
    assert_int_equal(two[0], (MEMORY_AT + 0x3fff) >> 8);
    assert_int_equal(core_read(&core, 0x13fff, two, 2), ERR_BAD_ADDRESS);
    assert_int_equal(core_read(&core, 0xffff, two, 1), ERR_BAD_ADDRESS);
    core_close(&core);
}

static void test_what_is_no_ram_is_forgotten(void **state)
{
    (void)state;
    static const struct core_range ranges[] = {{0, 0x10800}, {0x13000, 0x20000}};
    struct core_file core;
    uint8_t byte;
    make_file();
    assert_null(open_bytes(&core, FILE_BYTES));
    core_keep(&core, ranges, 2);
    assert_int_equal(core_read(&core, 0x107ff, &byte, 1), OK);
    assert_int_equal(core_read(&core, 0x10800, &byte, 1), ERR_BAD_ADDRESS);
    assert_int_equal(core_read(&core, 0x12fff, &byte, 1), ERR_BAD_ADDRESS);
    assert_int_equal(core_read(&core, 0x13000, &byte, 1), OK);
    assert_int_equal(byte, (MEMORY_AT + 0x3000) >> 8);
    core_close(&core);
}

static void test_damaged_files_break_nothing(void **state)
{
    (void)state;
    struct core_file core;
    srandom(3);
    for (unsigned turn = 0; turn < 2000; turn++) {
        make_file();
        for (unsigned i = 0; i < 4; i++) {
            bytes[(size_t)random() % 0x440] = (uint8_t)random();
        }
        size_t count = turn % 4 == 0 ? (size_t)random() % FILE_BYTES : FILE_BYTES;
        if (open_bytes(&core, count) == NULL) {
            uint8_t page[0x1000];
            for (unsigned i = 0; i < core.run_count; i++) {
                (void)!core_read(&core, core.runs[i].start, page, sizeof(page));
                (void)!core_read(&core, core.runs[i].end - 1, page, 1);
            }
        }
        core_close(&core);
    }
}

static int make_path(void **state)
{
    (void)state;
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_found_by_its_address),
        cmocka_unit_test(test_what_is_no_ram_is_forgotten),
        cmocka_unit_test(test_damaged_files_break_nothing),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
