/* SPDX-License-Identifier: MIT */
/* Fonts of both formats, damaged ones, and what the painter makes of their glyphs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/drivers/screen/colour.h"
#include "userspace/drivers/screen/paint.h"

static struct font font;
static uint8_t file[0x8000];

static uint32_t put(uint32_t at, const void *bytes, uint32_t count)
{
    memcpy(file + at, bytes, count);
    return at + count;
}

/* 256 glyphs of 8 x 4, each row the glyph's number; glyph N is character N + 1, glyph 0 also U+20AC. */
static uint32_t make_psf1(void)
{
    uint32_t at = put(0, (const uint8_t[]){0x36, 0x04, 2, 4}, 4);

    for (unsigned glyph = 0; glyph < 256; glyph++) {
        memset(file + at, (int)glyph, 4);
        at += 4;
    }
    for (unsigned glyph = 0; glyph < 256; glyph++) {
        uint16_t entry[] = {(uint16_t)(glyph + 1), 0xfffe, 'a', 0x301, 0xffff};
        uint16_t first[] = {0x20ac, 1, 0xffff};
        at = glyph == 0 ? put(at, first, sizeof(first)) : put(at, entry, sizeof(entry));
    }
    return at;
}

/* 3 glyphs of 11 x 2: characters A, U+20AC and 'e with an accent made of two', '?'. */
static uint32_t make_psf2(void)
{
    const uint32_t header[] = {0x864ab572, 0, 32, 1, 3, 4, 2, 11};
    const uint8_t glyphs[] = {0x80, 0x20, 0, 0, 0xff, 0xe0, 0xff, 0xe0, 1, 2, 3, 4};
    static const char table[] = "A\xff\xe2\x82\xac\xfe"
                                "e\xcc\x81\xff?\xff";
    uint32_t at = put(0, header, sizeof(header));

    at = put(at, glyphs, sizeof(glyphs));
    return put(at, table, sizeof(table) - 1);
}

static void test_psf1(void **state)
{
    (void)state;
    assert_int_equal(font_open(&font, file, make_psf1()), OK);
    assert_int_equal(font.width, 8);
    assert_int_equal(font.height, 4);
    assert_int_equal(font_glyph(&font, 'b'), 'a');
    assert_int_equal(font_glyph(&font, 0x20ac), 0);
    assert_int_equal(font_glyph(&font, 1), 0);
    assert_int_equal(font_glyph(&font, 256), 255);
    assert_int_equal(font_glyph(&font, 0x301), '?' - 1); /* only in sequences */
    assert_int_equal(font_glyph(&font, 0x4e00), '?' - 1);
    assert_int_equal(font_row(&font, 0x81, 3), 0x81000000);
}

static void test_psf2(void **state)
{
    (void)state;
    assert_int_equal(font_open(&font, file, make_psf2()), OK);
    assert_int_equal(font_glyph(&font, 'A'), 0);
    assert_int_equal(font_glyph(&font, 0x20ac), 1);
    assert_int_equal(font_glyph(&font, 'e'), 2); /* the replacement */
    assert_int_equal(font_row(&font, 0, 0), 0x80200000);
    assert_int_equal(font_row(&font, 1, 1), 0xffe00000);
}

static void test_a_font_without_a_table(void **state)
{
    (void)state;
    (void)make_psf1();
    file[2] = 0;
    assert_int_equal(font_open(&font, file, 4 + 256 * 4), OK);
    assert_int_equal(font_glyph(&font, 'b'), 'b');
}

static void test_damage(void **state)
{
    (void)state;
    for (unsigned format = 0; format < 2; format++) {
        uint32_t bytes = format == 0 ? make_psf1() : make_psf2();
        for (uint32_t cut = 0; cut < bytes; cut++) {
            uint8_t *copy = malloc(cut + 1); /* so that the sanitizer sees the end */
            memcpy(copy, file, cut);
            assert_int_equal(font_open(&font, copy, cut), ERR_CORRUPT);
            free(copy);
        }
        srand(9);
        for (unsigned round = 0; round < 20000; round++) {
            bytes = format == 0 ? make_psf1() : make_psf2();
            file[(unsigned)rand() % 40] ^= (uint8_t)(1u << rand() % 8);
            file[(unsigned)rand() % bytes] = (uint8_t)rand();
            if (font_open(&font, file, bytes) == OK) {
                assert_true(font_glyph(&font, (uint32_t)rand() % 0x500) < font.count);
                (void)font_row(&font, (uint16_t)(font.count - 1), font.height - 1);
            }
        }
    }
    uint32_t large[] = {0x864ab572, 0, 32, 0, 0x40000000, 4, 2, 11};
    (void)put(0, large, sizeof(large));
    assert_int_equal(font_open(&font, file, sizeof(file)), ERR_NOT_SUPPORTED);
}

/* ---- painting ---- */

#define WIDTH  50u /* four cells of 11, and six pixels that belong to none */
#define HEIGHT 5u
#define STRIDE 60u

static uint32_t pixels[STRIDE * HEIGHT];
static struct cell cells[64], shown[64];
static struct painter painter;
static struct terminal terminal;

static void start_painting(bool is_bgr)
{
    const struct framebuffer frame = {pixels, WIDTH, HEIGHT, STRIDE, is_bgr};

    assert_int_equal(font_open(&font, file, make_psf2()), OK);
    memset(pixels, 0x55, sizeof(pixels));
    paint_init(&painter, &frame, &font, shown);
    assert_int_equal(painter.columns, 4);
    assert_int_equal(painter.rows, 2);
    terminal_init(&terminal, cells, painter.columns, painter.rows);
}

/* What a pixel has to be, by the cells. */
static uint32_t expected_pixel(unsigned x, unsigned y)
{
    unsigned column = x / 11, row = y / 2;
    struct cell cell = {' ', 7, 0, 0};

    if (x >= WIDTH) {
        return 0x55555555; /* not ours */
    }
    if (column >= 4 || row >= 2) {
        return painter.value[0];
    }
    cell = cells[row * 4 + column];
    bool is_cursor =
        terminal.shows_cursor && terminal.at.column == column && terminal.at.row == row;
    bool bit = font_row(&font, font_glyph(&font, cell.character), y % 2) >> (31 - x % 11) & 1;
    return painter.value[bit != is_cursor ? cell.front : cell.back];
}

static void check_pixels(void)
{
    for (unsigned y = 0; y < HEIGHT; y++) {
        for (unsigned x = 0; x < STRIDE; x++) {
            assert_int_equal(pixels[y * STRIDE + x], expected_pixel(x, y));
        }
    }
}

static void send(const char *text)
{
    terminal_write(&terminal, text, strlen(text));
}

static void test_cells_become_pixels(void **state)
{
    (void)state;
    for (unsigned is_bgr = 0; is_bgr < 2; is_bgr++) {
        start_painting(is_bgr);
        assert_int_equal(painter.value[1], is_bgr ? 0xcd0000 : 0x0000cd); /* red */
        assert_int_equal(paint(&painter, &terminal), 8);
        check_pixels();
        send("A\033[31;44m?\xe2\x82\xac\033[1;7mA\nAA");
        assert_int_equal(paint(&painter, &terminal), 7);
        check_pixels();
    }
}

static void test_only_what_changed_is_painted(void **state)
{
    (void)state;
    start_painting(true);
    (void)paint(&painter, &terminal);
    assert_int_equal(paint(&painter, &terminal), 0);
    send("A");
    assert_int_equal(paint(&painter, &terminal), 2); /* and the cursor beside it */
    send("\033[?25l");
    assert_int_equal(paint(&painter, &terminal), 1);
    send("\rA");
    assert_int_equal(paint(&painter, &terminal), 0);
    check_pixels();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_psf1),
        cmocka_unit_test(test_psf2),
        cmocka_unit_test(test_a_font_without_a_table),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_cells_become_pixels),
        cmocka_unit_test(test_only_what_changed_is_painted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
