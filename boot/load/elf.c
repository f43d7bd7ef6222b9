/* SPDX-License-Identifier: MIT */
/*
 * Reader of ELF64 program files.
 *
 * All numbers in the file are hostile. The two rules: a range [offset, offset + bytes) is compared as
 * offset <= size && bytes <= size - offset, which cannot overflow; and headers are copied out before they are looked at, so
 * their alignment in the file does not matter.
 *
 * Segments must ascend, as the specification demands, and must not share a page: then each page has one set of
 * rights and the caller can map segment by segment. Linker scripts and `ld -z separate-code` give that anyway.
 *
 * Source: System V ABI, "Object Files" and "Program Loading"; AMD64 supplement.
 */
#include "boot/load/elf.h"

#include <stddef.h>

#include "gen/layout.h"

#define EI_CLASS   4
#define EI_DATA    5
#define EI_VERSION 6

#define ELFCLASS64   2
#define ELFDATA2LSB  1
#define EV_CURRENT   1
#define ET_EXEC      2
#define EM_X86_64    62
#define PT_LOAD      1
#define PT_INTERP    3
#define PT_GNU_STACK 0x6474e551

struct elf_header {
    uint8_t ident[16];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t program_offset;
    uint64_t section_offset;
    uint32_t flags;
    uint16_t header_bytes;
    uint16_t program_entry_bytes;
    uint16_t program_count;
    uint16_t section_entry_bytes;
    uint16_t section_count;
    uint16_t section_names;
};
_Static_assert(sizeof(struct elf_header) == 64, "Elf64_Ehdr");

struct program_header {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t virt;
    uint64_t phys;
    uint64_t file_bytes;
    uint64_t memory_bytes;
    uint64_t align;
};
_Static_assert(sizeof(struct program_header) == 56, "Elf64_Phdr");

static bool is_inside(uint64_t offset, uint64_t bytes, uint64_t size)
{
    return offset <= size && bytes <= size - offset;
}

static enum elf_error check_header(const struct elf_header *header, uint64_t size)
{
    const uint8_t *ident = header->ident;
    if (ident[0] != 0x7f || ident[1] != 'E' || ident[2] != 'L' || ident[3] != 'F') {
        return ELF_NO_MAGIC;
    }
    if (ident[EI_CLASS] != ELFCLASS64) {
        return ELF_NOT_64_BIT;
    }
    if (ident[EI_DATA] != ELFDATA2LSB) {
        return ELF_NOT_LITTLE_ENDIAN;
    }
    if (ident[EI_VERSION] != EV_CURRENT || header->version != EV_CURRENT) {
        return ELF_BAD_VERSION;
    }
    if (header->machine != EM_X86_64) {
        return ELF_NOT_X86_64;
    }
    if (header->type != ET_EXEC) {
        return ELF_NOT_EXECUTABLE;
    }
    if (header->header_bytes != sizeof(struct elf_header) ||
        header->program_entry_bytes != sizeof(struct program_header)) {
        return ELF_BAD_HEADER_SIZE;
    }
    /* 16-bit count times 56: cannot overflow. */
    uint64_t table_bytes = (uint64_t)header->program_count * sizeof(struct program_header);
    if (!is_inside(header->program_offset, table_bytes, size)) {
        return ELF_TABLE_OUTSIDE;
    }
    /* Nothing here uses sections. But linkers put their table last, so this finds files that lost their end. */
    uint64_t section_bytes = (uint64_t)header->section_count * header->section_entry_bytes;
    if (section_bytes > 0 && !is_inside(header->section_offset, section_bytes, size)) {
        return ELF_SECTIONS_OUTSIDE;
    }
    return ELF_OK;
}

static bool is_aligned_as_promised(const struct program_header *header)
{
    if (header->align <= 1) {
        return true;
    }
    if ((header->align & (header->align - 1)) != 0) {
        return false;
    }
    return ((header->virt ^ header->offset) & (header->align - 1)) == 0;
}

static enum elf_error check_load(const struct program_header *header, uint64_t size)
{
    if (!is_inside(header->offset, header->file_bytes, size)) {
        return ELF_SEGMENT_OUTSIDE;
    }
    if (header->file_bytes > header->memory_bytes) {
        return ELF_SEGMENT_SIZE;
    }
    /* The end, rounded up to a page, must still be an address: so the last page of all is not loadable. */
    if (header->virt > UINT64_MAX - (PAGE_BYTES - 1) ||
        header->memory_bytes > UINT64_MAX - (PAGE_BYTES - 1) - header->virt) {
        return ELF_SEGMENT_ADDRESS;
    }
    if (!is_aligned_as_promised(header)) {
        return ELF_SEGMENT_ALIGN;
    }
    if ((header->flags & ELF_WRITE) && (header->flags & ELF_EXEC)) {
        return ELF_WRITE_AND_EXEC;
    }
    return ELF_OK;
}

static enum elf_error add_segment(struct elf_file *file, const struct program_header *header)
{
    if (file->segment_count == ELF_SEGMENTS_MAX) {
        return ELF_TOO_MANY_SEGMENTS;
    }
    struct elf_segment segment = {
        .virt = header->virt,
        .memory_bytes = header->memory_bytes,
        .file_offset = header->offset,
        .file_bytes = header->file_bytes,
        .flags = header->flags & (ELF_READ | ELF_WRITE | ELF_EXEC),
    };
    if (file->segment_count > 0) {
        const struct elf_segment *before = &file->segment[file->segment_count - 1];
        if (elf_segment_first_page(&segment) < elf_segment_end_page(before)) {
            return ELF_SEGMENT_ORDER;
        }
    }
    file->segment[file->segment_count++] = segment;
    return ELF_OK;
}

static enum elf_error read_segments(struct elf_file *file, const struct elf_header *header)
{
    for (unsigned i = 0; i < header->program_count; i++) {
        struct program_header program;
        __builtin_memcpy(&program, file->bytes + header->program_offset + i * sizeof(program),
                         sizeof(program));
        if (program.type == PT_INTERP) {
            return ELF_NEEDS_INTERPRETER;
        }
        if (program.type == PT_GNU_STACK) {
            file->stack_bytes = program.memory_bytes;
        }
        if (program.type != PT_LOAD) {
            continue;
        }
        enum elf_error error = check_load(&program, file->size);
        if (error == ELF_OK && program.memory_bytes > 0) {
            error = add_segment(file, &program);
        }
        if (error != ELF_OK) {
            return error;
        }
    }
    return file->segment_count > 0 ? ELF_OK : ELF_NO_SEGMENTS;
}

static bool is_entry_executable(const struct elf_file *file)
{
    for (unsigned i = 0; i < file->segment_count; i++) {
        const struct elf_segment *segment = &file->segment[i];
        if ((segment->flags & ELF_EXEC) && file->entry >= segment->virt &&
            file->entry - segment->virt < segment->file_bytes) {
            return true;
        }
    }
    return false;
}

enum elf_error elf_open(const void *bytes, uint64_t size, struct elf_file *out_file)
{
    struct elf_header header;
    if (size < sizeof(header)) {
        return ELF_TOO_SHORT;
    }
    __builtin_memcpy(&header, bytes, sizeof(header));
    enum elf_error error = check_header(&header, size);
    if (error != ELF_OK) {
        return error;
    }
    struct elf_file file = {.bytes = bytes, .size = size, .entry = header.entry};
    error = read_segments(&file, &header);
    if (error != ELF_OK) {
        return error;
    }
    if (!is_entry_executable(&file)) {
        return ELF_BAD_ENTRY;
    }
    *out_file = file;
    return ELF_OK;
}

enum elf_error elf_check_range(const struct elf_file *file, uint64_t low, uint64_t high)
{
    for (unsigned i = 0; i < file->segment_count; i++) {
        const struct elf_segment *segment = &file->segment[i];
        if (elf_segment_first_page(segment) < low || elf_segment_end_page(segment) > high) {
            return ELF_OUT_OF_RANGE;
        }
    }
    return ELF_OK;
}

const void *elf_segment_bytes(const struct elf_file *file, const struct elf_segment *segment)
{
    return file->bytes + segment->file_offset;
}

uint64_t elf_segment_first_page(const struct elf_segment *segment)
{
    return segment->virt & ~(uint64_t)(PAGE_BYTES - 1);
}

uint64_t elf_segment_end_page(const struct elf_segment *segment)
{
    return (segment->virt + segment->memory_bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
}

const char *elf_error_text(enum elf_error error)
{
    static const char *const text[ELF_ERRORS] = {
        [ELF_OK] = "it is fine",
        [ELF_TOO_SHORT] = "it is shorter than an ELF header",
        [ELF_NO_MAGIC] = "it is no ELF file",
        [ELF_NOT_64_BIT] = "it is no 64-bit ELF file",
        [ELF_NOT_LITTLE_ENDIAN] = "it is no little-endian ELF file",
        [ELF_BAD_VERSION] = "it has an unknown ELF version",
        [ELF_NOT_X86_64] = "it is built for another processor than x86-64",
        [ELF_NOT_EXECUTABLE] = "it is not linked to a fixed address (ET_EXEC)",
        [ELF_BAD_HEADER_SIZE] = "it has ELF headers of an unknown size",
        [ELF_TABLE_OUTSIDE] = "it ends before its program headers",
        [ELF_SECTIONS_OUTSIDE] = "it ends before its section headers: cut off",
        [ELF_NEEDS_INTERPRETER] = "it asks for a dynamic linker",
        [ELF_SEGMENT_OUTSIDE] = "it ends before the last byte of a segment",
        [ELF_SEGMENT_SIZE] = "it has a segment with more bytes in the file than in memory",
        [ELF_SEGMENT_ADDRESS] = "it has a segment that wraps around the end of memory",
        [ELF_SEGMENT_ALIGN] = "it has a segment with an alignment it does not keep",
        [ELF_SEGMENT_ORDER] = "it has segments that overlap, share a page or do not ascend",
        [ELF_WRITE_AND_EXEC] = "it has a segment that is writable and executable",
        [ELF_NO_SEGMENTS] = "it has nothing to load",
        [ELF_TOO_MANY_SEGMENTS] = "it has too many segments",
        [ELF_BAD_ENTRY] = "it starts at an address that is not code",
        [ELF_OUT_OF_RANGE] = "it has a segment outside the addresses it may use",
    };
    return (unsigned)error < ELF_ERRORS && text[error] != NULL ? text[error] : "it is damaged";
}
