/* SPDX-License-Identifier: MIT */
#include "tools/post/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_map(const char *path, struct mapped_file *out)
{
    struct stat status;
    *out = (struct mapped_file){0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    void *bytes = fstat(file, &status) == 0
                      ? mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0)
                      : MAP_FAILED;
    close(file);
    if (bytes == MAP_FAILED) {
        return false;
    }
    *out = (struct mapped_file){.bytes = bytes, .size = (size_t)status.st_size};
    return true;
}

void file_unmap(struct mapped_file *file)
{
    if (file->bytes != NULL) {
        munmap((void *)(uintptr_t)file->bytes, file->size);
    }
    *file = (struct mapped_file){0};
}
