/* SPDX-License-Identifier: MIT */
/* Cleaning paths up before anybody sees them: see path.h. */
#include "userspace/files/client/path.h"

#include <string.h>

static size_t name_length(const char *name)
{
    size_t length = 0;

    while (name[length] != '\0' && name[length] != '/') {
        length++;
    }
    return length;
}

/* One name up: behind the last one before it. */
static size_t drop_name(const char *out, size_t length)
{
    while (length > 0 && out[--length] != '/') {
    }
    return length;
}

status_t path_clean(const char *path, char out[PATH_BYTES_MAX])
{
    size_t length = 0;

    while (*path != '\0') {
        size_t name = name_length(path);

        if (name == 2 && path[0] == '.' && path[1] == '.') {
            length = drop_name(out, length);
        } else if (name > 0 && !(name == 1 && path[0] == '.')) {
            if (length + 1 + name >= PATH_BYTES_MAX) {
                return ERR_TOO_BIG;
            }
            out[length] = '/';
            memcpy(out + length + 1, path, name);
            length += 1 + name;
        }
        path += name + (path[name] == '/');
    }
    out[length] = '\0';
    return OK;
}

const char *path_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);

    if (strncmp(path, folder, length) != 0 || (path[length] != '/' && path[length] != '\0')) {
        return NULL;
    }
    return path + length + (path[length] == '/');
}
