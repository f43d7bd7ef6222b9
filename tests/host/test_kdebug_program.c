/* SPDX-License-Identifier: MIT */
/* Names of user programs out of a boot image in the fake machine, whole and damaged. */
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
#include "tests/host/kdebug_support.h"

#define IMAGE_PAGES 4u
#define FILE_AT     0x1000u /* of "server", in the image */
#define FILE_BYTES  0x1000u
#define TEXT        0x400000ull

static vaddr_t *handoff_variable;
static struct handoff *handoff;
static uint8_t *image;
static struct kd_program program;

static void make_symbols(uint8_t *file)
{
    static const char names[] = "\0main\0serve\0mark\0bss";
    Elf64_Sym symbols[] = {
        {0},
        {.st_name = 1, .st_info = STT_FUNC, .st_shndx = 1, .st_value = TEXT, .st_size = 0x40},
        {.st_name = 6, .st_info = STT_FUNC, .st_shndx = 1, .st_value = TEXT + 0x40, .st_size = 16},
        {.st_name = 12, .st_shndx = 1, .st_value = TEXT + 0x100},
        {.st_name = 17, .st_info = STT_OBJECT, .st_shndx = 2, .st_value = 0x403000, .st_size = 8},
    };
    Elf64_Shdr sections[] = {
        {0},
        {.sh_type = SHT_SYMTAB, .sh_offset = 0x200, .sh_size = sizeof(symbols), .sh_link = 2},
        {.sh_type = SHT_STRTAB, .sh_offset = 0x400, .sh_size = sizeof(names)},
    };
    Elf64_Ehdr head = {.e_shoff = 0x100, .e_shentsize = sizeof(*sections), .e_shnum = 3};
    memcpy(head.e_ident, ELFMAG, SELFMAG);
    memcpy(file, &head, sizeof(head));
    memcpy(file + 0x100, sections, sizeof(sections));
    memcpy(file + 0x200, symbols, sizeof(symbols));
    memcpy(file + 0x400, names, sizeof(names));
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
    assert_string_equal(fake_run("print bss"), "0x403000 = 4206592\n");
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
