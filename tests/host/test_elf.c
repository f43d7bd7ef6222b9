/* SPDX-License-Identifier: MIT */
/* The ELF reader: one good file, a table of what can be wrong with it, and mutations that must never read outside. */
#include "boot/load/elf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOOD_BYTES 0x20a1u
#define PROGRAMS   3u
#define PROGRAM(i) (64u + 56u * (i))
#define MUTATIONS  20000u
#define WHOLE      GOOD_BYTES

/* Offsets in Elf64_Ehdr and Elf64_Phdr, from the System V ABI; written out here so that the test is independent. */
enum {
    E_CLASS = 4,
    E_DATA = 5,
    E_IVERSION = 6,
    E_TYPE = 16,
    E_MACHINE = 18,
    E_VERSION = 20,
    E_ENTRY = 24,
    E_PHOFF = 32,
    E_SHOFF = 40
};
enum { E_EHSIZE = 52, E_PHENTSIZE = 54, E_PHNUM = 56, E_SHENTSIZE = 58, E_SHNUM = 60 };
enum {
    P_TYPE = 0,
    P_FLAGS = 4,
    P_OFFSET = 8,
    P_VADDR = 16,
    P_FILESZ = 32,
    P_MEMSZ = 40,
    P_ALIGN = 48
};

static void put(uint8_t *bytes, unsigned offset, unsigned width, uint64_t value)
{
    memcpy(bytes + offset, &value, width); /* little endian host, as the file */
}

static void put_program(uint8_t *bytes, unsigned index, uint32_t flags, uint64_t offset,
                        uint64_t virt, uint64_t file_bytes, uint64_t memory_bytes)
{
    unsigned at = PROGRAM(index);
    put(bytes, at + P_TYPE, 4, 1);
    put(bytes, at + P_FLAGS, 4, flags);
    put(bytes, at + P_OFFSET, 8, offset);
    put(bytes, at + P_VADDR, 8, virt);
    put(bytes, at + P_FILESZ, 8, file_bytes);
    put(bytes, at + P_MEMSZ, 8, memory_bytes);
    put(bytes, at + P_ALIGN, 8, 0x1000);
}

/* Text, rodata, data with bss; ends exactly with the last byte of data. */
static void make_good(uint8_t bytes[GOOD_BYTES])
{
    memset(bytes, 0x5a, GOOD_BYTES);
    memset(bytes, 0, PROGRAM(PROGRAMS));
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    memcpy(bytes, ident, sizeof(ident));
    put(bytes, E_TYPE, 2, 2);
    put(bytes, E_MACHINE, 2, 62);
    put(bytes, E_VERSION, 4, 1);
    put(bytes, E_ENTRY, 8, 0x400010);
    put(bytes, E_PHOFF, 8, 64);
    put(bytes, E_EHSIZE, 2, 64);
    put(bytes, E_PHENTSIZE, 2, 56);
    put(bytes, E_PHNUM, 2, PROGRAMS);
    put_program(bytes, 0, ELF_READ | ELF_EXEC, 0x1000, 0x400000, 0x100, 0x100);
    put_program(bytes, 1, ELF_READ, 0x2000, 0x401000, 0x80, 0x80);
    put_program(bytes, 2, ELF_READ | ELF_WRITE, 0x2081, 0x403081, 0x20, 0x2000);
}

/* A copy of exactly size bytes on the heap, so that the address sanitizer sees the first byte too many. */
static enum elf_error open_copy(const uint8_t *bytes, size_t size, struct elf_file *out_file)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    enum elf_error error = elf_open(size > 0 ? copy : NULL, size, out_file);
    if (error == ELF_OK) {
        out_file->bytes = bytes; /* for the caller, who still has them */
    }
    free(copy);
    return error;
}

struct patch {
    unsigned offset;
    unsigned width; /* 0: no patch */
    uint64_t value;
};

struct elf_case {
    const char *name;
    enum elf_error expected;
    struct patch patch[3];
    size_t size; /* of the file, cut off there */
};

static const struct elf_case cases[] = {
    {"an untouched file opens", ELF_OK, {{0}}, WHOLE},
    {"an empty file", ELF_TOO_SHORT, {{0}}, 0},
    {"nothing but a header", ELF_NO_SEGMENTS, {{E_PHNUM, 2, 0}}, 64},
    {"one byte less than a header", ELF_TOO_SHORT, {{0}}, 63},
    {"wrong first byte", ELF_NO_MAGIC, {{0, 1, 0x7e}}, WHOLE},
    {"wrong fourth byte", ELF_NO_MAGIC, {{3, 1, 'G'}}, WHOLE},
    {"32-bit class", ELF_NOT_64_BIT, {{E_CLASS, 1, 1}}, WHOLE},
    {"big endian", ELF_NOT_LITTLE_ENDIAN, {{E_DATA, 1, 2}}, WHOLE},
    {"ident version 0", ELF_BAD_VERSION, {{E_IVERSION, 1, 0}}, WHOLE},
    {"header version 2", ELF_BAD_VERSION, {{E_VERSION, 4, 2}}, WHOLE},
    {"another processor", ELF_NOT_X86_64, {{E_MACHINE, 2, 183}}, WHOLE},
    {"a shared object", ELF_NOT_EXECUTABLE, {{E_TYPE, 2, 3}}, WHOLE},
    {"a relocatable file", ELF_NOT_EXECUTABLE, {{E_TYPE, 2, 1}}, WHOLE},
    {"header size 52", ELF_BAD_HEADER_SIZE, {{E_EHSIZE, 2, 52}}, WHOLE},
    {"program header size 0", ELF_BAD_HEADER_SIZE, {{E_PHENTSIZE, 2, 0}}, WHOLE},
    {"program header size 64", ELF_BAD_HEADER_SIZE, {{E_PHENTSIZE, 2, 64}}, WHOLE},
    {"program headers past the end", ELF_TABLE_OUTSIDE, {{E_PHOFF, 8, GOOD_BYTES}}, WHOLE},
    {"program headers end one byte late",
     ELF_TABLE_OUTSIDE,
     {{E_PHOFF, 8, GOOD_BYTES - 56 * 3 + 1}},
     WHOLE},
    {"program header offset wraps", ELF_TABLE_OUTSIDE, {{E_PHOFF, 8, UINT64_MAX - 10}}, WHOLE},
    {"65535 program headers", ELF_TABLE_OUTSIDE, {{E_PHNUM, 2, 0xffff}}, WHOLE},
    {"cut within the program headers", ELF_TABLE_OUTSIDE, {{0}}, 64 + 56 * 3 - 1},
    {"no program headers", ELF_NO_SEGMENTS, {{E_PHNUM, 2, 0}}, WHOLE},
    {"no program headers at the very end",
     ELF_NO_SEGMENTS,
     {{E_PHNUM, 2, 0}, {E_PHOFF, 8, GOOD_BYTES}},
     WHOLE},
    {"section headers past the end",
     ELF_SECTIONS_OUTSIDE,
     {{E_SHOFF, 8, GOOD_BYTES - 63}, {E_SHENTSIZE, 2, 64}, {E_SHNUM, 2, 1}},
     WHOLE},
    {"section headers up to the end",
     ELF_OK,
     {{E_SHOFF, 8, GOOD_BYTES - 64}, {E_SHENTSIZE, 2, 64}, {E_SHNUM, 2, 1}},
     WHOLE},
    {"no section headers at a strange place", ELF_OK, {{E_SHOFF, 8, UINT64_MAX}}, WHOLE},
    {"an interpreter", ELF_NEEDS_INTERPRETER, {{PROGRAM(1) + P_TYPE, 4, 3}}, WHOLE},
    {"notes are skipped", ELF_OK, {{PROGRAM(1) + P_TYPE, 4, 4}}, WHOLE},
    {"a note comes first", ELF_BAD_ENTRY, {{PROGRAM(0) + P_TYPE, 4, 4}}, WHOLE},
    {"a note may point anywhere",
     ELF_OK,
     {{PROGRAM(1) + P_TYPE, 4, 4}, {PROGRAM(1) + P_OFFSET, 8, UINT64_MAX}},
     WHOLE},
    {"cut one byte short", ELF_SEGMENT_OUTSIDE, {{0}}, GOOD_BYTES - 1},
    {"segment offset past the end",
     ELF_SEGMENT_OUTSIDE,
     {{PROGRAM(0) + P_OFFSET, 8, 0x3000}},
     WHOLE},
    {"segment offset wraps",
     ELF_SEGMENT_OUTSIDE,
     {{PROGRAM(0) + P_OFFSET, 8, UINT64_MAX - 0xfff}},
     WHOLE},
    {"file size wraps", ELF_SEGMENT_OUTSIDE, {{PROGRAM(0) + P_FILESZ, 8, UINT64_MAX}}, WHOLE},
    {"more bytes in the file than in memory",
     ELF_SEGMENT_SIZE,
     {{PROGRAM(0) + P_MEMSZ, 8, 0xff}},
     WHOLE},
    {"memory size wraps", ELF_SEGMENT_ADDRESS, {{PROGRAM(2) + P_MEMSZ, 8, UINT64_MAX}}, WHOLE},
    {"memory ends in the last page",
     ELF_SEGMENT_ADDRESS,
     {{PROGRAM(2) + P_VADDR, 8, 0xffffffffffffe081}},
     WHOLE},
    {"address in the last page",
     ELF_SEGMENT_ADDRESS,
     {{PROGRAM(2) + P_VADDR, 8, 0xfffffffffffff081}},
     WHOLE},
    {"memory ends just before the last page",
     ELF_OK,
     {{PROGRAM(2) + P_VADDR, 8, 0xffffffffffffc081}, {PROGRAM(2) + P_MEMSZ, 8, 0x2f7f}},
     WHOLE},
    {"memory ends one byte into the last page",
     ELF_SEGMENT_ADDRESS,
     {{PROGRAM(2) + P_VADDR, 8, 0xffffffffffffc081}, {PROGRAM(2) + P_MEMSZ, 8, 0x2f80}},
     WHOLE},
    {"alignment is no power of two", ELF_SEGMENT_ALIGN, {{PROGRAM(0) + P_ALIGN, 8, 0x1800}}, WHOLE},
    {"alignment of 2 is not kept",
     ELF_SEGMENT_ALIGN,
     {{PROGRAM(1) + P_ALIGN, 8, 2}, {PROGRAM(1) + P_OFFSET, 8, 0x1fff}},
     WHOLE},
    {"alignment is not kept", ELF_SEGMENT_ALIGN, {{PROGRAM(0) + P_VADDR, 8, 0x400001}}, WHOLE},
    {"alignment of 2 MiB is not kept",
     ELF_SEGMENT_ALIGN,
     {{PROGRAM(0) + P_ALIGN, 8, 0x200000}},
     WHOLE},
    {"alignments 0 and 1 mean none",
     ELF_OK,
     {{PROGRAM(0) + P_ALIGN, 8, 0},
      {PROGRAM(1) + P_ALIGN, 8, 1},
      {PROGRAM(1) + P_OFFSET, 8, 0x1fff}},
     WHOLE},
    {"segments on one page", ELF_SEGMENT_ORDER, {{PROGRAM(0) + P_MEMSZ, 8, 0x1001}}, WHOLE},
    {"segments that touch", ELF_OK, {{PROGRAM(0) + P_MEMSZ, 8, 0x1000}}, WHOLE},
    {"segments descend", ELF_SEGMENT_ORDER, {{PROGRAM(0) + P_VADDR, 8, 0x410000}}, WHOLE},
    {"writable and executable", ELF_WRITE_AND_EXEC, {{PROGRAM(0) + P_FLAGS, 4, 7}}, WHOLE},
    {"empty segments are skipped",
     ELF_OK,
     {{PROGRAM(1) + P_FILESZ, 8, 0}, {PROGRAM(1) + P_MEMSZ, 8, 0}},
     WHOLE},
    {"entry before the text", ELF_BAD_ENTRY, {{E_ENTRY, 8, 0x3fffff}}, WHOLE},
    {"entry just past the text", ELF_BAD_ENTRY, {{E_ENTRY, 8, 0x400100}}, WHOLE},
    {"entry in the last byte of text", ELF_OK, {{E_ENTRY, 8, 0x4000ff}}, WHOLE},
    {"entry in the second segment",
     ELF_OK,
     {{PROGRAM(1) + P_FLAGS, 4, 5}, {E_ENTRY, 8, 0x401010}},
     WHOLE},
    {"entry in data", ELF_BAD_ENTRY, {{E_ENTRY, 8, 0x403080}}, WHOLE},
    {"entry in the zero part of the text",
     ELF_BAD_ENTRY,
     {{PROGRAM(0) + P_MEMSZ, 8, 0x1000}, {E_ENTRY, 8, 0x400200}},
     WHOLE},
    {"text not readable is still text", ELF_OK, {{PROGRAM(0) + P_FLAGS, 4, 1}}, WHOLE},
};

static void test_case(void **state)
{
    const struct elf_case *c = *state;
    uint8_t bytes[GOOD_BYTES];
    make_good(bytes);
    for (unsigned i = 0; i < 3 && c->patch[i].width > 0; i++) {
        put(bytes, c->patch[i].offset, c->patch[i].width, c->patch[i].value);
    }
    struct elf_file file;
    struct elf_file untouched;
    memset(&file, 0xee, sizeof(file));
    memset(&untouched, 0xee, sizeof(untouched));
    enum elf_error error = open_copy(bytes, c->size, &file);
    assert_string_equal(elf_error_text(error), elf_error_text(c->expected));
    if (error != ELF_OK) {
        assert_memory_equal(&file, &untouched, sizeof(file));
    }
}

static void test_lists_segments(void **state)
{
    (void)state;
    uint8_t bytes[GOOD_BYTES];
    make_good(bytes);
    struct elf_file file;
    assert_int_equal(open_copy(bytes, GOOD_BYTES, &file), ELF_OK);
    assert_int_equal(file.entry, 0x400010);
    assert_int_equal(file.segment_count, 3);
    const struct elf_segment *data = &file.segment[2];
    assert_int_equal(data->virt, 0x403081);
    assert_int_equal(data->memory_bytes, 0x2000);
    assert_int_equal(data->file_bytes, 0x20);
    assert_int_equal(data->flags, ELF_READ | ELF_WRITE);
    assert_int_equal(elf_segment_first_page(data), 0x403000);
    assert_int_equal(elf_segment_end_page(data), 0x406000);
    assert_ptr_equal(elf_segment_bytes(&file, data), bytes + 0x2081);
}

static void test_range(void **state)
{
    (void)state;
    uint8_t bytes[GOOD_BYTES];
    make_good(bytes);
    struct elf_file file;
    assert_int_equal(open_copy(bytes, GOOD_BYTES, &file), ELF_OK);
    assert_int_equal(elf_check_range(&file, 0x400000, 0x406000), ELF_OK);
    assert_int_equal(elf_check_range(&file, 0x400001, 0x406000), ELF_OUT_OF_RANGE);
    assert_int_equal(elf_check_range(&file, 0x400000, 0x405fff), ELF_OUT_OF_RANGE);
}

static void test_too_many_segments(void **state)
{
    (void)state;
    enum { COUNT = ELF_SEGMENTS_MAX + 1 };
    static uint8_t bytes[64 + 56 * COUNT + 0x1000];
    uint8_t good[GOOD_BYTES];
    make_good(good);
    memcpy(bytes, good, 64);
    for (unsigned i = 0; i < COUNT; i++) {
        put_program(bytes, i, ELF_READ | ELF_EXEC, 0, 0x400000 + i * 0x1000ull, 0x100, 0x100);
    }
    struct elf_file file;
    put(bytes, E_PHNUM, 2, COUNT);
    assert_int_equal(open_copy(bytes, sizeof(bytes), &file), ELF_TOO_MANY_SEGMENTS);
    put(bytes, E_PHNUM, 2, COUNT - 1);
    assert_int_equal(open_copy(bytes, sizeof(bytes), &file), ELF_OK);
    assert_int_equal(file.segment_count, ELF_SEGMENTS_MAX);
}

static void test_texts(void **state)
{
    (void)state;
    for (int a = 0; a < ELF_ERRORS; a++) {
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(elf_error_text((enum elf_error)a),
                                    elf_error_text((enum elf_error)b));
        }
    }
    assert_non_null(elf_error_text((enum elf_error) - 1));
    assert_non_null(elf_error_text(ELF_ERRORS));
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* What every accepted file must keep, whatever was done to it. */
static void check_promises(const struct elf_file *file, size_t size)
{
    bool has_entry = false;
    uint64_t last_end = 0;
    for (unsigned i = 0; i < file->segment_count; i++) {
        const struct elf_segment *segment = &file->segment[i];
        assert_true(segment->file_offset <= size &&
                    segment->file_bytes <= size - segment->file_offset);
        assert_true(segment->file_bytes <= segment->memory_bytes && segment->memory_bytes > 0);
        assert_true((segment->flags & (ELF_WRITE | ELF_EXEC)) != (ELF_WRITE | ELF_EXEC));
        assert_true(elf_segment_first_page(segment) >= last_end);
        assert_true(elf_segment_end_page(segment) > elf_segment_first_page(segment));
        last_end = elf_segment_end_page(segment);
        has_entry |=
            (segment->flags & ELF_EXEC) && file->entry - segment->virt < segment->file_bytes;
    }
    assert_true(has_entry);
}

static void test_mutations(void **state)
{
    (void)state;
    static const uint64_t interesting[] = {0,
                                           1,
                                           2,
                                           3,
                                           0x38,
                                           0xfff,
                                           0x1000,
                                           GOOD_BYTES,
                                           0x7fffffff,
                                           0x80000000,
                                           0xffffffff,
                                           0x7fffffffffffffff,
                                           0x8000000000000000,
                                           0xfffffffffffff000,
                                           UINT64_MAX};
    static const unsigned widths[] = {1, 2, 4, 8};
    uint64_t seed = 0x53706f6f72ull;
    unsigned accepted = 0;
    for (unsigned i = 0; i < MUTATIONS; i++) {
        uint8_t bytes[GOOD_BYTES];
        make_good(bytes);
        for (unsigned left = 1 + next_random(&seed) % 4; left > 0; left--) {
            unsigned at = next_random(&seed) % (PROGRAM(PROGRAMS) - 8);
            uint64_t value = next_random(&seed) % 2
                                 ? next_random(&seed)
                                 : interesting[next_random(&seed) % (sizeof(interesting) / 8)];
            put(bytes, at, widths[next_random(&seed) % 4], value);
        }
        size_t size = next_random(&seed) % 4 ? GOOD_BYTES : next_random(&seed) % (GOOD_BYTES + 1);
        struct elf_file file;
        if (open_copy(bytes, size, &file) == ELF_OK) {
            accepted++;
            check_promises(&file, size);
        }
    }
    /* Both outcomes must be common, or the loop tests nothing. */
    assert_in_range(accepted, MUTATIONS / 100, MUTATIONS / 2);
}

int main(void)
{
    enum { TABLE = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest tests[TABLE + 5] = {
        cmocka_unit_test(test_lists_segments),    cmocka_unit_test(test_range),
        cmocka_unit_test(test_too_many_segments), cmocka_unit_test(test_texts),
        cmocka_unit_test(test_mutations),
    };
    for (unsigned i = 0; i < TABLE; i++) {
        tests[5 + i] = (struct CMUnitTest){cases[i].name, test_case, NULL, NULL, (void *)&cases[i]};
    }
    return cmocka_run_group_tests_name("elf", tests, NULL, NULL);
}
