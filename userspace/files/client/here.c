/* SPDX-License-Identifier: MIT */
#include "userspace/files/client/here.h"

#include <stdbool.h>
#include <string.h>

#include "userspace/lib/mutex.h"
#include "userspace/lib/start.h"

static struct mutex mutex;
static char here[PATH_BYTES_MAX];
static bool is_known;

/* A variable that makes no sense is "/". */
static void find_out(void)
{
    const char *folder = program_variable("PWD");

    if (folder == NULL || path_clean(folder, here) != OK) {
        here[0] = '\0';
    }
    is_known = true;
}

status_t path_here(const char *path, char out[PATH_BYTES_MAX])
{
    char joined[2 * PATH_BYTES_MAX];
    size_t length = 0;

    if (*path != '/') {
        mutex_lock(&mutex);
        if (!is_known) {
            find_out();
        }
        length = strlen(here);
        memcpy(joined, here, length);
        mutex_unlock(&mutex);
    }
    if (strlen(path) + 2 > sizeof(joined) - length) {
        return ERR_TOO_BIG;
    }
    joined[length] = '/';
    memcpy(joined + length + 1, path, strlen(path) + 1);
    return path_clean(joined, out);
}

void path_set_here(const char *clean)
{
    mutex_lock(&mutex);
    memcpy(here, clean, strlen(clean) + 1);
    is_known = true;
    mutex_unlock(&mutex);
}
