/* SPDX-License-Identifier: MIT */
/*
 * The server in front of a file system.
 *
 * A handle for an open file is one of the server's own mailbox with a badge that names the file (open_files.h): the kernel carries
 * the capability, the server looks it up. It can only send: with the right to duplicate or transfer it, its holder could give it
 * another badge.
 *
 * A client that ends says nothing. So it gives a mailbox along that only it can receive from, and a thread per session
 * calls that: nobody ever answers, and when the client has ended the call comes back. The thread then tells the server, by a message as
 * all others: everything below happens in one thread.
 *
 *     client ----- attach(alive) -----> server ------ starts -----> watch: calls `alive` ...
 *            ends                              <----- vfs.gone ----        ... ERR_PEER_CLOSED
 *
 * Rejected: one session per request (nothing to clean up, but a file that is removed while it is open would be gone); asking all
 * clients now and then (files stay open meanwhile, and an idle system does not rest).
 */
#include "userspace/files/server/server.h"

#include <string.h>

#include "gen/interface/lifecycle_server.h"
#include "gen/interface/vfs_client.h"
#include "gen/interface/vfs_server.h"
#include "userspace/files/server/open_files.h"
#include "userspace/files/server/walk.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/thread.h"

#define BADGE_SELF (~0ull)

struct watcher {
    struct thread thread;
    uint64_t alive;
    uint32_t session;
};

static struct file_system *fs; /* NULL: why_none */
static status_t why_none;
static struct open_files open_files;
static struct watcher watchers[SESSIONS_MAX];
static uint64_t requests, self;

/* ---- nodes ---- */

static void hold_node(uint64_t node)
{
    if (fs->ops->hold != NULL) {
        fs->ops->hold(fs, node);
    }
}

static void release_node(void *context, uint64_t node)
{
    (void)context;
    if (fs->ops->release != NULL) {
        fs->ops->release(fs, node);
    }
}

static bool can_change(void)
{
    return fs->ops->write != NULL;
}

/* The file that a request goes to, if its handle may be used for this. */
static status_t find_file(const struct interface_request *request, uint32_t flags,
                          struct open_file **out)
{
    *out = open_file_find(&open_files, request->in.badge);
    if (*out == NULL) {
        return ERR_BAD_HANDLE;
    }
    fs->now_ns = clock_now();
    return ((*out)->flags & flags) == flags ? OK : ERR_NO_RIGHTS;
}

static status_t find_regular(const struct interface_request *request, uint32_t flags,
                             struct open_file **out)
{
    struct file_facts facts;
    status_t status = find_file(request, 0, out);

    if (status == OK) {
        status = fs->ops->facts(fs, (*out)->node, &facts);
    }
    if (status == OK && facts.kind != FILE_REGULAR) {
        return ERR_IS_DIRECTORY;
    }
    return status == OK && ((*out)->flags & flags) != flags ? ERR_NO_RIGHTS : status;
}

/* The open directory that a path starts from, which may be changed, and where the path ends. */
static status_t find_place(const struct interface_request *request, const char *path,
                           uint32_t path_bytes, uint64_t *out_directory, struct file_name *out_name)
{
    struct open_file *start;
    status_t status = find_file(request, OPEN_WRITE, &start);

    if (status == OK && !can_change()) {
        status = ERR_READ_ONLY;
    }
    if (status == OK) {
        status = walk_to_parent(fs, start->node, path, path_bytes, out_directory, out_name);
    }
    return status == OK && out_name->bytes == 0 ? ERR_BAD_ARGUMENT : status;
}

/* A handle for an open file; its node is held from now on. */
static status_t give_handle(uint32_t session, uint64_t node, uint32_t flags,
                            struct open_file **out_file, uint64_t *out)
{
    status_t status = open_file_add(&open_files, session, node, flags, out_file);

    if (status != OK) {
        return status;
    }
    status = sys_handle_duplicate(requests, RIGHT_MAILBOX_SEND | RIGHT_DUPLICATE | RIGHT_TRANSFER,
                                  (*out_file)->badge, out);
    if (status != OK) {
        open_file_remove(&open_files, *out_file);
        return status;
    }
    hold_node(node);
    return OK;
}

static void forget_file(struct open_file *file)
{
    release_node(NULL, file->node);
    open_file_remove(&open_files, file);
}

/* Who has closed what it wrote, or has ended, is not there to be told. */
static status_t sync_files(void)
{
    return fs->ops->sync != NULL ? fs->ops->sync(fs) : OK;
}

/* ---- sessions ---- */

static void watch(void *argument)
{
    const struct watcher *watcher = argument;
    struct message message = {0};

    (void)message_call(watcher->alive, &message, DEADLINE_FOREVER);
    (void)vfs_gone(self, watcher->session, DEADLINE_FOREVER);
}

static status_t start_watcher(uint32_t session, uint64_t alive)
{
    struct watcher *watcher = &watchers[session];

    watcher->alive = alive;
    watcher->session = session;
    return thread_start(&watcher->thread, watch, watcher, THREAD_ANYWHERE, "watch");
}

status_t vfs_on_attach(const struct interface_request *request, uint64_t alive, uint64_t *out_root)
{
    struct open_file *root;
    uint32_t session;

    if (fs == NULL) {
        return why_none;
    }
    if (request->in.badge & OPEN_FILE_BADGE) {
        return ERR_NO_RIGHTS;
    }
    status_t status = session_add(&open_files, request->in.badge, alive, &session);
    if (status != OK) {
        return status;
    }
    status =
        give_handle(session, fs->root, OPEN_READ | OPEN_WRITE | OPEN_DIRECTORY, &root, out_root);
    if (status == OK) {
        status = start_watcher(session, alive);
        if (status != OK) {
            (void)sys_handle_close(*out_root);
        }
    }
    if (status != OK) {
        session_end(&open_files, session, release_node, NULL);
    }
    return status;
}

status_t vfs_on_gone(const struct interface_request *request, uint32_t session)
{
    if (request->in.badge != BADGE_SELF) {
        return ERR_NO_RIGHTS;
    }
    thread_join(&watchers[session].thread);
    (void)sys_handle_close(watchers[session].alive);
    session_end(&open_files, session, release_node, NULL);
    return sync_files();
}

/* ---- opening and closing ---- */

static status_t check_flags(const struct open_file *start, uint32_t flags)
{
    const uint32_t changing = OPEN_TRUNCATE | OPEN_APPEND;

    if ((flags & ~OPEN_FLAGS) || ((flags & changing) && !(flags & OPEN_WRITE))) {
        return ERR_BAD_ARGUMENT;
    }
    if ((flags & OPEN_CREATE) && (flags & OPEN_DIRECTORY)) {
        return ERR_BAD_ARGUMENT;
    }
    if ((flags & (OPEN_WRITE | OPEN_CREATE)) && !(start->flags & OPEN_WRITE)) {
        return ERR_NO_RIGHTS;
    }
    return (flags & OPEN_WRITE) && !(flags & OPEN_DIRECTORY) && !can_change() ? ERR_READ_ONLY : OK;
}

/* The node that is to be opened, made if need be. */
static status_t find_or_make(uint64_t start, const char *path, uint32_t flags, uint64_t *out_node)
{
    struct file_name name;
    uint64_t directory;
    status_t status = walk_to_parent(fs, start, path, (uint32_t)strlen(path), &directory, &name);

    *out_node = directory;
    if (status != OK || name.bytes == 0) {
        return status;
    }
    status = fs->ops->find(fs, directory, name, out_node);
    if (status == OK && (flags & OPEN_CREATE) && (flags & OPEN_EXCLUSIVE)) {
        return ERR_EXISTS;
    }
    if (status != ERR_NOT_FOUND || !(flags & OPEN_CREATE)) {
        return status;
    }
    return can_change() ? fs->ops->make(fs, directory, name, FILE_REGULAR, out_node)
                        : ERR_READ_ONLY;
}

static status_t check_kind(enum file_kind kind, uint32_t flags)
{
    if (kind == FILE_REGULAR) {
        return flags & OPEN_DIRECTORY ? ERR_NOT_DIRECTORY : OK;
    }
    return !(flags & OPEN_DIRECTORY) && (flags & (OPEN_WRITE | OPEN_CREATE)) ? ERR_IS_DIRECTORY
                                                                             : OK;
}

status_t vfs_on_open(const struct interface_request *request, const char *path, uint32_t flags,
                     uint64_t *out_file, uint32_t *out_kind, uint64_t *out_size)
{
    struct open_file *start, *file;
    struct file_facts facts = {0};
    uint64_t node;
    status_t status = find_file(request, 0, &start);

    if (status == OK) {
        status = check_flags(start, flags);
    }
    if (status == OK) {
        status = find_or_make(start->node, path, flags, &node);
    }
    if (status == OK) {
        status = fs->ops->facts(fs, node, &facts);
    }
    if (status == OK && node == start->node && facts.kind == FILE_REGULAR) {
        status =
            ERR_NOT_DIRECTORY; /* again, with other rights: who was given a file has this handle and no more */
    }
    if (status == OK) {
        status = check_kind(facts.kind, flags);
    }
    if (status == OK) {
        status = give_handle(start->session, node, flags, &file, out_file);
    }
    if (status == OK && (flags & OPEN_TRUNCATE) && facts.size > 0) {
        status = fs->ops->truncate(fs, node, 0);
        facts.size = 0;
        if (status != OK) {
            forget_file(file);
            (void)sys_handle_close(*out_file);
        }
    }
    if (status != OK) {
        return status;
    }
    *out_kind = facts.kind;
    *out_size = facts.size;
    return OK;
}

status_t vfs_on_close(const struct interface_request *request)
{
    struct open_file *file;

    if (find_file(request, 0, &file) != OK) {
        return ERR_BAD_HANDLE;
    }
    bool is_written = (file->flags & OPEN_WRITE) && !(file->flags & OPEN_DIRECTORY);
    forget_file(file);
    return is_written ? sync_files() : OK;
}

/* ---- contents ---- */

status_t vfs_on_read(const struct interface_request *request, uint64_t offset, uint32_t wanted,
                     void *data, uint64_t *out_data_bytes)
{
    struct open_file *file;
    uint32_t got = 0;
    status_t status = find_regular(request, OPEN_READ, &file);

    if (status == OK) {
        wanted = wanted < VFS_READ_DATA_MAX ? wanted : VFS_READ_DATA_MAX;
        status = fs->ops->read(fs, file->node, offset, data, wanted, &got);
    }
    *out_data_bytes = got;
    return status;
}

status_t vfs_on_write(const struct interface_request *request, const void *data,
                      uint64_t data_bytes, uint64_t offset, uint32_t *out_written,
                      uint64_t *out_end)
{
    struct open_file *file;
    struct file_facts facts;
    status_t status = find_regular(request, OPEN_WRITE, &file);

    if (status == OK && (file->flags & OPEN_APPEND)) {
        status = fs->ops->facts(fs, file->node, &facts);
        offset = facts.size;
    }
    if (status == OK) {
        status = fs->ops->write(fs, file->node, offset, data, (uint32_t)data_bytes, out_written);
    }
    if (status == OK) {
        *out_end = offset + *out_written;
    }
    return status;
}

status_t vfs_on_truncate(const struct interface_request *request, uint64_t size)
{
    struct open_file *file;
    status_t status = find_regular(request, OPEN_WRITE, &file);

    return status == OK ? fs->ops->truncate(fs, file->node, size) : status;
}

status_t vfs_on_sync(const struct interface_request *request)
{
    struct open_file *file;
    status_t status = find_file(request, 0, &file);

    return status == OK ? sync_files() : status;
}

/* ---- names ---- */

status_t vfs_on_stat(const struct interface_request *request, const char *path, uint32_t *out_kind,
                     uint64_t *out_size, uint64_t *out_node, uint64_t *out_changed)
{
    struct open_file *start;
    struct file_facts facts = {0};
    uint64_t node;
    status_t status = find_file(request, 0, &start);

    if (status == OK) {
        status = walk_to_node(fs, start->node, path, &node);
    }
    if (status == OK) {
        status = fs->ops->facts(fs, node, &facts);
    }
    *out_kind = facts.kind;
    *out_size = facts.size;
    *out_node = facts.node;
    *out_changed = facts.changed_ns;
    return status;
}

/* Append an entry to what is answered; false: no room for it. */
static bool put_entry(char *entries, uint64_t *bytes, const struct file_entry *entry)
{
    struct vfs_entry *to = (struct vfs_entry *)(entries + *bytes);
    uint64_t name_bytes = strlen(entry->name);
    uint64_t whole = (sizeof(*to) + name_bytes + 7) / 8 * 8;

    if (*bytes + whole > VFS_LIST_ENTRIES_MAX) {
        return false;
    }
    *to = (struct vfs_entry){entry->node, entry->kind, (uint16_t)name_bytes, (uint16_t)whole};
    memcpy(to->name, entry->name, name_bytes);
    *bytes += whole;
    return true;
}

status_t vfs_on_list(const struct interface_request *request, uint64_t cursor, void *entries,
                     uint64_t *out_entries_bytes, uint64_t *out_next)
{
    static struct file_entry entry;
    struct open_file *file;
    status_t status = find_file(request, OPEN_READ, &file);

    *out_next = cursor;
    if (status != OK) {
        return status;
    }
    while ((status = fs->ops->list(fs, file->node, *out_next, &entry)) == OK &&
           put_entry(entries, out_entries_bytes, &entry)) {
        *out_next = entry.next;
    }
    bool has_some = *out_entries_bytes > 0; /* then an error comes with the next call */
    return status == ERR_NOT_FOUND || has_some ? OK : status;
}

status_t vfs_on_remove(const struct interface_request *request, const char *path, uint32_t kind)
{
    struct file_name name;
    uint64_t directory;
    status_t status = find_place(request, path, (uint32_t)strlen(path), &directory, &name);

    if (status == OK && kind != FILE_REGULAR && kind != FILE_DIRECTORY) {
        status = ERR_BAD_ARGUMENT;
    }
    return status == OK ? fs->ops->remove(fs, directory, name, kind) : status;
}

static bool has_nul(const char *text, uint64_t bytes)
{
    while (bytes > 0 && *text != '\0') {
        text++;
        bytes--;
    }
    return bytes > 0;
}

status_t vfs_on_rename(const struct interface_request *request, const void *paths,
                       uint64_t paths_bytes, uint32_t first)
{
    struct file_name old_name, new_name;
    uint64_t from, to;

    if (first > paths_bytes || has_nul(paths, paths_bytes)) {
        return ERR_BAD_ARGUMENT;
    }
    status_t status = find_place(request, paths, first, &from, &old_name);
    if (status == OK) {
        status = find_place(request, (const char *)paths + first, (uint32_t)(paths_bytes - first),
                            &to, &new_name);
    }
    return status == OK ? fs->ops->rename(fs, from, old_name, to, new_name) : status;
}

status_t vfs_on_make_directory(const struct interface_request *request, const char *path)
{
    struct file_name name;
    uint64_t directory, node;
    status_t status = find_place(request, path, (uint32_t)strlen(path), &directory, &name);

    if (status == OK && fs->ops->find(fs, directory, name, &node) == OK) {
        status = ERR_EXISTS;
    }
    return status == OK ? fs->ops->make(fs, directory, name, FILE_DIRECTORY, &node) : status;
}

status_t vfs_on_usage(const struct interface_request *request, uint64_t *out_used,
                      uint64_t *out_limit, uint64_t *out_nodes, uint32_t *out_open_files,
                      uint32_t *out_sessions)
{
    struct open_file *file;
    status_t status = find_file(request, 0, &file);

    if (status == OK) {
        struct file_usage usage = fs->ops->usage(fs);

        *out_used = usage.used_bytes;
        *out_limit = usage.limit_bytes;
        *out_nodes = usage.nodes;
        *out_open_files = open_files.file_count;
        *out_sessions = open_files.session_count;
    }
    return status;
}

static struct interface_server make_server(uint64_t mailbox)
{
    static char buffer[VFS_RECEIVES], answer[VFS_READ_DATA_MAX] __attribute__((aligned(8)));
    static const struct interface *const interfaces[] = {&vfs_interface, &lifecycle_interface};

    return (struct interface_server){mailbox, 2, interfaces, buffer, sizeof(buffer), answer};
}

static _Noreturn void serve(uint64_t mailbox)
{
    const struct interface_server server = make_server(mailbox);

    requests = mailbox;
    must(sys_handle_duplicate(requests, RIGHT_MAILBOX_SEND, BADGE_SELF, &self));
    interface_serve(&server);
}

void vfs_serve(struct file_system *file_system, uint64_t mailbox)
{
    fs = file_system;
    serve(mailbox);
}

void vfs_refuse(status_t why, uint64_t mailbox, uint64_t deadline)
{
    const struct interface_server server = make_server(mailbox);

    why_none = why;
    while (clock_now() < deadline) {
        status_t status = interface_serve_one(&server, deadline);

        if (status != OK && status != ERR_TIMED_OUT) {
            check_failed(status, "vfs_refuse");
        }
    }
}

void vfs_serve_none(status_t why, uint64_t mailbox)
{
    why_none = why;
    serve(mailbox);
}
