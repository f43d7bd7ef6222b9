/* SPDX-License-Identifier: MIT */
#include "userspace/programs/commands/target.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "userspace/files/client/file.h"

bool target_path(const char *from, const char *to, char out[PATH_BYTES_MAX])
{
    struct file_info info;
    const char *name = from;
    bool is_folder = file_stat(to, &info) == OK && info.kind == FILE_DIRECTORY;

    for (const char *at = from; *at != '\0'; at++) {
        name = at[0] == '/' && at[1] != '\0' ? at + 1 : name;
    }
    int length = is_folder ? snprintf(out, PATH_BYTES_MAX, "%s/%s", to, name)
                           : snprintf(out, PATH_BYTES_MAX, "%s", to);
    return (size_t)length < PATH_BYTES_MAX;
}
