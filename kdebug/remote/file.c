/* SPDX-License-Identifier: MIT */
/*
 * vFile: the files of the boot image, for reading (stub.h). gdb takes the programs of processes and their symbols from
 * there. A descriptor is the number of the file in the image, so nothing is kept.
 *
 * Source: gdb manual, "Host I/O Packets", "File-I/O Remote Protocol Extension" (struct stat, error numbers).
 */
#include "kdebug/remote/stub.h"

#include "base/string.h"
#include "kdebug/core/files.h"
#include "kdebug/core/command.h"
#include "kdebug/core/permit.h"

#define NOT_FOUND    2u /* FILEIO_ENOENT and so on */
#define BAD_FILE     9u
#define READ_ONLY    30u
#define STAT_BYTES   64u
#define STAT_MODE    8u /* where in it */
#define STAT_SIZE    28u
#define MODE_FILE    0100444u
#define READING_ONLY 0u

static void fail(unsigned why)
{
    kd_remote_say("F-1,");
    kd_packet_put_number(&kd_remote.answer, why);
}

static void succeed(uint64_t result)
{
    kd_remote_say("F");
    kd_packet_put_number(&kd_remote.answer, result);
}

static bool take_file(const char **at, struct kd_file *out)
{
    uint64_t number;
    return kd_hex_number(at, &number) && number < UINT16_MAX && kd_file_at((unsigned)number, out);
}

/* "name in hex,flags,mode" */
static void open_file(const char *at)
{
    char name[BOOT_IMAGE_NAME_BYTES] = "";
    struct kd_file file;
    uint64_t flags;
    const char *end = strchr(at, ',');
    size_t length = end == NULL ? 0 : (size_t)(end - at) / 2;
    if (length == 0 || length >= sizeof(name) || !kd_hex_bytes(&at, name, length) ||
        !kd_hex_take(&at, ',') || !kd_hex_number(&at, &flags)) {
        fail(NOT_FOUND);
        return;
    }
    if (flags != READING_ONLY) {
        fail(READ_ONLY);
        return;
    }
    const char *wanted = name[0] == '/' ? name + 1 : name;
    for (unsigned number = 0; kd_file_at(number, &file); number++) {
        if (strcmp(file.name, wanted) == 0) {
            succeed(number);
            return;
        }
    }
    fail(NOT_FOUND);
}

/* "file,count,offset" */
static void read_file(const char *at)
{
    uint8_t bytes[KD_REMOTE_CHUNK];
    struct kd_file file;
    uint64_t count, offset;
    if (!take_file(&at, &file) || !kd_hex_take(&at, ',') ||
        !kd_remote_take_range(&at, &count, &offset)) {
        fail(BAD_FILE);
        return;
    }
    size_t got = kd_file_read(&file, offset, bytes, MIN(count, (uint64_t)sizeof(bytes)));
    succeed(got);
    kd_packet_put(&kd_remote.answer, ";");
    kd_packet_put_binary(&kd_remote.answer, bytes, got);
}

static void put_big_endian(uint8_t *to, uint64_t value, unsigned bytes)
{
    while (bytes-- > 0) {
        to[bytes] = (uint8_t)value;
        value >>= 8;
    }
}

static void describe_file(const char *at)
{
    uint8_t stat[STAT_BYTES] = {0};
    struct kd_file file;
    if (!take_file(&at, &file)) {
        fail(BAD_FILE);
        return;
    }
    put_big_endian(stat + STAT_MODE, MODE_FILE, 4);
    put_big_endian(stat + STAT_SIZE, file.bytes, 8);
    succeed(sizeof(stat));
    kd_packet_put(&kd_remote.answer, ";");
    kd_packet_put_binary(&kd_remote.answer, stat, sizeof(stat));
}

static void close_file(const char *at)
{
    struct kd_file file;
    if (take_file(&at, &file)) {
        succeed(0);
    } else {
        fail(BAD_FILE);
    }
}

/* One set of files for all processes. */
static void choose_files(const char *at UNUSED)
{
    succeed(0);
}

void kd_remote_serve_file(const char *at)
{
    static const struct {
        const char *prefix;
        kd_remote_serve_fn serve;
    } calls[] = {
        {"open:", open_file},      {"pread:", read_file},    {"close:", close_file},
        {"fstat:", describe_file}, {"setfs:", choose_files},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(calls); i++) {
        if (kd_remote_accept(&at, calls[i].prefix)) {
            if (kd_permits(KD_READS)) {
                calls[i].serve(at);
            } else {
                fail(READ_ONLY);
            }
            return;
        }
    }
}
