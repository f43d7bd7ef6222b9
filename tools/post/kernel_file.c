/* SPDX-License-Identifier: MIT */
/* Reading the kernel's ELF file (kernel_file.h). It is our own, but may be cut off: every offset is compared with its size. */
#include "tools/post/kernel_file.h"

#include <elf.h>
#include <string.h>

static const void *at(const struct kernel_file *kernel, uint64_t offset, uint64_t bytes)
{
    return offset <= kernel->file.size && bytes <= kernel->file.size - offset
               ? kernel->file.bytes + offset
               : NULL;
}

static const Elf64_Ehdr *header(const struct kernel_file *kernel)
{
    return at(kernel, 0, sizeof(Elf64_Ehdr));
}

const char *kernel_open(const char *path, struct kernel_file *out)
{
    *out = (struct kernel_file){0};
    if (!file_map(path, &out->file)) {
        return "it cannot be read, or is empty";
    }
    const Elf64_Ehdr *head = header(out);
    bool fine = head != NULL && memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 &&
                head->e_ident[EI_CLASS] == ELFCLASS64 && head->e_shentsize == sizeof(Elf64_Shdr) &&
                at(out, head->e_shoff, (uint64_t)head->e_shnum * sizeof(Elf64_Shdr)) != NULL;
    return fine ? NULL : "it is no ELF file for 64 bits";
}

/* The section of a kind whose contents and link are inside the file; NULL: none. */
static const Elf64_Shdr *find_section(const struct kernel_file *kernel, uint32_t type)
{
    const Elf64_Ehdr *head = header(kernel);
    const Elf64_Shdr *section = at(kernel, head->e_shoff, 0);
    for (unsigned i = 0; i < head->e_shnum; i++) {
        if (section[i].sh_type == type && section[i].sh_link < head->e_shnum &&
            at(kernel, section[i].sh_offset, section[i].sh_size) != NULL) {
            return &section[i];
        }
    }
    return NULL;
}

vaddr_t kernel_symbol(const struct kernel_file *kernel, const char *name)
{
    const Elf64_Shdr *table = find_section(kernel, SHT_SYMTAB);
    if (table == NULL) {
        return 0;
    }
    const Elf64_Ehdr *head = header(kernel);
    const Elf64_Shdr *names = (const Elf64_Shdr *)at(kernel, head->e_shoff, 0) + table->sh_link;
    const Elf64_Sym *symbol = at(kernel, table->sh_offset, 0);
    vaddr_t found = 0;
    for (uint64_t i = 0; i < table->sh_size / sizeof(*symbol); i++) {
        const char *own = at(kernel, names->sh_offset + symbol[i].st_name, strlen(name) + 1);
        if (own == NULL || symbol[i].st_shndx == SHN_UNDEF ||
            memcmp(own, name, strlen(name) + 1) != 0) {
            continue;
        }
        if (ELF64_ST_BIND(symbol[i].st_info) == STB_GLOBAL) {
            return symbol[i].st_value;
        }
        found = symbol[i].st_value;
    }
    return found;
}

const void *kernel_bytes(const struct kernel_file *kernel, vaddr_t start, vaddr_t end)
{
    const Elf64_Ehdr *head = header(kernel);
    const Elf64_Phdr *segment =
        at(kernel, head->e_phoff, (uint64_t)head->e_phnum * sizeof(Elf64_Phdr));
    for (unsigned i = 0; segment != NULL && i < head->e_phnum; i++) {
        const Elf64_Phdr *here = &segment[i];
        if (here->p_type == PT_LOAD && start >= here->p_vaddr && start <= end &&
            end - here->p_vaddr <= here->p_filesz) {
            return at(kernel, here->p_offset + (start - here->p_vaddr), end - start);
        }
    }
    return NULL;
}
