/* SPDX-License-Identifier: MIT */
/* Areas: sizes, ranges and protections that make no sense. */
#include "userspace/lib/stream.h"
#include "userspace/programs/syscheck/syscheck.h"

#define AREA_BYTES (2 * PAGE_BYTES)
#define FREE_PLACE 0x600000000000ull /* nothing is mapped there */

static status_t map(uint64_t offset, uint64_t bytes, uint64_t address, uint64_t protection)
{
    uint64_t out;
    status_t status =
        sys_area_map(program.self, specimens.area, offset, bytes, address, protection, &out);

    if (status == OK) {
        must(sys_area_unmap(program.self, out, bytes));
    }
    return status;
}

static status_t create(uint64_t bytes, uint32_t flags)
{
    uint64_t area;
    status_t status = sys_area_create(bytes, flags, &area);

    if (status == OK) {
        must(sys_handle_close(area));
    }
    return status;
}

static void check_creation(void)
{
    uint64_t out;

    EXPECT(create(0, 0), ERR_RANGE);
    EXPECT(create(1, 0), ERR_RANGE);
    EXPECT(create(PAGE_BYTES - 1, 0), ERR_RANGE);
    EXPECT(create(~0ull, 0), ERR_RANGE);
    EXPECT_EITHER(create(~0xfffull, 0), ERR_RANGE, ERR_NO_MEMORY);
    EXPECT_EITHER(create(1ull << 63, 0), ERR_RANGE, ERR_NO_MEMORY);
    EXPECT_EITHER(create(1ull << 46, AREA_CONTIGUOUS), ERR_NO_MEMORY, ERR_RANGE);
    EXPECT(create(PAGE_BYTES, 1u << 31), ERR_BAD_ARGUMENT);
    EXPECT(create(PAGE_BYTES, 0), OK);
    EXPECT(create(PAGE_BYTES, AREA_CONTIGUOUS), OK);
    EXPECT(sys_area_create_physical(program_handle("system"), 0, PAGE_BYTES, 0, &out),
           ERR_NO_RIGHTS);
}

static void check_mapping(void)
{
    EXPECT(map(0, AREA_BYTES, 0, PROT_READ), OK);
    EXPECT(map(1, PAGE_BYTES, 0, PROT_READ), ERR_RANGE);
    EXPECT(map(0, 1, 0, PROT_READ), ERR_RANGE);
    EXPECT(map(0, 0, 0, PROT_READ), ERR_RANGE);
    EXPECT(map(0, AREA_BYTES + PAGE_BYTES, 0, PROT_READ), ERR_RANGE);
    EXPECT(map(AREA_BYTES, PAGE_BYTES, 0, PROT_READ), ERR_RANGE);
    EXPECT(map(~0xfffull, 2 * PAGE_BYTES, 0, PROT_READ), ERR_RANGE);
    EXPECT(map(PAGE_BYTES, ~0xfffull, 0, PROT_READ), ERR_RANGE);
    EXPECT(map(0, PAGE_BYTES, FREE_PLACE + 1, PROT_READ), ERR_RANGE);
    EXPECT(map(0, PAGE_BYTES, USER_END, PROT_READ), ERR_RANGE);
    EXPECT(map(0, AREA_BYTES, USER_END - PAGE_BYTES, PROT_READ), ERR_RANGE);
    EXPECT(map(0, PAGE_BYTES, (uint64_t)NON_CANONICAL, PROT_READ), ERR_RANGE);
    EXPECT(map(0, PAGE_BYTES, DIRECT_MAP_BASE, PROT_READ), ERR_RANGE);
    EXPECT(map(0, PAGE_BYTES, KERNEL_IMAGE_BASE, PROT_READ | PROT_WRITE), ERR_RANGE);
    EXPECT(map(0, PAGE_BYTES, ~0xfffull, PROT_READ), ERR_RANGE);
    EXPECT(map(0, PAGE_BYTES, FREE_PLACE, PROT_READ | PROT_WRITE | PROT_EXEC), ERR_BAD_ARGUMENT);
    EXPECT(map(0, PAGE_BYTES, FREE_PLACE, PROT_WRITE | PROT_EXEC), ERR_BAD_ARGUMENT);
    EXPECT(map(0, PAGE_BYTES, FREE_PLACE, PROT_READ | 1u << 5), ERR_BAD_ARGUMENT);
    EXPECT(map(0, PAGE_BYTES, FREE_PLACE, PROT_READ | 1ull << 63), ERR_BAD_ARGUMENT);
}

static void check_overlap(void)
{
    uint64_t at, out;

    must(sys_area_map(program.self, specimens.area, 0, AREA_BYTES, FREE_PLACE, PROT_READ, &at));
    EXPECT(at == FREE_PLACE ? OK : ERR_RANGE, OK);
    EXPECT(sys_area_map(program.self, specimens.area, 0, PAGE_BYTES, FREE_PLACE, PROT_READ, &out),
           ERR_BUSY);
    EXPECT(sys_area_map(program.self, specimens.area, 0, AREA_BYTES, FREE_PLACE + PAGE_BYTES,
                        PROT_READ, &out),
           ERR_BUSY);
    EXPECT(sys_area_map(program.self, specimens.area, 0, AREA_BYTES, FREE_PLACE - PAGE_BYTES,
                        PROT_READ, &out),
           ERR_BUSY);
    EXPECT(sys_area_unmap(program.self, FREE_PLACE, AREA_BYTES), OK);
}

static void check_area_rights(void)
{
    uint64_t out;
    uint64_t readable = handle_with(specimens.area, RIGHT_AREA_READ);

    EXPECT(sys_area_map(program.self, readable, 0, PAGE_BYTES, FREE_PLACE, PROT_READ | PROT_WRITE,
                        &out),
           ERR_NO_RIGHTS);
    EXPECT(sys_area_map(program.self, readable, 0, PAGE_BYTES, FREE_PLACE, PROT_READ | PROT_EXEC,
                        &out),
           ERR_NO_RIGHTS);
    EXPECT(sys_area_map(program.self, readable, 0, PAGE_BYTES, FREE_PLACE, PROT_READ, &out), OK);
    EXPECT(sys_area_unmap(program.self, FREE_PLACE, PAGE_BYTES), OK);
    EXPECT(sys_area_map(program.self, program_handle("image"), 0, PAGE_BYTES, FREE_PLACE,
                        PROT_READ | PROT_WRITE, &out),
           ERR_NO_RIGHTS);
    EXPECT(sys_handle_close(readable), OK);
}

/* Who has an end of a pipe writes to it, and cannot take the memory away from who has the other end. */
static void check_resize_rights(void)
{
    uint64_t pipe = handle_with(specimens.area, stream_rights('p'));
    uint64_t resizable = handle_with(specimens.area, RIGHT_AREA_RESIZE);

    EXPECT(sys_area_resize(pipe, PAGE_BYTES), ERR_NO_RIGHTS);
    EXPECT(sys_area_resize(resizable, AREA_BYTES), OK);
    EXPECT(sys_handle_close(resizable), OK);
    EXPECT(sys_handle_close(pipe), OK);
}

static void check_unmapping(void)
{
    EXPECT(sys_area_unmap(program.self, FREE_PLACE, PAGE_BYTES), ERR_NOT_FOUND);
    EXPECT(sys_area_unmap(program.self, FREE_PLACE + 1, PAGE_BYTES), ERR_RANGE);
    EXPECT(sys_area_unmap(program.self, FREE_PLACE, 1), ERR_RANGE);
    EXPECT(sys_area_unmap(program.self, FREE_PLACE, 0), ERR_RANGE);
    EXPECT(sys_area_unmap(program.self, FREE_PLACE, ~0xfffull), ERR_RANGE);
    EXPECT(sys_area_unmap(program.self, DIRECT_MAP_BASE, PAGE_BYTES), ERR_RANGE);
    EXPECT(sys_area_unmap(program.self, KERNEL_IMAGE_BASE, PAGE_BYTES), ERR_RANGE);
    EXPECT(sys_area_unmap(program.self, (uint64_t)NON_CANONICAL, PAGE_BYTES), ERR_RANGE);
    EXPECT(sys_area_unmap(program.self, ~0xfffull, PAGE_BYTES), ERR_RANGE);
}

static void check_query(void)
{
    uint64_t bytes = 0, physical = 1;

    EXPECT(sys_area_query(specimens.area, &bytes, &physical), OK);
    EXPECT(bytes == AREA_BYTES && physical == 0 ? OK : ERR_CORRUPT, OK);
}

void check_memory(void)
{
    check_creation();
    check_mapping();
    check_overlap();
    check_area_rights();
    check_resize_rights();
    check_unmapping();
    check_query();
}
