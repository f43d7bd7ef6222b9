/* SPDX-License-Identifier: MIT */
/*
 * Symbols of user programs, and their files (program.h).
 *
 * The files are believed as little as the rest of memory: every offset is compared with the file's size,
 * every count is bounded, so that a damaged image costs names and nothing else.
 * Source: System V ABI, "ELF-64 Object File Format" 1.5.
 */
#include "kdebug/core/program.h"

#include "abi/boot_image.h"
#include "abi/handoff.h"
#include "base/format.h"
#include "base/string.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/page_walk.h"

#define FILES_MAX    256u
#define SECTIONS_MAX 128u
#define SYMBOLS_MAX  65536u
#define BATCH        64u
#define NAME_MAX     96u
#define MARK_REACH   4096u /* of a symbol without size: assembly */
#define TYPE_SYMBOLS 2u    /* SHT_SYMTAB */
#define TYPES_NAME   ".BTF"

extern const struct handoff *boot_handoff; /* stored by start.asm */

struct elf_header {
    uint8_t identity[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, segments, sections;
    uint32_t flags;
    uint16_t bytes, segment_bytes, segment_count, section_bytes, section_count, name_section;
};

struct elf_section {
    uint32_t name, type;
    uint64_t flags, address, offset, bytes;
    uint32_t link, info;
    uint64_t alignment, entry_bytes;
};

struct elf_symbol {
    uint32_t name;
    uint8_t info, other;
    uint16_t section;
    uint64_t value, bytes;
};

#define SYMBOL_IS_NAMED_PLACE(symbol) (((symbol)->info & 15) <= 2 && (symbol)->section != 0)

static bool read_at(paddr_t pa, void *to, size_t bytes)
{
    return kd_read(KD_SPACE_PHYSICAL, pa, to, bytes) == OK;
}

/* ---- which file ---- */

static bool read_handoff(size_t offset, void *to, size_t bytes)
{
    vaddr_t handoff, pointer = KD_GLOBAL(boot_handoff);
    return pointer != 0 && kd_read_kernel(pointer, &handoff, sizeof(handoff)) == OK &&
           kd_read_kernel(handoff + offset, to, bytes) == OK;
}
#define READ_HANDOFF(field, to) read_handoff(offsetof(struct handoff, field), (to), sizeof(*(to)))

/* init's segments are copies; the first one is its text. */
static bool is_init(paddr_t pa)
{
    struct handoff_segment text;
    return read_handoff(offsetof(struct handoff, init_segment), &text, sizeof(text)) &&
           pa >= text.phys && pa - text.phys < text.memory_bytes;
}

/* File number i; *out has no symbols yet. */
static bool read_file(unsigned i, struct kd_program *out)
{
    uint64_t base, bytes;
    struct boot_image_header header;
    struct boot_image_entry entry;
    if (!READ_HANDOFF(image_base, &base) || !READ_HANDOFF(image_bytes, &bytes) ||
        !read_at(base, &header, sizeof(header)) || header.magic != BOOT_IMAGE_MAGIC ||
        i >= MIN(header.count, FILES_MAX) ||
        !read_at(base + sizeof(header) + i * sizeof(entry), &entry, sizeof(entry)) ||
        entry.offset > bytes || entry.bytes > bytes - entry.offset) {
        return false;
    }
    *out = (struct kd_program){.number = i, .file = base + entry.offset, .bytes = entry.bytes};
    entry.name[sizeof(entry.name) - 1] = '\0';
    string_copy(out->name, entry.name, sizeof(out->name));
    return true;
}

/* The file in the boot image that this physical address lies in, or that is called init. */
static bool find_file(paddr_t pa, struct kd_program *out)
{
    bool wants_init = is_init(pa);
    for (unsigned i = 0; read_file(i, out); i++) {
        if ((pa >= out->file && pa - out->file < out->bytes) ||
            (wants_init && strcmp(out->name, "init") == 0)) {
            return true;
        }
    }
    return false;
}

static bool lies_inside(const struct kd_program *program, uint64_t offset, uint64_t bytes)
{
    return offset <= program->bytes && bytes <= program->bytes - offset;
}

static bool read_section(const struct kd_program *program, const struct elf_header *head,
                         unsigned i, struct elf_section *out)
{
    uint64_t offset = head->sections + (uint64_t)i * sizeof(*out);
    return i < head->section_count && lies_inside(program, offset, sizeof(*out)) &&
           read_at(program->file + offset, out, sizeof(*out)) &&
           lies_inside(program, out->offset, out->bytes);
}

static bool is_types(const struct kd_program *program, const struct elf_section *section,
                     const struct elf_section *names)
{
    char name[sizeof(TYPES_NAME)];
    return names->bytes >= sizeof(name) && section->name <= names->bytes - sizeof(name) &&
           read_at(program->file + names->offset + section->name, name, sizeof(name)) &&
           memcmp(name, TYPES_NAME, sizeof(name)) == 0;
}

/* Note where its symbols and types are; false: it has no symbols. */
static bool find_tables(struct kd_program *program)
{
    struct elf_header head;
    struct elf_section section, names, section_names;
    if (program->bytes < sizeof(head) || !read_at(program->file, &head, sizeof(head)) ||
        memcmp(head.identity, "\177ELF", 4) != 0 || head.section_bytes != sizeof(section) ||
        head.sections > program->bytes) {
        return false;
    }
    bool has_names = read_section(program, &head, head.name_section, &section_names);
    for (unsigned i = 0; i < MIN(head.section_count, SECTIONS_MAX); i++) {
        if (!read_section(program, &head, i, &section)) {
            continue;
        }
        if (section.type == TYPE_SYMBOLS && program->symbols == 0 &&
            read_section(program, &head, section.link, &names)) {
            program->symbols = program->file + section.offset;
            program->count = MIN(section.bytes / sizeof(struct elf_symbol), (uint64_t)SYMBOLS_MAX);
            program->names = program->file + names.offset;
            program->name_bytes = names.bytes;
        } else if (has_names && is_types(program, &section, &section_names)) {
            program->types = program->file + section.offset;
            program->type_bytes = section.bytes;
        }
    }
    return program->symbols != 0;
}

bool kd_program_of(paddr_t root, struct kd_program *out)
{
    struct kd_walk walk;
    *out = (struct kd_program){0};
    return kd_walk(root, KD_PROGRAM_START, &walk) == OK && walk.present &&
           find_file(walk.physical, out) && find_tables(out);
}

bool kd_program_numbered(unsigned i, struct kd_program *out)
{
    return read_file(i, out) && find_tables(out);
}

/* ---- symbols ---- */

static bool read_name(const struct kd_program *program, uint32_t start, char name[NAME_MAX])
{
    size_t bytes =
        start < program->name_bytes ? (size_t)MIN(program->name_bytes - start, NAME_MAX) : 0;
    name[0] = '\0';
    if (bytes == 0 || !read_at(program->names + start, name, bytes)) {
        return false;
    }
    name[bytes - 1] = '\0';
    return true;
}

/* Call visit for each function, variable or mark until it returns false. */
static void each_symbol(const struct kd_program *program,
                        bool (*visit)(const struct kd_program *program,
                                      const struct elf_symbol *symbol, void *context),
                        void *context)
{
    static struct elf_symbol batch[BATCH];
    for (uint64_t i = 0; i < program->count; i++) {
        if (i % BATCH == 0 &&
            !read_at(program->symbols + i * sizeof(*batch), batch,
                     (size_t)MIN(program->count - i, (uint64_t)BATCH) * sizeof(*batch))) {
            return;
        }
        if (SYMBOL_IS_NAMED_PLACE(&batch[i % BATCH]) &&
            !visit(program, &batch[i % BATCH], context)) {
            return;
        }
    }
}

struct nearest {
    uint64_t address;
    struct elf_symbol best;
    bool found;
};

/* The last one at or before the address; among equal ones the one that has a size. */
static bool compare_place(const struct kd_program *program UNUSED, const struct elf_symbol *symbol,
                          void *context)
{
    struct nearest *nearest = context;
    uint64_t reach = symbol->bytes == 0 ? MARK_REACH : symbol->bytes;
    bool is_better = !nearest->found || symbol->value > nearest->best.value ||
                     (symbol->value == nearest->best.value && symbol->bytes > nearest->best.bytes);
    if (symbol->value <= nearest->address && nearest->address - symbol->value < reach &&
        is_better) {
        nearest->best = *symbol;
        nearest->found = true;
    }
    return true;
}

size_t kd_program_symbol(const struct kd_program *program, uint64_t address, bool is_exact,
                         char *to, size_t bytes)
{
    char name[NAME_MAX];
    struct nearest nearest = {.address = is_exact ? address : address - 1};
    each_symbol(program, compare_place, &nearest);
    if (!nearest.found || !read_name(program, nearest.best.name, name) || name[0] == '\0') {
        return 0;
    }
    uint64_t past = address - nearest.best.value;
    return past == 0 ? format_text(to, bytes, "%s", name)
                     : format_text(to, bytes, "%s+0x%llx", name, (unsigned long long)past);
}

struct wanted {
    const char *name;
    size_t length;
    uint64_t value;
    bool found;
};

static bool compare_name(const struct kd_program *program, const struct elf_symbol *symbol,
                         void *context)
{
    struct wanted *wanted = context;
    char name[NAME_MAX];
    wanted->found = read_name(program, symbol->name, name) && strlen(name) == wanted->length &&
                    memcmp(name, wanted->name, wanted->length) == 0;
    wanted->value = symbol->value;
    return !wanted->found;
}

bool kd_program_named(const struct kd_program *program, const char *name, size_t length,
                      uint64_t *out)
{
    struct wanted wanted = {.name = name, .length = length};
    each_symbol(program, compare_name, &wanted);
    *out = wanted.value;
    return wanted.found;
}
