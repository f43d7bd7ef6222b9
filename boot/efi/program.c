/* SPDX-License-Identifier: MIT */
/*
 * Loading the kernel and init.
 *
 * The kernel is one physically contiguous run, aligned to 2 MiB, that mirrors its virtual addresses from
 * KERNEL_IMAGE_BASE on: address translation inside the image is then one addition, and gaps between segments cost
 * memory but no table. Init is one run per segment, because its pages become pages of an ordinary process.
 */
#include "boot/efi/program.h"

#include "boot/efi/file.h"
#include "boot/efi/memory.h"
#include "boot/load/image.h"
#include "gen/layout.h"

#define KERNEL_BYTES_MAX HUGE_PAGE_BYTES
#define INIT_NAME        "init"
#define REBUILD          "rebuild with make and write the disk image again"

static void copy_segment(const struct elf_file *file, const struct elf_segment *segment,
                         uint64_t first_page_phys)
{
    uint64_t offset = segment->virt - elf_segment_first_page(segment);
    BS->CopyMem((void *)(first_page_phys + offset), (void *)elf_segment_bytes(file, segment),
                segment->file_bytes);
}

static EFI_STATUS place_kernel(struct handoff *handoff, const struct elf_file *kernel)
{
    uint64_t bytes =
        elf_segment_end_page(&kernel->segment[kernel->segment_count - 1]) - KERNEL_IMAGE_BASE;
    uint64_t base;
    EFI_STATUS status =
        memory_take_aligned(bytes, LARGE_PAGE_BYTES, HANDOFF_MEMORY_KERNEL, BELOW_4_GIB, &base);
    if (EFI_ERROR(status)) {
        return complain(status, "placing the kernel", "it does not fit into the memory below 4 GiB",
                        "give the machine more memory");
    }
    BS->SetMem((void *)base, bytes, 0);
    for (unsigned i = 0; i < kernel->segment_count; i++) {
        const struct elf_segment *segment = &kernel->segment[i];
        copy_segment(kernel, segment, base + elf_segment_first_page(segment) - KERNEL_IMAGE_BASE);
    }
    handoff->kernel_phys = base;
    handoff->kernel_bytes = bytes;
    return EFI_SUCCESS;
}

static EFI_STATUS load_kernel_file(struct handoff *handoff, const struct file *file,
                                   struct elf_file *out_kernel)
{
    enum elf_error error = elf_open(file->bytes, file->size, out_kernel);
    if (error == ELF_OK) {
        error =
            elf_check_range(out_kernel, KERNEL_IMAGE_BASE, KERNEL_IMAGE_BASE + KERNEL_BYTES_MAX);
    }
    if (error != ELF_OK) {
        return complain(EFI_LOAD_ERROR, "reading " KERNEL_PATH, elf_error_text(error), REBUILD);
    }
    return place_kernel(handoff, out_kernel);
}

EFI_STATUS program_load_kernel(struct handoff *handoff, struct elf_file *out_kernel)
{
    struct file file;
    EFI_STATUS status = file_read(KERNEL_PATH, HANDOFF_MEMORY_LOADER, &file);
    if (status == EFI_NOT_FOUND) {
        return file_complain_missing(KERNEL_PATH);
    }
    if (EFI_ERROR(status)) {
        return status;
    }
    status = load_kernel_file(handoff, &file, out_kernel);
    out_kernel->bytes = NULL;
    if (!EFI_ERROR(status)) {
        Print(L"  kernel     %ld KiB at 0x%lx, from a file of %ld KiB\n",
              handoff->kernel_bytes / 1024, handoff->kernel_phys, file.size / 1024);
    }
    file_drop(&file);
    return status;
}

static uint32_t handoff_flags(uint32_t elf_flags)
{
    return (elf_flags & ELF_READ ? HANDOFF_SEGMENT_READ : 0) |
           (elf_flags & ELF_WRITE ? HANDOFF_SEGMENT_WRITE : 0) |
           (elf_flags & ELF_EXEC ? HANDOFF_SEGMENT_EXEC : 0);
}

static EFI_STATUS place_init_segment(struct handoff *handoff, const struct elf_file *init,
                                     const struct elf_segment *segment)
{
    uint64_t first = elf_segment_first_page(segment);
    uint64_t bytes = elf_segment_end_page(segment) - first;
    uint64_t base;
    EFI_STATUS status = memory_take_zeroed(bytes, HANDOFF_MEMORY_IMAGE, BELOW_4_GIB, &base);
    if (EFI_ERROR(status)) {
        return complain(status, "placing init", "it does not fit into the memory below 4 GiB",
                        "give the machine more memory");
    }
    copy_segment(init, segment, base);
    handoff->init_segment[handoff->init_segments++] = (struct handoff_segment){
        .virt = first,
        .phys = base,
        .memory_bytes = bytes,
        .flags = handoff_flags(segment->flags),
    };
    return EFI_SUCCESS;
}

static EFI_STATUS open_init(const struct file *image, struct elf_file *out_init)
{
    enum image_error image_error = image_check(image->bytes, image->size);
    if (image_error != IMAGE_OK) {
        return complain(EFI_LOAD_ERROR, "reading " IMAGE_PATH, image_error_text(image_error),
                        REBUILD);
    }
    const struct boot_image_entry *entry = image_find(image->bytes, INIT_NAME);
    if (entry == NULL) {
        return complain(EFI_LOAD_ERROR, "reading " IMAGE_PATH,
                        "it holds no file \"init\", the first program",
                        "pack it again with tools/image/bootimg.py, init among the files");
    }
    enum elf_error error =
        elf_open((const uint8_t *)image->bytes + entry->offset, entry->bytes, out_init);
    if (error == ELF_OK) {
        error = elf_check_range(out_init, USER_BASE, USER_END);
    }
    if (error == ELF_OK && out_init->segment_count > HANDOFF_SEGMENTS_MAX) {
        error = ELF_TOO_MANY_SEGMENTS;
    }
    if (error != ELF_OK) {
        return complain(EFI_LOAD_ERROR, "reading " IMAGE_PATH ", file \"init\"",
                        elf_error_text(error), REBUILD);
    }
    return EFI_SUCCESS;
}

EFI_STATUS program_load_init(struct handoff *handoff)
{
    struct file image;
    EFI_STATUS status = file_read(IMAGE_PATH, HANDOFF_MEMORY_IMAGE, &image);
    if (status == EFI_NOT_FOUND) {
        return file_complain_missing(IMAGE_PATH);
    }
    if (EFI_ERROR(status)) {
        return status;
    }
    struct elf_file init = {0};
    status = open_init(&image, &init);
    if (EFI_ERROR(status)) {
        return status;
    }
    for (unsigned i = 0; i < init.segment_count; i++) {
        status = place_init_segment(handoff, &init, &init.segment[i]);
        if (EFI_ERROR(status)) {
            return status;
        }
    }
    handoff->image_base = (uint64_t)image.bytes;
    handoff->image_bytes = image.size;
    handoff->init_entry = init.entry;
    Print(L"  image      %ld KiB at 0x%lx, %d files; init enters at 0x%lx\n", image.size / 1024,
          handoff->image_base, image_count(image.bytes), init.entry);
    return EFI_SUCCESS;
}

/* Among the data are stacks, below which the kernel unmaps a page. */
static unsigned paging_rights(uint32_t elf_flags)
{
    return PAGING_GLOBAL | (elf_flags & ELF_WRITE ? PAGING_WRITE | PAGING_SMALL : 0) |
           (elf_flags & ELF_EXEC ? PAGING_EXEC : 0);
}

status_t program_map_kernel(struct paging *paging, const struct elf_file *kernel,
                            uint64_t kernel_phys)
{
    for (unsigned i = 0; i < kernel->segment_count; i++) {
        const struct elf_segment *segment = &kernel->segment[i];
        uint64_t first = elf_segment_first_page(segment);
        status_t status =
            paging_map(paging, first, kernel_phys + (first - KERNEL_IMAGE_BASE),
                       elf_segment_end_page(segment) - first, paging_rights(segment->flags));
        if (status != OK) {
            return status;
        }
    }
    return OK;
}
