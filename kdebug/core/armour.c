/* SPDX-License-Identifier: MIT */
/* Base64 with marks and checksum (armour.h). Source: RFC 4648, section 4. */
#include "kdebug/core/armour.h"

#include "base/crc32c.h"
#include "base/format.h"

#define COLUMNS 76u

static void put_text(struct kd_armour *armour, const char *text)
{
    for (; *text != '\0'; text++) {
        armour->put(*text);
    }
}

static void put_digit(struct kd_armour *armour, char digit)
{
    armour->put(digit);
    if (++armour->column == COLUMNS) {
        armour->put('\n');
        armour->column = 0;
    }
}

/* Four digits for the bytes gathered; '=' for those that are missing. */
static void put_group(struct kd_armour *armour)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = armour->bits << 8 * (3 - armour->bit_bytes);
    for (unsigned i = 0; i < 4; i++) {
        put_digit(armour, i <= armour->bit_bytes ? digits[bits >> (18 - 6 * i) & 63] : '=');
    }
    armour->bits = 0;
    armour->bit_bytes = 0;
}

void kd_armour_begin(struct kd_armour *armour, void (*put)(char c))
{
    *armour = (struct kd_armour){.put = put};
    put_text(armour, "=== spoor dump begin\n");
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
        armour->put('\n');
    }
    format_text(text, sizeof(text), "=== spoor dump end %llu %08x\n",
                (unsigned long long)armour->bytes, armour->crc);
    put_text(armour, text);
}
