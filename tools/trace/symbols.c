/* SPDX-License-Identifier: MIT */
/*
 * Symbol tables. Files are read with bounds checked everywhere; a symbol that does not fit is left out.
 *
 * Source: System V ABI, "Object Files" (ELF-64).
 */
#include "symbols.h"

#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>

#define SYMBOL_TABLE_BYTES_MAX 0x8000000u
#define SYMBOL_REACH           0x100000u /* an address this far behind a symbol does not belong to it */

static void add_symbol(struct symbols *symbols, uint64_t address, const char *name, size_t bytes)
{
    symbols->symbol =
        array_grow(symbols->symbol, symbols->count, &symbols->capacity, sizeof(*symbols->symbol));
    symbols->symbol[symbols->count++] =
        (struct symbol){.address = address, .name = arena_text(&symbols->arena, name, bytes)};
}

static int compare_symbols(const void *left, const void *right)
{
    uint64_t a = ((const struct symbol *)left)->address;
    uint64_t b = ((const struct symbol *)right)->address;
    return a < b ? -1 : a > b;
}

static void sort_symbols(struct symbols *symbols)
{
    if (symbols->count != 0) {
        qsort(symbols->symbol, symbols->count, sizeof(*symbols->symbol), compare_symbols);
    }
}

static void load_text(struct symbols *symbols, const char *text)
{
    while (*text != '\0') {
        char *name;
        size_t line = strcspn(text, "\n");
        uint64_t address = strtoull(text, &name, 16);
        if (name != text && *name == ' ' && name + 1 < text + line) {
            add_symbol(symbols, address, name + 1, (size_t)(text + line - name - 1));
        }
        text += line + (text[line] == '\n');
    }
}

/* Part of a file in memory, with a NUL behind it; NULL if it is not all there or absurdly long. */
static char *read_part(const struct input *input, uint64_t offset, uint64_t bytes)
{
    if (bytes > SYMBOL_TABLE_BYTES_MAX || offset > input->bytes || bytes > input->bytes - offset) {
        return NULL;
    }
    char *part = xmalloc((size_t)bytes + 1);
    if (input_read(input, offset, part, (size_t)bytes) != bytes) {
        free(part);
        return NULL;
    }
    part[bytes] = '\0';
    return part;
}

static void take_table(struct symbols *symbols, const char *table, uint64_t table_bytes,
                       const char *names, uint64_t names_bytes)
{
    for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= table_bytes; at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol;
        memcpy(&symbol, table + at, sizeof(symbol));
        unsigned type = ELF64_ST_TYPE(symbol.st_info);
        bool is_code = type == STT_FUNC || type == STT_NOTYPE;
        if (is_code && symbol.st_shndx != SHN_UNDEF && symbol.st_name != 0 &&
            symbol.st_name < names_bytes) {
            const char *name = names + symbol.st_name;
            add_symbol(symbols, symbol.st_value, name, strlen(name));
        }
    }
}

static status_t load_elf(struct symbols *symbols, const struct input *input)
{
    Elf64_Ehdr elf;
    if (input_read(input, 0, &elf, sizeof(elf)) < sizeof(elf) ||
        memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
        elf.e_shentsize != sizeof(Elf64_Shdr)) {
        complain("%s: is not an ELF64 file", input->name);
        return ERR_CORRUPT;
    }
    for (unsigned i = 0; i < elf.e_shnum; i++) {
        Elf64_Shdr section;
        Elf64_Shdr strings;
        uint64_t at = elf.e_shoff + (uint64_t)i * sizeof(section);
        if (input_read(input, at, &section, sizeof(section)) < sizeof(section)) {
            break;
        }
        if (section.sh_type != SHT_SYMTAB || section.sh_link >= elf.e_shnum ||
            input_read(input, elf.e_shoff + (uint64_t)section.sh_link * sizeof(strings), &strings,
                       sizeof(strings)) < sizeof(strings)) {
            continue;
        }
        char *table = read_part(input, section.sh_offset, section.sh_size);
        char *names = read_part(input, strings.sh_offset, strings.sh_size);
        if (table != NULL && names != NULL) {
            take_table(symbols, table, section.sh_size, names, strings.sh_size);
        }
        free(table);
        free(names);
    }
    if (symbols->count == 0) {
        complain("%s: has no symbols", input->name);
        return ERR_CORRUPT;
    }
    return OK;
}

/* The first 8 bytes of an ELF file's build id, as the kernel puts its own into the region; 0: it has none. */
static uint64_t build_id_of(const struct input *input)
{
    Elf64_Ehdr elf;
    if (input_read(input, 0, &elf, sizeof(elf)) < sizeof(elf)) {
        return 0;
    }
    for (unsigned i = 0; i < elf.e_shnum; i++) {
        struct {
            Elf64_Nhdr head;
            char name[4];
            uint8_t id[8];
        } note;
        Elf64_Shdr section;
        uint64_t at = elf.e_shoff + (uint64_t)i * sizeof(section);
        if (input_read(input, at, &section, sizeof(section)) < sizeof(section)) {
            return 0;
        }
        if (section.sh_type == SHT_NOTE &&
            input_read(input, section.sh_offset, &note, sizeof(note)) == sizeof(note) &&
            note.head.n_type == NT_GNU_BUILD_ID && note.head.n_descsz >= sizeof(note.id) &&
            memcmp(note.name, "GNU", 4) == 0) {
            uint64_t id = 0;
            for (unsigned byte = 0; byte < sizeof(note.id); byte++) {
                id = id << 8 | note.id[byte];
            }
            return id;
        }
    }
    return 0;
}

/* Names from another build's file would be wrong without looking wrong. */
static void compare_builds(const struct input *input, const struct session *session)
{
    uint64_t file = build_id_of(input), kernel = session->region.kernel_id;
    if (file != 0 && kernel != 0 && file != kernel) {
        complain("%s: is of build %016" PRIx64 ", the capture of %016" PRIx64
                 ": names of functions may be wrong",
                 input->name, file, kernel);
    }
}

status_t symbols_load(struct symbols *symbols, const struct session *session, const char *path)
{
    memset(symbols, 0, sizeof(*symbols));
    status_t status = OK;
    if (path != NULL) {
        struct input input;
        status = input_open(&input, path);
        if (status != OK) {
            return status;
        }
        status = load_elf(symbols, &input);
        if (status == OK && session != NULL) {
            compare_builds(&input, session);
        }
        input_close(&input);
    } else if (session->symbols != NULL) {
        load_text(symbols, session->symbols);
    }
    sort_symbols(symbols);
    return status;
}

void symbols_free(struct symbols *symbols)
{
    free(symbols->symbol);
    arena_free(&symbols->arena);
    memset(symbols, 0, sizeof(*symbols));
}

const struct symbol *symbols_at(const struct symbols *symbols, uint64_t address)
{
    size_t low = 0;
    size_t high = symbols->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols->symbol[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low != 0 && address - symbols->symbol[low - 1].address < SYMBOL_REACH;
    return found ? &symbols->symbol[low - 1] : NULL;
}

const struct symbol *symbols_find(const struct symbols *symbols, uint64_t address)
{
    return address >= KERNEL_IMAGE_BASE ? symbols_at(symbols, address) : NULL;
}
