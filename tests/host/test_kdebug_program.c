/* SPDX-License-Identifier: MIT */
/* Names and types of user programs out of a boot image in the fake machine, whole and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>

#include "abi/boot_image.h"
#include "abi/handoff.h"
#include "arch/mmu.h"
#include "gen/layout.h"
#include "kdebug/core/program.h"
#include "kdebug/core/program_types.h"
#include "tests/host/kdebug_support.h"

#define IMAGE_PAGES 4u
#define FILE_AT     0x1000u /* of "server", in the image */
#define FILE_BYTES  0x1000u
#define TYPES_AT    0x600u /* of its .BTF, in the file */
#define TEXT        0x400000ull
#define DATA        0x403000ull

static vaddr_t *handoff_variable;
static struct handoff *handoff;
static uint8_t *image;
static struct kd_program program;

/* struct pair { int x, y; struct pair *next; } bss; enum colour { RED, BLUE }, as BTF. */
#define INFO(kind, count) ((kind) << 24 | (count))
#define NAMES             "\0int\0pair\0x\0y\0next\0bss\0colour\0RED\0BLUE\0.program"
static const struct {
    uint16_t magic;
    uint8_t version, flags;
    uint32_t header[5];
    uint32_t number[4], pair[12], pointer[3], variable[4], colour[7], section[6];
    char names[sizeof(NAMES)];
} types = {
    .magic = 0xeb9f,
    .version = 1,
    .header = {24, 0, 36 * 4, 36 * 4, sizeof(NAMES)},
    .number = {1, INFO(1u, 0), 4, 1u << 24 | 32},
    .pair = {5, INFO(4u, 3), 16, 10, 1, 0, 12, 1, 32, 14, 3, 64},
    .pointer = {0, INFO(2u, 0), 2},
    .variable = {19, INFO(14u, 0), 2, 1},
    .colour = {23, INFO(6u, 2), 4, 30, 0, 34, 7},
    .section = {39, INFO(15u, 1), 0, 4, DATA, 16},
    .names = NAMES,
};

static void make_symbols(uint8_t *file)
{
    static const char names[] = "\0main\0serve\0mark\0bss\0.BTF";
    Elf64_Sym symbols[] = {
        {0},
        {.st_name = 1, .st_info = STT_FUNC, .st_shndx = 1, .st_value = TEXT, .st_size = 0x40},
        {.st_name = 6, .st_info = STT_FUNC, .st_shndx = 1, .st_value = TEXT + 0x40, .st_size = 16},
        {.st_name = 12, .st_shndx = 1, .st_value = TEXT + 0x100},
        {.st_name = 17, .st_info = STT_OBJECT, .st_shndx = 2, .st_value = DATA, .st_size = 16},
    };
    Elf64_Shdr sections[] = {
        {0},
        {.sh_type = SHT_SYMTAB, .sh_offset = 0x200, .sh_size = sizeof(symbols), .sh_link = 2},
        {.sh_type = SHT_STRTAB, .sh_offset = 0x400, .sh_size = sizeof(names)},
        {.sh_name = 21, .sh_type = SHT_PROGBITS, .sh_offset = TYPES_AT, .sh_size = sizeof(types)},
    };
    Elf64_Ehdr head = {
        .e_shoff = 0x100, .e_shentsize = sizeof(*sections), .e_shnum = 4, .e_shstrndx = 2};
    memcpy(head.e_ident, ELFMAG, SELFMAG);
    memcpy(file, &head, sizeof(head));
    memcpy(file + 0x100, sections, sizeof(sections));
    memcpy(file + 0x200, symbols, sizeof(symbols));
    memcpy(file + 0x400, names, sizeof(names));
    memcpy(file + TYPES_AT, &types, sizeof(types));
}

static int make_image(void **state)
{
    fake_begin(state);
    image = fake_alloc(IMAGE_PAGES * PAGE_BYTES + PAGE_BYTES);
    image = (uint8_t *)ROUND_UP((uintptr_t)image, PAGE_BYTES);
    handoff = fake_alloc(sizeof(*handoff));
    handoff_variable = fake_alloc(sizeof(*handoff_variable));
    *handoff_variable = (vaddr_t)handoff;
    fake_global("boot_handoff", handoff_variable);
    handoff->image_base = fake_physical(image);
    handoff->image_bytes = IMAGE_PAGES * PAGE_BYTES;
    *(struct boot_image_header *)image =
        (struct boot_image_header){.magic = BOOT_IMAGE_MAGIC, .count = 2};
    struct boot_image_entry *entry =
        (struct boot_image_entry *)(image + sizeof(struct boot_image_header));
    entry[0] = (struct boot_image_entry){"init", 0x3000, 0x100};
    entry[1] = (struct boot_image_entry){"server", FILE_AT, FILE_BYTES};
    make_symbols(image + FILE_AT);
    fake_map(TEXT, fake_physical(image + FILE_AT), PAGE_BYTES, PTE_USER);
    fake_map(DATA, fake_physical(image + 2 * PAGE_BYTES), PAGE_BYTES, PTE_USER);
    memcpy(image + 2 * PAGE_BYTES, (const uint64_t[]){5 | 7ull << 32, DATA + 16, 1, 0}, 32);
    kd_types_use("", 0); /* what an earlier test loaded */
    return 0;
}

static const char *name_of(uint64_t address, bool is_exact)
{
    static char text[64];
    return kd_program_symbol(&program, address, is_exact, text, sizeof(text)) == 0 ? "" : text;
}

static void test_addresses_have_names(void **state)
{
    (void)state;
    assert_true(kd_program_of(fake_root(), &program));
    assert_string_equal(program.name, "server");
    assert_string_equal(name_of(TEXT, true), "main");
    assert_string_equal(name_of(TEXT + 0x3f, true), "main+0x3f");
    assert_string_equal(name_of(TEXT + 0x40, true), "serve");
    assert_string_equal(name_of(TEXT + 0x40, false), "main+0x40"); /* behind a call at its end */
    assert_string_equal(name_of(TEXT + 0x50, true), "");
    assert_string_equal(name_of(TEXT + 0x120, true), "mark+0x20");
    assert_string_equal(name_of(TEXT - 1, true), "");
    assert_string_equal(name_of(0, false), "");
}

static void test_names_have_addresses(void **state)
{
    (void)state;
    uint64_t address;
    assert_true(kd_program_of(fake_root(), &program));
    assert_true(kd_program_named(&program, "serve", 5, &address));
    assert_int_equal(address, TEXT + 0x40);
    assert_false(kd_program_named(&program, "serv", 4, &address));
    assert_false(kd_program_named(&program, "server", 6, &address));
}

static void set_word(uint64_t address, uint64_t word)
{
    memcpy(image + 2 * PAGE_BYTES + address - DATA, &word, sizeof(word));
}

static void test_types_of_the_program(void **state)
{
    (void)state;
    assert_string_equal(fake_run("print bss.x bss.y bss.next->x"), "5 7 1 \n");
    assert_string_equal(fake_run("print bss"), "(struct pair) 0x403000 {\n  .x = 5\n  .y = 7\n"
                                               "  .next = 0x403010\n}\n");
    assert_string_equal(fake_run("print &bss"), "0x403000 <bss>\n");
    assert_string_equal(fake_run("print sizeof(struct pair) + offsetof(pair, next)"),
                        "0x18 = 24\n");
    assert_string_equal(fake_run("print ((struct pair *)0x403010)->x"), "1\n");
    assert_string_equal(fake_run("print BLUE"), "BLUE\n");
    assert_string_equal(fake_run("type pair"),
                        "struct pair, 16 bytes\n      0      4  int x\n      4      4  int y\n"
                        "      8      8  struct pair * next\n");
    assert_string_equal(fake_run("type -part pai"), "struct pair\n");
    assert_string_equal(fake_run("set bss.y = 9; print bss.y"), "9\n");
    assert_string_equal(fake_run("list &bss pair next | print .x"), "5\n1\n");
    assert_string_equal(fake_run("list bss.next struct pair next | print .x"), "1\n");
    set_word(DATA + 24, DATA); /* round to the first */
    assert_string_equal(fake_run("list &bss pair next | count"), "0x2 = 2\n");
    set_word(DATA + 24, DATA + 16);
    assert_non_null(strstr(fake_run("list &bss pair next | count"), "does not end"));
    set_word(DATA + 24, 8);
    assert_non_null(strstr(fake_run("list &bss pair next"), "nothing is mapped"));
    assert_string_equal(fake_run("context"), "core 0: program server, 5 symbols, 6 types\n");
}

/* A value that was kept has the type that it had, though another program is looked at since. */
static void test_values_keep_their_types(void **state)
{
    (void)state;
    assert_string_equal(fake_run("set $kept = &bss; print $kept->y"), "7\n");
    kd_program_types_load(1); /* of init, which has none */
    assert_int_equal(kd_types_count(1), 0);
    assert_string_equal(fake_run("print $kept->y"), "7\n");
}

static void test_what_is_wrong_with_types_is_said(void **state)
{
    (void)state;
    image[FILE_AT + TYPES_AT] ^= 1;
    const char *said = fake_run("type pair");
    assert_non_null(strstr(said, "no type 'pair' (server: its types are damaged)"));
    assert_non_null(strstr(fake_run("print bss.x"), "(server: its types are damaged)"));
    assert_non_null(strstr(fake_run("print (struct pair *)8"), "its types are damaged)"));
    assert_string_equal(fake_run("print bss"), "0x403000 = 4206592\n"); /* its name is known */
    ((Elf64_Shdr *)(image + FILE_AT + 0x100))[3].sh_name = 0;
    kd_types_use("", 0);
    assert_non_null(strstr(fake_run("type pair"), "(server: its file has no types)"));
    ((Elf64_Ehdr *)(image + FILE_AT))->e_shstrndx = 9;
    assert_non_null(strstr(fake_run("print nobody"), "'nobody' (server: its file has no types)"));
}

static void test_damaged_types_break_nothing(void **state)
{
    (void)state;
    srandom(10);
    for (unsigned turn = 0; turn < 3000; turn++) {
        make_symbols(image + FILE_AT);
        for (unsigned i = 0; i < 4; i++) {
            image[FILE_AT + TYPES_AT + 24 + (unsigned)random() % (sizeof(types) - 24)] =
                (uint8_t)random();
        }
        kd_types_use("", 0);
        (void)fake_run("type pair");
        (void)fake_run("print bss; print bss.next->y; array bss 2; print BLUE; type -part p");
    }
}

static void test_other_memory_is_no_program(void **state)
{
    (void)state;
    fake_map(TEXT, fake_physical(handoff) & ~0xfffull, PAGE_BYTES, PTE_USER);
    assert_false(kd_program_of(fake_root(), &program));
    handoff->init_segment[0] = (struct handoff_segment){.phys = fake_physical(handoff) & ~0xfffull,
                                                        .memory_bytes = PAGE_BYTES};
    assert_false(kd_program_of(fake_root(), &program)); /* it is init, which has no symbols here */
    assert_string_equal(program.name, "init");
    *handoff_variable = 0;
    assert_false(kd_program_of(fake_root(), &program));
}

static void test_damaged_files_break_nothing(void **state)
{
    (void)state;
    srandom(9);
    for (unsigned turn = 0; turn < 3000; turn++) {
        uint64_t address;
        make_symbols(image + FILE_AT);
        for (unsigned i = 0; i < 6; i++) {
            image[FILE_AT + (unsigned)random() % 0x420] = (uint8_t)random();
        }
        if (kd_program_of(fake_root(), &program)) {
            (void)name_of(TEXT + (uint64_t)random() % 0x200, turn % 2 == 0);
            (void)kd_program_named(&program, "nobody", 6, &address);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_addresses_have_names, make_image),
        cmocka_unit_test_setup(test_names_have_addresses, make_image),
        cmocka_unit_test_setup(test_other_memory_is_no_program, make_image),
        cmocka_unit_test_setup(test_damaged_files_break_nothing, make_image),
        cmocka_unit_test_setup(test_types_of_the_program, make_image),
        cmocka_unit_test_setup(test_values_keep_their_types, make_image),
        cmocka_unit_test_setup(test_what_is_wrong_with_types_is_said, make_image),
        cmocka_unit_test_setup(test_damaged_types_break_nothing, make_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
