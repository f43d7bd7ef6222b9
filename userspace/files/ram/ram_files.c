/* SPDX-License-Identifier: MIT */
/*
 * Files in memory.
 *
 * Everything is made of blocks of 4 KiB, which the owner gives in chunks and limits in number. Nodes lie in blocks, 16 in each; the
 * data of a file is one block, or a tree of index blocks:
 *
 *     node --- tree, height 2 ---> [1024 blocks] ---> [1024 blocks] ---> data         holes are slots that are 0
 *
 * Names are found by hash over directory and name, and listed in the order in which they were given: each has a serial number, which is
 * the cursor, too. So a listing that goes on after changes misses nothing that was there all the time, and gives nothing twice.
 *
 *   F1  What does not fit leaves the file system as it was, but for a write that is cut where room ended.
 *   F2  A node without a name lives as long as it is held.
 *   F3  When all files are gone, only nodes' own blocks are in use: those are kept for other nodes.
 *   F4  Bytes that nobody has written are zero, also those between an old end and a new one.
 */
#include "userspace/files/ram/ram_files.h"

#include <string.h>

#include "userspace/files/ram/ram_impl.h"

static struct ram_files *ram_of(struct file_system *fs)
{
    return (struct ram_files *)fs;
}

/* ---- nodes ---- */

struct ram_node *ram_node(const struct ram_files *ram, uint64_t number)
{
    uint32_t place = (uint32_t)number % NODES_PER_BLOCK;

    return (struct ram_node *)((char *)ram_block(ram, (uint32_t)number / NODES_PER_BLOCK) +
                               (size_t)place * NODE_BYTES);
}

static bool add_nodes(struct ram_files *ram)
{
    uint32_t block = ram_block_alloc(ram);

    for (uint32_t i = NODES_PER_BLOCK; block != 0 && i-- > 0;) {
        uint32_t number = block * NODES_PER_BLOCK + i;

        ram_node(ram, number)->hash_next = ram->node_free;
        ram->node_free = number;
    }
    return block != 0;
}

/* A node without a name; 0: no room. */
static uint32_t create_node(struct ram_files *ram, enum file_kind kind)
{
    if (ram->node_free == 0 && !add_nodes(ram)) {
        return 0;
    }
    uint32_t number = ram->node_free;
    struct ram_node *node = ram_node(ram, number);
    ram->node_free = node->hash_next;
    *node = (struct ram_node){.kind = (uint8_t)kind, .changed_ns = ram->fs.now_ns};
    ram->nodes++;
    return number;
}

/* F2 */
static void destroy_if_unused(struct ram_files *ram, uint32_t number)
{
    struct ram_node *node = ram_node(ram, number);

    if (node->holds > 0 || node->parent != 0) {
        return;
    }
    ram_tree_trim(ram, node, 0);
    node->kind = 0;
    node->hash_next = ram->node_free;
    ram->node_free = number;
    ram->nodes--;
}

/* ---- names ---- */

static uint32_t *bucket_of(struct ram_files *ram, uint32_t directory, struct file_name name)
{
    uint32_t hash = directory * 0x9e3779b9u;

    for (uint32_t i = 0; i < name.bytes; i++) {
        hash = (hash ^ (uint8_t)name.text[i]) * 16777619u;
    }
    return &ram->bucket[(hash ^ hash >> 16) % RAM_BUCKETS];
}

static uint32_t look_up(struct ram_files *ram, uint32_t directory, struct file_name name)
{
    uint32_t number = *bucket_of(ram, directory, name);

    while (number != 0) {
        const struct ram_node *node = ram_node(ram, number);

        if (node->parent == directory && node->name_bytes == name.bytes &&
            memcmp(node->name, name.text, name.bytes) == 0) {
            break;
        }
        number = node->hash_next;
    }
    return number;
}

/* The last of its directory. The name fits. */
static void link_name(struct ram_files *ram, uint32_t directory, struct file_name name,
                      uint32_t number)
{
    struct ram_node *node = ram_node(ram, number), *parent = ram_node(ram, directory);
    uint32_t *bucket = bucket_of(ram, directory, name);

    memcpy(node->name, name.text, name.bytes);
    node->name_bytes = (uint8_t)name.bytes;
    node->parent = directory;
    node->serial = ++ram->serial;
    node->hash_next = *bucket;
    *bucket = number;
    node->next = 0;
    node->previous = parent->last;
    *(parent->last != 0 ? &ram_node(ram, parent->last)->next : &parent->first) = number;
    parent->last = number;
    parent->changed_ns = ram->fs.now_ns;
}

static void unlink_name(struct ram_files *ram, uint32_t number)
{
    struct ram_node *node = ram_node(ram, number), *parent = ram_node(ram, node->parent);
    struct file_name name = {node->name, node->name_bytes};
    uint32_t *at = bucket_of(ram, node->parent, name);

    while (*at != number) {
        at = &ram_node(ram, *at)->hash_next;
    }
    *at = node->hash_next;
    *(node->previous != 0 ? &ram_node(ram, node->previous)->next : &parent->first) = node->next;
    *(node->next != 0 ? &ram_node(ram, node->next)->previous : &parent->last) = node->previous;
    parent->changed_ns = ram->fs.now_ns;
    node->parent = 0;
    ram->listed = ram->listed == number ? 0 : ram->listed;
}

static status_t check_directory(const struct ram_files *ram, uint64_t directory)
{
    return ram_node(ram, directory)->kind == FILE_DIRECTORY ? OK : ERR_NOT_DIRECTORY;
}

/* New names go where there is a directory that has a name itself: nobody could find them elsewhere. */
static status_t check_new_name(const struct ram_files *ram, uint64_t directory,
                               struct file_name name)
{
    status_t status = check_directory(ram, directory);

    if (status == OK && ram_node(ram, directory)->parent == 0) {
        status = ERR_NOT_FOUND;
    }
    return status == OK && name.bytes > RAM_NAME_MAX ? ERR_TOO_BIG : status;
}

/* May what is there be removed, as something of this kind? */
static status_t check_removal(const struct ram_node *node, enum file_kind kind)
{
    if (node->kind != kind) {
        return kind == FILE_DIRECTORY ? ERR_NOT_DIRECTORY : ERR_IS_DIRECTORY;
    }
    return node->first != 0 ? ERR_NOT_EMPTY : OK;
}

/* ---- operations ---- */

static status_t get_facts(struct file_system *fs, uint64_t number, struct file_facts *out)
{
    const struct ram_node *node = ram_node(ram_of(fs), number);

    *out = (struct file_facts){number, node->size, node->changed_ns, node->kind};
    return OK;
}

static status_t find(struct file_system *fs, uint64_t directory, struct file_name name,
                     uint64_t *out_node)
{
    status_t status = check_directory(ram_of(fs), directory);

    if (status == OK) {
        uint32_t number = look_up(ram_of(fs), (uint32_t)directory, name);

        if (number == 0) {
            return ERR_NOT_FOUND;
        }
        *out_node = number;
    }
    return status;
}

static uint32_t entry_behind(struct ram_files *ram, uint64_t directory, uint64_t cursor)
{
    const struct ram_node *last = ram->listed != 0 ? ram_node(ram, ram->listed) : NULL;

    if (last != NULL && last->parent == directory && last->serial == cursor) {
        return last->next;
    }
    uint32_t number = ram_node(ram, directory)->first;
    while (number != 0 && ram_node(ram, number)->serial <= cursor) {
        number = ram_node(ram, number)->next;
    }
    return number;
}

static status_t list(struct file_system *fs, uint64_t directory, uint64_t cursor,
                     struct file_entry *out)
{
    struct ram_files *ram = ram_of(fs);
    status_t status = check_directory(ram, directory);

    if (status != OK) {
        return status;
    }
    uint32_t number = entry_behind(ram, directory, cursor);
    if (number == 0) {
        return ERR_NOT_FOUND;
    }
    const struct ram_node *node = ram_node(ram, number);
    ram->listed = number;
    *out = (struct file_entry){.node = number, .next = node->serial, .kind = node->kind};
    memcpy(out->name, node->name, node->name_bytes);
    return OK;
}

static struct file_usage get_usage(struct file_system *fs)
{
    const struct ram_files *ram = ram_of(fs);

    return (struct file_usage){(uint64_t)ram->blocks_used * RAM_BLOCK_BYTES,
                               (uint64_t)ram->blocks_limit * RAM_BLOCK_BYTES, ram->nodes};
}

static void hold(struct file_system *fs, uint64_t number)
{
    ram_node(ram_of(fs), number)->holds++;
}

static void release(struct file_system *fs, uint64_t number)
{
    ram_node(ram_of(fs), number)->holds--;
    destroy_if_unused(ram_of(fs), (uint32_t)number);
}

static status_t make(struct file_system *fs, uint64_t directory, struct file_name name,
                     enum file_kind kind, uint64_t *out_node)
{
    struct ram_files *ram = ram_of(fs);
    status_t status = check_new_name(ram, directory, name);

    if (status == OK && look_up(ram, (uint32_t)directory, name) != 0) {
        status = ERR_EXISTS;
    }
    if (status != OK) {
        return status;
    }
    uint32_t number = create_node(ram, kind);
    if (number == 0) {
        return ERR_NO_SPACE;
    }
    link_name(ram, (uint32_t)directory, name, number);
    *out_node = number;
    return OK;
}

static status_t remove_name(struct file_system *fs, uint64_t directory, struct file_name name,
                            enum file_kind kind)
{
    struct ram_files *ram = ram_of(fs);
    uint64_t number;
    status_t status = find(fs, directory, name, &number);

    if (status == OK) {
        status = check_removal(ram_node(ram, number), kind);
    }
    if (status == OK) {
        unlink_name(ram, (uint32_t)number);
        destroy_if_unused(ram, (uint32_t)number);
    }
    return status;
}

/* A directory does not go into itself, at any depth. */
static bool is_inside(const struct ram_files *ram, uint64_t directory, uint64_t node)
{
    while (directory != node && directory != ram->fs.root) {
        directory = ram_node(ram, directory)->parent;
    }
    return directory == node;
}

static status_t rename_node(struct file_system *fs, uint64_t from, struct file_name old_name,
                            uint64_t to, struct file_name new_name)
{
    struct ram_files *ram = ram_of(fs);
    uint64_t node;
    status_t status = find(fs, from, old_name, &node);

    if (status == OK) {
        status = check_new_name(ram, to, new_name);
    }
    if (status != OK) {
        return status;
    }
    if (is_inside(ram, to, node)) {
        return ERR_BAD_ARGUMENT;
    }
    uint32_t there = look_up(ram, (uint32_t)to, new_name);
    if (there == node) {
        return OK;
    }
    if (there != 0) {
        status = check_removal(ram_node(ram, there), ram_node(ram, node)->kind);
        if (status != OK) {
            return status;
        }
        unlink_name(ram, there);
        destroy_if_unused(ram, there);
    }
    unlink_name(ram, (uint32_t)node);
    link_name(ram, (uint32_t)to, new_name, (uint32_t)node);
    return OK;
}

/* ---- contents ---- */

static uint64_t blocks_for(uint64_t bytes)
{
    return (bytes + RAM_BLOCK_BYTES - 1) / RAM_BLOCK_BYTES;
}

static uint32_t part_in_block(uint64_t offset, uint64_t left)
{
    uint64_t room = RAM_BLOCK_BYTES - offset % RAM_BLOCK_BYTES;

    return (uint32_t)(left < room ? left : room);
}

static status_t read_data(struct file_system *fs, uint64_t number, uint64_t offset, void *data,
                          uint32_t bytes, uint32_t *out_bytes)
{
    struct ram_files *ram = ram_of(fs);
    struct ram_node *node = ram_node(ram, number);
    uint64_t there = offset < node->size ? node->size - offset : 0;
    uint32_t wanted = there < bytes ? (uint32_t)there : bytes, done = 0;

    while (done < wanted) {
        uint64_t at = offset + done;
        uint32_t part = part_in_block(at, wanted - done);
        uint32_t block = ram_tree_block(ram, node, at / RAM_BLOCK_BYTES, false);

        if (block != 0) {
            memcpy((char *)data + done, (char *)ram_block(ram, block) + at % RAM_BLOCK_BYTES, part);
        } else {
            memset((char *)data + done, 0, part);
        }
        done += part;
    }
    *out_bytes = done;
    return OK;
}

static status_t write_data(struct file_system *fs, uint64_t number, uint64_t offset,
                           const void *data, uint32_t bytes, uint32_t *out_bytes)
{
    struct ram_files *ram = ram_of(fs);
    struct ram_node *node = ram_node(ram, number);
    uint32_t done = 0;

    if (offset > RAM_FILE_MAX || bytes > RAM_FILE_MAX - offset) {
        return ERR_TOO_BIG;
    }
    while (done < bytes) {
        uint64_t at = offset + done;
        uint32_t part = part_in_block(at, bytes - done);
        uint32_t block = ram_tree_block(ram, node, at / RAM_BLOCK_BYTES, true);

        if (block == 0) { /* F1: nor are there index blocks for what did not fit */
            ram_tree_trim(ram, node, blocks_for(done > 0 && at > node->size ? at : node->size));
            break;
        }
        memcpy((char *)ram_block(ram, block) + at % RAM_BLOCK_BYTES, (const char *)data + done,
               part);
        done += part;
    }
    if (done > 0) {
        node->size = offset + done > node->size ? offset + done : node->size;
        node->changed_ns = fs->now_ns;
    }
    *out_bytes = done;
    return done > 0 || bytes == 0 ? OK : ERR_NO_SPACE;
}

/* F4: what stays of the last block ends in zeroes, or growing again would show what was there. */
static status_t truncate_data(struct file_system *fs, uint64_t number, uint64_t size)
{
    struct ram_files *ram = ram_of(fs);
    struct ram_node *node = ram_node(ram, number);
    uint32_t kept = size % RAM_BLOCK_BYTES;

    if (size > RAM_FILE_MAX) {
        return ERR_TOO_BIG;
    }
    if (size < node->size) {
        ram_tree_trim(ram, node, blocks_for(size));
        uint32_t block = kept != 0 ? ram_tree_block(ram, node, size / RAM_BLOCK_BYTES, false) : 0;
        if (block != 0) {
            memset((char *)ram_block(ram, block) + kept, 0, RAM_BLOCK_BYTES - kept);
        }
    }
    node->size = size;
    node->changed_ns = fs->now_ns;
    return OK;
}

static const struct file_system_ops ops = {
    .facts = get_facts,
    .find = find,
    .list = list,
    .read = read_data,
    .usage = get_usage,
    .hold = hold,
    .release = release,
    .make = make,
    .remove = remove_name,
    .rename = rename_node,
    .write = write_data,
    .truncate = truncate_data,
};

status_t ram_files_init(struct ram_files *ram, uint32_t blocks, const struct ram_memory *memory)
{
    const uint32_t most = RAM_CHUNKS_MAX * RAM_CHUNK_BLOCKS;

    memset(ram, 0, sizeof(*ram));
    ram->fs = (struct file_system){.ops = &ops};
    ram->memory = memory;
    ram->blocks_limit = blocks < most ? blocks : most;
    ram->fs.root = create_node(ram, FILE_DIRECTORY);
    if (ram->fs.root == 0) {
        return ERR_NO_SPACE;
    }
    ram_node(ram, ram->fs.root)->parent = (uint32_t)ram->fs.root; /* the root always has a name */
    return OK;
}
