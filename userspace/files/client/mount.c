/* SPDX-License-Identifier: MIT */
/* The mount table: see mount.h. Read once; roots are attached to when they are needed, under one mutex. */
#include "userspace/files/client/mount.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "gen/interface/vfs_client.h"
#include "userspace/files/client/here.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/lib/mutex.h"
#include "userspace/lib/start.h"

#define FOLDER_BYTES 32u
#define PATIENCE     (20 * NS_PER_S) /* for a service that is being started again */
#define AGAIN        (2 * NS_PER_MS)

struct mount {
    char folder[FOLDER_BYTES];
    char server[START_NAME_BYTES];
    uint64_t root; /* HANDLE_NONE: not attached */
};

_Static_assert(sizeof(((struct mount_place *)0)->path) == PATH_BYTES_MAX, "every path fits");

static struct mutex mutex;
static struct mount mounts[MOUNTS_MAX];
static unsigned mount_count;
static bool is_read;
static uint64_t alive; /* a mailbox that ends with this process */

/* Copies up to a letter or the end; returns what is behind it. */
static const char *take(const char *text, char end, char *out, size_t out_bytes)
{
    size_t length = 0;

    while (*text != '\0' && *text != end) {
        if (length + 1 < out_bytes) {
            out[length++] = *text;
        }
        text++;
    }
    out[length] = '\0';
    return *text == end ? text + 1 : text;
}

static void read_table(void)
{
    const char *text = program_variable("MOUNTS");

    text = text != NULL ? text : MOUNTS_DEFAULT;
    while (*text != '\0' && mount_count < MOUNTS_MAX) {
        struct mount *mount = &mounts[mount_count];
        char folder[FOLDER_BYTES], clean[PATH_BYTES_MAX];

        text = take(text, '=', folder, sizeof(folder));
        text = take(text, ':', mount->server, sizeof(mount->server));
        if (path_clean(folder, clean) == OK && strlen(clean) < FOLDER_BYTES) {
            memcpy(mount->folder, clean, strlen(clean) + 1);
            mount_count++;
        }
    }
    is_read = true;
}

/* The deepest folder that a clean path lies in. */
static struct mount *find_mount(const char *path, const char **out_below)
{
    struct mount *found = NULL;

    for (unsigned i = 0; i < mount_count; i++) {
        const char *below = path_below(path, mounts[i].folder);

        if (below != NULL && (found == NULL || strlen(mounts[i].folder) > strlen(found->folder))) {
            found = &mounts[i];
            *out_below = below;
        }
    }
    return found;
}

/* To the server that was given, or to who serves under the name now. */
static status_t attach_once(struct mount *mount, uint64_t deadline)
{
    uint64_t given = program_handle(mount->server), server = given;
    status_t status = given != HANDLE_NONE ? OK : service_find(mount->server, deadline, &server);

    if (status != OK) {
        return status;
    }
    status = vfs_attach(server, alive, deadline, &mount->root);
    if (given == HANDLE_NONE) {
        (void)sys_handle_close(server);
    }
    return status;
}

/* What was found may have ended without anybody having noticed yet. */
static status_t attach(struct mount *mount)
{
    uint64_t deadline = clock_now() + PATIENCE;
    status_t status = OK;

    if (alive == HANDLE_NONE) {
        status = sys_mailbox_create("alive", strlen("alive"), &alive);
    }
    if (status == OK) {
        status = attach_once(mount, deadline);
    }
    while (status == ERR_PEER_CLOSED && program_handle(mount->server) == HANDLE_NONE &&
           clock_now() < deadline) {
        clock_sleep(AGAIN);
        status = attach_once(mount, deadline);
    }
    return status;
}

status_t mount_find(const char *path, struct mount_place *out)
{
    char clean[PATH_BYTES_MAX];
    const char *below;
    status_t status = path_here(path, clean);

    if (status != OK) {
        return status;
    }
    mutex_lock(&mutex);
    if (!is_read) {
        read_table();
    }
    struct mount *mount = find_mount(clean, &below);
    if (mount == NULL) {
        status = ERR_NOT_FOUND;
    } else if (mount->root == HANDLE_NONE) {
        status = attach(mount);
    }
    if (status == OK) {
        out->mount = (unsigned)(mount - mounts);
        out->root = mount->root;
        memcpy(out->path, below, strlen(below) + 1);
    }
    mutex_unlock(&mutex);
    return status;
}

/* Others may have found the next one already. */
void mount_lost(const struct mount_place *place)
{
    mutex_lock(&mutex);
    if (mounts[place->mount].root == place->root) {
        (void)sys_handle_close(place->root);
        mounts[place->mount].root = HANDLE_NONE;
    }
    mutex_unlock(&mutex);
}

const char *mount_name(unsigned index)
{
    mutex_lock(&mutex);
    if (!is_read) {
        read_table();
    }
    mutex_unlock(&mutex);
    return index < mount_count ? mounts[index].folder : NULL;
}
