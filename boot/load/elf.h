/* SPDX-License-Identifier: MIT */
/*
 * Reader of ELF64 program files: the kernel and init in the loader, all other programs in user space.
 *
 * elf_open() looks at everything once and refuses what it does not like; what comes after cannot fail. The caller keeps
 * the bytes unchanged as long as it uses the struct (so a program that reads a file others can write copies it first).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ELF_SEGMENTS_MAX 16u

#define ELF_EXEC  1u /* values of p_flags */
#define ELF_WRITE 2u
#define ELF_READ  4u

enum elf_error {
    ELF_OK = 0,
    ELF_TOO_SHORT,         /* smaller than an ELF header */
    ELF_NO_MAGIC,          /* does not begin with 7f 45 4c 46 */
    ELF_NOT_64_BIT,        /* class is not ELFCLASS64 */
    ELF_NOT_LITTLE_ENDIAN, /* data encoding is not ELFDATA2LSB */
    ELF_BAD_VERSION,       /* e_version or EI_VERSION is not 1 */
    ELF_NOT_X86_64,        /* e_machine */
    ELF_NOT_EXECUTABLE,    /* e_type is not ET_EXEC: relocatable, shared or position independent */
    ELF_BAD_HEADER_SIZE,   /* e_ehsize or e_phentsize */
    ELF_TABLE_OUTSIDE,     /* program headers reach past the end of the file */
    ELF_SECTIONS_OUTSIDE, /* section headers, which linkers put last, reach past the end: the file is cut off */
    ELF_NEEDS_INTERPRETER, /* PT_INTERP */
    ELF_SEGMENT_OUTSIDE,   /* bytes of a segment reach past the end of the file: cut off? */
    ELF_SEGMENT_SIZE,      /* p_filesz > p_memsz */
    ELF_SEGMENT_ADDRESS,   /* a segment, rounded to pages, wraps around the address space */
    ELF_SEGMENT_ALIGN, /* p_align is no power of two, or address and offset disagree modulo p_align */
    ELF_SEGMENT_ORDER,     /* segments overlap, share a page, or do not ascend */
    ELF_WRITE_AND_EXEC,    /* a segment is writable and executable */
    ELF_NO_SEGMENTS,       /* nothing to load */
    ELF_TOO_MANY_SEGMENTS, /* more than ELF_SEGMENTS_MAX */
    ELF_BAD_ENTRY,         /* the entry point is in no executable segment */
    ELF_OUT_OF_RANGE, /* elf_check_range(): a segment lies outside the addresses the caller allows */
    ELF_ERRORS,
};

/* One PT_LOAD with memory_bytes > 0. */
struct elf_segment {
    uint64_t virt;         /* need not be page aligned */
    uint64_t memory_bytes; /* bytes past file_bytes are zero */
    uint64_t file_offset;
    uint64_t file_bytes;
    uint32_t flags; /* ELF_READ, ELF_WRITE, ELF_EXEC */
};

struct elf_file {
    const uint8_t *bytes;
    uint64_t size;
    uint64_t entry;
    uint64_t
        stack_bytes; /* that the first thread wants, of PT_GNU_STACK; 0: the file does not say */
    unsigned segment_count;
    struct elf_segment segment[ELF_SEGMENTS_MAX]; /* ascending, no two on one page */
};

/*
 * elf_open() - check a program file and list its segments.
 *
 * @bytes, @size  the whole file; any alignment. Nothing outside is read, whatever the file says.
 * Returns ELF_OK and fills *out_file; else the first reason found, *out_file is not written.
 */
enum elf_error elf_open(const void *bytes, uint64_t size, struct elf_file *out_file)
    __attribute__((warn_unused_result));

/* elf_check_range() - ELF_OK if all pages of all segments lie in [low, high); else ELF_OUT_OF_RANGE. */
enum elf_error elf_check_range(const struct elf_file *file, uint64_t low, uint64_t high)
    __attribute__((warn_unused_result));

/* elf_segment_bytes() - where the file holds the first file_bytes of a segment. Cannot fail. */
const void *elf_segment_bytes(const struct elf_file *file, const struct elf_segment *segment);

/* elf_segment_first_page() / elf_segment_end_page() - the page-aligned range a segment occupies. Cannot fail. */
uint64_t elf_segment_first_page(const struct elf_segment *segment);
uint64_t elf_segment_end_page(const struct elf_segment *segment);

/* elf_error_text() - what is wrong, as a sentence: "it is no ELF file". Never NULL. */
const char *elf_error_text(enum elf_error error);
