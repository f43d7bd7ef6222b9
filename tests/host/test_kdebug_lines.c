/* SPDX-License-Identifier: MIT */
/* Source lines by address: rows, chunks, gaps, and tables that are damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/types.h"
#include "gen/layout.h"
#include "kdebug/core/lines.h"

#define ROWS          200u
#define DAMAGES       20000u
#define RANDOM_FACTOR 6364136223846793005ull

struct row {
    uint32_t offset;
    uint16_t file, line;
};

static struct row rows[ROWS];
static _Alignas(8) uint8_t table[8192];
static size_t table_bytes;

static uint8_t *put_number(uint8_t *at, uint64_t value)
{
    for (; value > 0x7f; value >>= 7) {
        *at++ = (uint8_t)(value | 0x80);
    }
    *at++ = (uint8_t)value;
    return at;
}

static uint8_t *put_row(uint8_t *at, const struct row *before, const struct row *row)
{
    int64_t lines = (int64_t)row->line - before->line;
    bool changes = row->file != before->file;
    at = put_number(at, (uint64_t)(row->offset - before->offset) << 1 | changes);
    at = changes ? put_number(at, row->file) : at;
    return put_number(at, lines < 0 ? ((uint64_t)-lines << 1) - 1 : (uint64_t)lines << 1);
}

/* Lines up and down, files in turn, one gap, distances of one to three bytes. */
static int begin(void **state)
{
    (void)state;
    static const char names[8] = "\0a.c\0b.";
    uint32_t header[6] = {KD_LINES_MAGIC, KD_LINES_VERSION, ROWS, 3, sizeof(names), 0};
    uint32_t starts[3] = {0, 1, 5};
    uint8_t *body = calloc(1, 4096), *end = body, *to = table + sizeof(header);
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t step = i % 7 == 3 ? 70000 : i % 5 + 1;
        rows[i].offset = i == 0 ? 0x1000 : rows[i - 1].offset + step;
        rows[i].file = i == 130 ? 0 : (uint16_t)(i / 3 % 2 + 1);
        rows[i].line = i == 130 ? 0 : (uint16_t)(i * 7919 % 3000 + 1);
        if (i % KD_LINES_CHUNK == 0) {
            uint32_t position = (uint32_t)(end - body);
            memcpy(to, &rows[i].offset, 4);
            memcpy(to + 4, &position, 4);
            memcpy(to + 8, &rows[i].file, 2);
            memcpy(to + 10, &rows[i].line, 2);
            to += 12;
        } else {
            end = put_row(end, &rows[i - 1], &rows[i]);
        }
    }
    header[5] = (uint32_t)(end - body);
    memcpy(table, header, sizeof(header));
    memcpy(to, starts, sizeof(starts));
    memcpy(to + sizeof(starts), names, sizeof(names));
    memcpy(to + sizeof(starts) + sizeof(names), body, header[5]);
    table_bytes = (size_t)(to - table) + sizeof(starts) + sizeof(names) + header[5];
    free(body);
    return kd_lines_use(table, table_bytes) ? 0 : -1;
}

static void test_every_address_has_its_row(void **state)
{
    (void)state;
    struct kd_source line;
    for (uint32_t i = 0; i < ROWS; i++) {
        vaddr_t first = KERNEL_IMAGE_BASE + rows[i].offset;
        vaddr_t last = i + 1 < ROWS ? KERNEL_IMAGE_BASE + rows[i + 1].offset - 1 : first + 9;
        for (unsigned end = 0; end < 2; end++) {
            bool found = kd_line_at(end == 0 ? first : last, &line);
            assert_int_equal(found, rows[i].file != 0);
            if (found) {
                assert_string_equal(line.file, rows[i].file == 1 ? "a.c" : "b.");
                assert_int_equal(line.line, rows[i].line);
                assert_true(line.address == first);
            }
        }
    }
}

static void test_outside_there_are_none(void **state)
{
    (void)state;
    struct kd_source line;
    assert_false(kd_line_at(KERNEL_IMAGE_BASE + rows[0].offset - 1, &line));
    assert_false(kd_line_at(0x401000, &line));
    assert_false(kd_line_at(KERNEL_IMAGE_BASE - 1, &line));
}

static void test_no_table_is_refused(void **state)
{
    (void)state;
    struct kd_source line;
    for (size_t bytes = 0; bytes < table_bytes; bytes++) {
        assert_false(kd_lines_use(table, bytes));
    }
    assert_false(kd_line_at(KERNEL_IMAGE_BASE + rows[5].offset, &line));
    table[0] ^= 1;
    assert_false(kd_lines_use(table, table_bytes));
}

/* Y3: the table is in memory of its own, so that the sanitizer sees a step outside. */
static void test_damage_leads_nowhere(void **state)
{
    (void)state;
    uint64_t random = 1;
    uint8_t *copy = malloc(table_bytes);
    for (unsigned turn = 0; turn < DAMAGES; turn++) {
        memcpy(copy, table, table_bytes);
        for (unsigned i = 0; i < 4; i++) {
            random = random * RANDOM_FACTOR + 1;
            copy[(random >> 33) % table_bytes] = (uint8_t)(random >> 20);
        }
        struct kd_source line;
        if (kd_lines_use(copy, table_bytes)) {
            vaddr_t address = KERNEL_IMAGE_BASE + rows[(random >> 40) % ROWS].offset;
            assert_true(!kd_line_at(address, &line) || strlen(line.file) < table_bytes);
        }
    }
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_every_address_has_its_row, begin),
        cmocka_unit_test_setup(test_outside_there_are_none, begin),
        cmocka_unit_test_setup(test_no_table_is_refused, begin),
        cmocka_unit_test_setup(test_damage_leads_nowhere, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
