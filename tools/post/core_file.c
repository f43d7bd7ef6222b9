/* SPDX-License-Identifier: MIT */
/*
 * Reading ELF core files (core_file.h).
 *
 * A file that tools/qemu/core.py has prepared for gdb names kernel addresses, and the same memory at
 * each place where the kernel has it; the physical addresses beside them are what counts here.
 *
 * Sources: ELF-64 Object File Format 1.5; QEMU docs/specs/vmcoreinfo and target/i386/arch_dump.c
 * (struct QEMUX86CPUState).
 */
#include "tools/post/core_file.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "arch/mmu.h"

#define NOTE_ALIGN 4u

struct qemu_segment {
    uint32_t selector, limit, flags, pad;
    uint64_t base;
};

/* The description of a note "QEMU": one core. */
struct qemu_cpu {
    uint32_t version, size;
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
    struct qemu_segment cs, ds, es, fs, gs, ss, ldt, tr, gdt, idt;
    uint64_t cr[5];
};

/* The description of a note "SPOOR": see tools/spoorlib/memory_dump.py. */
struct spoor_machine {
    uint64_t root;
};

static bool lies_inside(const struct core_file *core, uint64_t offset, uint64_t bytes)
{
    return offset <= core->file.size && bytes <= core->file.size - offset;
}

static void take_cpu(struct core_file *core, const uint8_t *description)
{
    struct qemu_cpu state;
    if (core->cpu_count == CPU_MAX) {
        return;
    }
    memcpy(&state, description, sizeof(state));
    core->cpu[core->cpu_count++] = (struct kd_registers){
        .frame = {.r15 = state.r15,
                  .r14 = state.r14,
                  .r13 = state.r13,
                  .r12 = state.r12,
                  .r11 = state.r11,
                  .r10 = state.r10,
                  .r9 = state.r9,
                  .r8 = state.r8,
                  .rbp = state.rbp,
                  .rdi = state.rdi,
                  .rsi = state.rsi,
                  .rdx = state.rdx,
                  .rcx = state.rcx,
                  .rbx = state.rbx,
                  .rax = state.rax,
                  .rip = state.rip,
                  .cs = state.cs.selector,
                  .rflags = state.rflags,
                  .rsp = state.rsp,
                  .ss = state.ss.selector},
        .cr0 = state.cr[0],
        .cr2 = state.cr[2],
        .cr3 = state.cr[3],
        .cr4 = state.cr[4],
    };
    if (core->root == 0) {
        core->root = state.cr[3] & PTE_ADDRESS;
    }
}

static void take_note(struct core_file *core, const char *name, size_t name_bytes,
                      const uint8_t *description, size_t bytes)
{
    if (name_bytes == sizeof("QEMU") && memcmp(name, "QEMU", sizeof("QEMU")) == 0 &&
        bytes >= sizeof(struct qemu_cpu)) {
        take_cpu(core, description);
    }
    if (name_bytes == sizeof("SPOOR") && memcmp(name, "SPOOR", sizeof("SPOOR")) == 0 &&
        bytes >= sizeof(struct spoor_machine)) {
        struct spoor_machine machine;
        memcpy(&machine, description, sizeof(machine));
        core->root = machine.root & PTE_ADDRESS;
    }
}

static void take_notes(struct core_file *core, uint64_t offset, uint64_t bytes)
{
    uint64_t end = offset + bytes;
    while (end - offset >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr head;
        memcpy(&head, core->file.bytes + offset, sizeof(head));
        uint64_t name = offset + sizeof(head);
        uint64_t description = name + ROUND_UP((uint64_t)head.n_namesz, NOTE_ALIGN);
        uint64_t next = description + ROUND_UP((uint64_t)head.n_descsz, NOTE_ALIGN);
        if (description + head.n_descsz > end) {
            return;
        }
        take_note(core, (const char *)core->file.bytes + name, head.n_namesz,
                  core->file.bytes + description, head.n_descsz);
        offset = MIN(next, end);
    }
}

static void take_segment(struct core_file *core, const Elf64_Phdr *head)
{
    if (!lies_inside(core, head->p_offset, head->p_filesz) ||
        head->p_paddr > UINT64_MAX - head->p_filesz) {
        return;
    }
    if (head->p_type == PT_NOTE) {
        take_notes(core, head->p_offset, head->p_filesz);
    } else if (head->p_type == PT_LOAD && head->p_filesz != 0) {
        core->runs[core->run_count++] =
            (struct core_run){head->p_paddr, head->p_paddr + head->p_filesz, head->p_offset};
    }
}

static int by_start(const void *a, const void *b)
{
    const struct core_run *left = a, *right = b;
    return left->start < right->start ? -1 : left->start > right->start;
}

/* What two segments hold is the same; each keeps what begins behind the one before. */
static void drop_overlaps(struct core_file *core)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < core->run_count; i++) {
        struct core_run run = core->runs[i];
        paddr_t end = kept == 0 ? 0 : core->runs[kept - 1].end;
        if (run.start < end) {
            run.offset += MIN(end, run.end) - run.start;
            run.start = MIN(end, run.end);
        }
        if (run.start < run.end) {
            core->runs[kept++] = run;
        }
    }
    core->run_count = kept;
}

static const char *take_segments(struct core_file *core)
{
    Elf64_Ehdr head;
    if (core->file.size < sizeof(head)) {
        return "it is too short for a core file";
    }
    memcpy(&head, core->file.bytes, sizeof(head));
    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
        head.e_type != ET_CORE) {
        return "it is no ELF core file for 64 bits";
    }
    if (head.e_phentsize != sizeof(Elf64_Phdr) ||
        !lies_inside(core, head.e_phoff, (uint64_t)head.e_phnum * sizeof(Elf64_Phdr))) {
        return "it is cut off";
    }
    core->runs = calloc(head.e_phnum + 1u, sizeof(*core->runs));
    for (unsigned i = 0; core->runs != NULL && i < head.e_phnum; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, core->file.bytes + head.e_phoff + i * sizeof(segment), sizeof(segment));
        take_segment(core, &segment);
    }
    if (core->runs == NULL || core->run_count == 0) {
        return "it holds no memory";
    }
    qsort(core->runs, core->run_count, sizeof(*core->runs), by_start);
    drop_overlaps(core);
    return core->root == 0 ? "it does not say where the page tables are" : NULL;
}

const char *core_open(const char *path, struct core_file *out)
{
    *out = (struct core_file){0};
    if (!file_map(path, &out->file)) {
        return "it cannot be read, or is empty";
    }
    return take_segments(out);
}

void core_close(struct core_file *core)
{
    file_unmap(&core->file);
    free(core->runs);
    *core = (struct core_file){0};
}

status_t core_read(const struct core_file *core, paddr_t pa, void *to, size_t bytes)
{
    unsigned low = 0;
    unsigned high =
        core->run_count; /* runs before low end at or below pa, those from high on begin above */
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const struct core_run *run = &core->runs[middle];
        if (pa < run->start) {
            high = middle;
        } else if (pa >= run->end) {
            low = middle + 1;
        } else if (bytes > run->end - pa) {
            return ERR_BAD_ADDRESS;
        } else {
            memcpy(to, core->file.bytes + run->offset + (pa - run->start), bytes);
            return OK;
        }
    }
    return ERR_BAD_ADDRESS;
}

void core_keep(struct core_file *core, const struct core_range *ranges, unsigned count)
{
    struct core_run *kept = calloc((size_t)core->run_count + count, sizeof(*kept));
    unsigned kept_count = 0;
    if (kept == NULL) {
        return;
    }
    for (unsigned i = 0; i < core->run_count; i++) {
        const struct core_run *run = &core->runs[i];
        for (unsigned j = 0; j < count; j++) {
            paddr_t start = MAX(run->start, ranges[j].start), end = MIN(run->end, ranges[j].end);
            if (start < end && kept_count < core->run_count + count) {
                kept[kept_count++] =
                    (struct core_run){start, end, run->offset + (start - run->start)};
            }
        }
    }
    free(core->runs);
    core->runs = kept;
    core->run_count = kept_count;
}
