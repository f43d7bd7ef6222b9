/* SPDX-License-Identifier: MIT */
/* Base64 with marks and checksum (armour.h). Source: RFC 4648, section 4. */
#include "kdebug/core/armour.h"

#include "base/crc32c.h"
#include "base/format.h"

#define LINE_BYTES (KD_ARMOUR_DIGITS + 32) /* with number and checksum */

static void put_text(struct kd_armour *armour, const char *text)
{
    for (; *text != '\0'; text++) {
        armour->put(*text);
    }
}

/* A line whose checksum is behind it. text has room for that. */
static void put_checked(struct kd_armour *armour, char *text, size_t length, size_t room)
{
    uint32_t crc = crc32c(0, text, length);
    format_text(text + length, room - length, " %08x\n", crc);
    put_text(armour, text);
}

static void end_line(struct kd_armour *armour)
{
    char text[LINE_BYTES];
    if (armour->number >= armour->first && armour->number < armour->end) {
        armour->line[armour->column] = '\0';
        size_t length = format_text(text, sizeof(text), "%llx %s",
                                    (unsigned long long)armour->number, armour->line);
        put_checked(armour, text, length, sizeof(text));
    }
    armour->number++;
    armour->column = 0;
}

static void put_digit(struct kd_armour *armour, char digit)
{
    armour->line[armour->column++] = digit;
    if (armour->column == KD_ARMOUR_DIGITS) {
        end_line(armour);
    }
}

void kd_base64_group(uint32_t bits, unsigned bytes, char to[4])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bits <<= 8 * (3 - bytes);
    for (unsigned i = 0; i < 4; i++) {
        to[i] = i <= bytes ? digits[bits >> (18 - 6 * i) & 63] : '=';
    }
}

static void put_group(struct kd_armour *armour)
{
    char digits[4];
    kd_base64_group(armour->bits, armour->bit_bytes, digits);
    for (unsigned i = 0; i < ARRAY_COUNT(digits); i++) {
        put_digit(armour, digits[i]);
    }
    armour->bits = 0;
    armour->bit_bytes = 0;
}

void kd_armour_begin(struct kd_armour *armour, const char *kind, uint64_t first, uint64_t count,
                     void (*put)(char c))
{
    *armour = (struct kd_armour){
        .first = first, .end = first + MIN(count, UINT64_MAX - first), .kind = kind, .put = put};
    put_text(armour, "=== spoor ");
    put_text(armour, kind);
    put_text(armour, " begin\n");
}

void kd_armour_write(struct kd_armour *armour, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    armour->crc = crc32c(armour->crc, data, bytes);
    armour->bytes += bytes;
    for (size_t i = 0; i < bytes; i++) {
        armour->bits = armour->bits << 8 | at[i];
        if (++armour->bit_bytes == 3) {
            put_group(armour);
        }
    }
}

void kd_armour_end(struct kd_armour *armour)
{
    char text[80];
    if (armour->bit_bytes > 0) {
        put_group(armour);
    }
    if (armour->column > 0) {
        end_line(armour);
    }
    size_t length = format_text(text, sizeof(text), "=== spoor %s end %llu %08x", armour->kind,
                                (unsigned long long)armour->bytes, armour->crc);
    put_checked(armour, text, length, sizeof(text));
}
