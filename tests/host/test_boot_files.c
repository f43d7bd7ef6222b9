/* SPDX-License-Identifier: MIT */
/* userspace/lib/boot_files.c: finding files, and images that lie about themselves. */
#include "userspace/lib/boot_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/layout.h"
#include "kernel/abi/boot_image.h"

#define IMAGE_BYTES (4 * PAGE_BYTES)

struct image {
    struct boot_image_header header;
    struct boot_image_entry entry[3];
};

static struct image *image;

static int setup(void **state)
{
    (void)state;
    image = aligned_alloc(PAGE_BYTES, IMAGE_BYTES);
    memset(image, 0, IMAGE_BYTES);
    image->header =
        (struct boot_image_header){.magic = BOOT_IMAGE_MAGIC, .count = 3, .bytes = IMAGE_BYTES};
    image->entry[0] = (struct boot_image_entry){"init", PAGE_BYTES, 100};
    image->entry[1] = (struct boot_image_entry){"ini", 2 * PAGE_BYTES, 0};
    image->entry[2] = (struct boot_image_entry){"last", 3 * PAGE_BYTES, PAGE_BYTES};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(image);
    return 0;
}

static void files_are_found_by_their_whole_name(void **state)
{
    struct boot_file file;

    (void)state;
    assert_int_equal(boot_file_find(image, IMAGE_BYTES, "ini", &file), OK);
    assert_int_equal(file.offset, 2 * PAGE_BYTES);
    assert_int_equal(file.size, 0);
    assert_int_equal(boot_file_find(image, IMAGE_BYTES, "last", &file), OK);
    assert_ptr_equal(file.bytes, (char *)image + 3 * PAGE_BYTES);
    assert_int_equal(file.size, PAGE_BYTES);
    assert_int_equal(boot_file_find(image, IMAGE_BYTES, "in", &file), ERR_NOT_FOUND);
    assert_int_equal(boot_file_find(image, IMAGE_BYTES, "initial", &file), ERR_NOT_FOUND);
}

static void lie_magic(void)
{
    image->header.magic++;
}
static void lie_bytes(void)
{
    image->header.bytes = IMAGE_BYTES + 1;
}
static void lie_bytes_small(void)
{
    image->header.bytes = sizeof(image->header) - 1;
}
static void lie_count(void)
{
    image->header.count = UINT32_MAX;
}
static void lie_count_by_one(void)
{
    image->header.bytes = sizeof(struct image) - 1;
}
static void lie_offset(void)
{
    image->entry[2].offset = IMAGE_BYTES + PAGE_BYTES;
}
static void lie_offset_far(void)
{
    image->entry[2].offset = ~(uint64_t)(PAGE_BYTES - 1);
}
static void lie_length(void)
{
    image->entry[2].bytes = PAGE_BYTES + 1;
}
static void lie_length_far(void)
{
    image->entry[2].bytes = UINT64_MAX;
}
static void lie_alignment(void)
{
    image->entry[2].offset -= 8;
}

static void images_that_lie_are_refused(void **state)
{
    void (*const lies[])(void) = {lie_magic,        lie_bytes,    lie_bytes_small, lie_count,
                                  lie_count_by_one, lie_offset,   lie_offset_far,  lie_length,
                                  lie_length_far,   lie_alignment};
    struct image good = *image;
    struct boot_file file;

    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        lies[i]();
        assert_int_equal(boot_file_find(image, IMAGE_BYTES, "last", &file), ERR_CORRUPT);
        *image = good;
    }
    assert_int_equal(boot_file_find(image, sizeof(image->header) - 1, "last", &file), ERR_CORRUPT);
    assert_int_equal(boot_file_find(image, IMAGE_BYTES - 1, "last", &file), ERR_CORRUPT);
}

/* Exactly as long as it says: ASan sees a read past the end. */
static void an_image_of_a_header_only_has_no_files(void **state)
{
    struct boot_image_header *header = malloc(sizeof(*header));
    struct boot_file file;

    (void)state;
    *header = (struct boot_image_header){.magic = BOOT_IMAGE_MAGIC, .bytes = sizeof(*header)};
    assert_int_equal(boot_file_find(header, sizeof(*header), "init", &file), ERR_NOT_FOUND);
    header->count = 1;
    assert_int_equal(boot_file_find(header, sizeof(*header), "init", &file), ERR_CORRUPT);
    free(header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_found_by_their_whole_name, setup, teardown),
        cmocka_unit_test_setup_teardown(images_that_lie_are_refused, setup, teardown),
        cmocka_unit_test(an_image_of_a_header_only_has_no_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
