/* SPDX-License-Identifier: MIT */
/* A compiler: a process for each unit. */
#include "userspace/files/client/file.h"
#include "userspace/lib/check.h"
#include "userspace/lib/user_trace.h"
#include "userspace/programs/builder/builder.h"

enum { READ = 1, TRANSLATE, WRITE };

static uint64_t read_object(unsigned unit)
{
    char path[PATH_MAX_BYTES];
    struct object_file object;
    struct file file;
    uint64_t got;

    unit_path("o", unit, path);
    must(file_open(path, OPEN_READ, &file)); /* it is there: it was made before */
    must(file_read(&file, 0, &object, sizeof(object), &got));
    VERIFY(got == sizeof(object) && object.magic == OBJECT_MAGIC && object.unit == unit);
    file_close(&file);
    return object.sum;
}

static unsigned read_source(unsigned unit, char text[SOURCE_MAX])
{
    char path[PATH_MAX_BYTES];
    struct file file;
    uint64_t got;

    unit_path("s", unit, path);
    must(file_open(path, OPEN_READ, &file));
    must(file_read(&file, 0, text, SOURCE_MAX, &got));
    file_close(&file);
    return (unsigned)got;
}

static void write_object(unsigned unit, uint64_t sum)
{
    const struct object_file object = {OBJECT_MAGIC, unit, sum};
    char path[PATH_MAX_BYTES];
    struct file file;
    uint64_t done;

    unit_path("o", unit, path);
    must(file_open(path, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, &file));
    must(file_write(&file, 0, &object, sizeof(object), &done));
    file_close(&file);
}

int be_compiler(unsigned unit)
{
    static char source[SOURCE_MAX];
    unsigned needs[NEEDS_MAX], count = plan_needs(unit, needs);
    uint32_t track = user_trace_open();
    uint64_t sums[NEEDS_MAX];

    user_trace_name(READ, "read");
    user_trace_name(TRANSLATE, "translate");
    user_trace_name(WRITE, "write");
    USER_SPAN_BEGIN(track, READ);
    unsigned bytes = read_source(unit, source);
    for (unsigned i = 0; i < count; i++) {
        sums[i] = read_object(needs[i]);
    }
    USER_SPAN_END(track);
    USER_SPAN_BEGIN(track, TRANSLATE);
    uint64_t sum = unit_sum(source, bytes, sums, count);
    USER_SPAN_END(track);
    USER_SPAN_BEGIN(track, WRITE);
    write_object(unit, sum);
    USER_SPAN_END(track);
    user_trace_hand_over();
    return 0;
}
