/* SPDX-License-Identifier: MIT */
/* The boot image reader: one good image, a table of damage, and mutations that must never read outside. */
#include "boot/load/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILES     3u
#define BYTES     0x4000u
#define MUTATIONS 5000u

#define HEADER(field) ((unsigned)offsetof(struct boot_image_header, field))
#define ENTRY(i, field)                                                                            \
    ((unsigned)(sizeof(struct boot_image_header) + (i) * sizeof(struct boot_image_entry) +         \
                offsetof(struct boot_image_entry, field)))

static void seal(uint8_t *bytes, size_t size)
{
    uint32_t crc = image_crc32(bytes + sizeof(struct boot_image_header),
                               size - sizeof(struct boot_image_header));
    memcpy(bytes + HEADER(crc32), &crc, sizeof(crc));
}

static void make_good(uint8_t bytes[BYTES])
{
    static const struct boot_image_entry entries[FILES] = {
        {"init", 0x1000, 0x1234}, {"empty", 0x3000, 0}, {"last", 0x3000, 0x1000}};
    memset(bytes, 0x77, BYTES);
    struct boot_image_header header = {.magic = BOOT_IMAGE_MAGIC, .count = FILES, .bytes = BYTES};
    memcpy(bytes, &header, sizeof(header));
    memcpy(bytes + sizeof(header), entries, sizeof(entries));
    seal(bytes, BYTES);
}

static enum image_error check_copy(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    enum image_error error = image_check(copy, size);
    free(copy);
    return error;
}

struct image_case {
    const char *name;
    enum image_error expected;
    unsigned offset, width;
    uint64_t value;
    bool keep_checksum; /* do not make it right again after the change */
    size_t size;
};

static const struct image_case cases[] = {
    {"an untouched image", IMAGE_OK, 0, 0, 0, false, BYTES},
    {"an empty file", IMAGE_TOO_SHORT, 0, 0, 0, true, 0},
    {"cut in the header", IMAGE_TOO_SHORT, 0, 0, 0, true, sizeof(struct boot_image_header) - 1},
    {"only a header", IMAGE_CUT, 0, 0, 0, true, sizeof(struct boot_image_header)},
    {"another magic", IMAGE_NO_MAGIC, 0, 1, 'X', false, BYTES},
    {"one byte short", IMAGE_CUT, 0, 0, 0, true, BYTES - 1},
    {"header says one byte more", IMAGE_CUT, HEADER(bytes), 8, BYTES + 1, false, BYTES},
    {"header says all bytes there are", IMAGE_CUT, HEADER(bytes), 8, UINT64_MAX, false, BYTES},
    {"more entries than bytes", IMAGE_BAD_TABLE, HEADER(count), 4, BYTES / 64, false, BYTES},
    {"4 billion entries", IMAGE_BAD_TABLE, HEADER(count), 4, UINT32_MAX, false, BYTES},
    {"last byte changed", IMAGE_BAD_CHECKSUM, BYTES - 1, 1, 0x76, true, BYTES},
    {"first byte after the header changed", IMAGE_BAD_CHECKSUM, ENTRY(0, name), 1, 'I', true,
     BYTES},
    {"checksum changed", IMAGE_BAD_CHECKSUM, HEADER(crc32), 1, 0, true, BYTES},
    {"empty name", IMAGE_BAD_NAME, ENTRY(1, name), 1, 0, false, BYTES},
    {"file not page aligned", IMAGE_BAD_FILE, ENTRY(0, offset), 8, 0x1001, false, BYTES},
    {"file over the table", IMAGE_BAD_FILE, ENTRY(0, offset), 8, 0, false, BYTES},
    {"file starts past the end", IMAGE_BAD_FILE, ENTRY(0, offset), 8, BYTES + 0x1000, false, BYTES},
    {"file ends one byte past the end", IMAGE_BAD_FILE, ENTRY(2, bytes), 8, 0x1001, false, BYTES},
    {"file length wraps", IMAGE_BAD_FILE, ENTRY(0, bytes), 8, UINT64_MAX - 0xfff, false, BYTES},
    {"empty file at the very end", IMAGE_OK, ENTRY(1, offset), 8, BYTES, false, BYTES},
    {"no files", IMAGE_OK, HEADER(count), 4, 0, false, BYTES},
};

static void test_case(void **state)
{
    const struct image_case *c = *state;
    uint8_t bytes[BYTES];
    make_good(bytes);
    memcpy(bytes + c->offset, &c->value, c->width);
    if (!c->keep_checksum) {
        seal(bytes, BYTES);
    }
    assert_string_equal(image_error_text(check_copy(bytes, c->size)),
                        image_error_text(c->expected));
}

static void test_unterminated_name(void **state)
{
    (void)state;
    uint8_t bytes[BYTES];
    make_good(bytes);
    memset(bytes + ENTRY(1, name), 'x', BOOT_IMAGE_NAME_BYTES);
    seal(bytes, BYTES);
    assert_int_equal(check_copy(bytes, BYTES), IMAGE_BAD_NAME);
}

static void test_find(void **state)
{
    (void)state;
    _Alignas(8) uint8_t bytes[BYTES];
    make_good(bytes);
    assert_int_equal(image_count(bytes), FILES);
    assert_int_equal(image_find(bytes, "init")->bytes, 0x1234);
    assert_int_equal(image_find(bytes, "last")->offset, 0x3000);
    assert_ptr_equal(image_find(bytes, "empty"), image_entry(bytes, 1));
    assert_null(image_find(bytes, "ini"));
    assert_null(image_find(bytes, "init2"));
    assert_null(image_find(bytes, ""));
}

static void test_nothing_but_a_header(void **state)
{
    (void)state;
    struct boot_image_header *header =
        calloc(1, sizeof(*header)); /* the sanitizer watches its end */
    assert_non_null(header);
    header->magic = BOOT_IMAGE_MAGIC;
    header->bytes = sizeof(*header);
    assert_int_equal(image_check(header, sizeof(*header)), IMAGE_OK);
    assert_null(image_find(header, "init"));
    free(header);
}

/* The check value that the catalogue of CRCs gives for CRC-32/ISO-HDLC. */
static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(image_crc32("123456789", 9), 0xcbf43926);
    assert_int_equal(image_crc32("", 0), 0);
}

static void test_mutations(void **state)
{
    (void)state;
    uint64_t seed = 0x696d616765ull;
    unsigned accepted = 0;
    for (unsigned i = 0; i < MUTATIONS; i++) {
        uint8_t bytes[BYTES];
        make_good(bytes);
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        unsigned at = (unsigned)(seed >> 33) % ENTRY(FILES, name);
        bytes[at] ^= (uint8_t)(1u << (seed >> 20 & 7));
        seal(bytes, BYTES);
        _Alignas(8) uint8_t *copy = malloc(BYTES);
        assert_non_null(copy);
        memcpy(copy, bytes, BYTES);
        if (image_check(copy, BYTES) == IMAGE_OK) {
            accepted++;
            for (unsigned n = 0; n < image_count(copy); n++) {
                const struct boot_image_entry *entry = image_entry(copy, n);
                assert_true(entry->offset <= BYTES && entry->bytes <= BYTES - entry->offset);
                assert_ptr_not_equal(image_find(copy, entry->name), NULL);
            }
        }
        free(copy);
    }
    assert_in_range(accepted, MUTATIONS / 20, MUTATIONS - MUTATIONS / 20);
}

int main(void)
{
    enum { TABLE = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest tests[TABLE + 5] = {
        {"a name without an end", test_unterminated_name, NULL, NULL, NULL},
        {"an image may hold no file", test_nothing_but_a_header, NULL, NULL, NULL},
        {"files are found by their whole name", test_find, NULL, NULL, NULL},
        {"the checksum is that of zlib", test_crc, NULL, NULL, NULL},
        {"flipped bits never lead outside", test_mutations, NULL, NULL, NULL},
    };
    for (unsigned i = 0; i < TABLE; i++) {
        tests[5 + i] = (struct CMUnitTest){cases[i].name, test_case, NULL, NULL, (void *)&cases[i]};
    }
    return cmocka_run_group_tests_name("boot_image", tests, NULL, NULL);
}
