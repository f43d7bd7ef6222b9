/* SPDX-License-Identifier: MIT */
/*
 * Names of FAT: a short one of 8 and 3 letters, in front of it a long one in UTF-16.
 *
 *     [part 2, last of the name] [part 1] [short entry]        each part: 13 units of UTF-16, a checksum of the short name
 *
 * A long name counts if all its parts are there, in order, with the right checksum, and it is one that a path can have; else the file
 * goes by its short name. What is written here has a long name unless the short one says the same.
 */
#include <string.h>

#include "userspace/files/fat/fat_impl.h"

#define NAME_UNITS_MAX 255u
#define PLAIN_ATTEMPTS 4u /* NAME~1 to NAME~4; then NA1F3C~1, by a checksum of the name */

static const uint8_t unit_places[FAT_PART_UNITS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};

/* ---- reading ---- */

static uint8_t checksum_of(const uint8_t *short_name)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < FAT_SHORT; i++) {
        sum = (uint8_t)((sum << 7 | sum >> 1) + short_name[i]);
    }
    return sum;
}

void fat_name_take(struct fat_name *name, const uint8_t *entry)
{
    uint32_t number = entry[0] & 0x3f;

    if (entry[0] & 0x40) {
        name->parts = number <= FAT_PARTS_MAX ? number : 0;
        name->expected = number;
        name->checksum = entry[13];
    }
    if (name->parts == 0 || number == 0 || number != name->expected ||
        entry[13] != name->checksum) {
        name->parts = 0;
        return;
    }
    for (unsigned i = 0; i < FAT_PART_UNITS; i++) {
        name->units[(number - 1) * FAT_PART_UNITS + i] =
            (uint16_t)fat_get16(entry + unit_places[i]);
    }
    name->expected--;
}

/* A character as UTF-8; returns how many bytes. */
static uint32_t put_character(uint32_t c, char *to)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    uint32_t bytes = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (uint32_t i = bytes - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    to[0] = (char)(0xf00 >> bytes | c); /* 110, 1110 or 11110 in front */
    return bytes;
}

/* The character at *at; half of a pair alone is "?". */
static uint32_t take_character(const uint16_t *units, uint32_t count, uint32_t *at)
{
    uint32_t c = units[(*at)++];

    if (c < 0xd800 || c > 0xdfff) {
        return c;
    }
    if (c < 0xdc00 && *at < count && units[*at] >= 0xdc00 && units[*at] <= 0xdfff) {
        return 0x10000 + ((c & 0x3ff) << 10 | (units[(*at)++] & 0x3ff));
    }
    return '?';
}

bool fat_is_path_name(const char *name)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

bool fat_name_text(const struct fat_name *name, const uint8_t *entry, char out[FILE_NAME_MAX + 1])
{
    uint32_t count = name->parts * FAT_PART_UNITS, length = 0;

    if (name->parts == 0 || name->expected != 0 || name->checksum != checksum_of(entry)) {
        return false;
    }
    for (uint32_t at = 0; at < count && name->units[at] != 0;) {
        char bytes[4];
        uint32_t size = put_character(take_character(name->units, count, &at), bytes);

        if (length + size > FILE_NAME_MAX) {
            return false;
        }
        memcpy(out + length, bytes, size);
        length += size;
    }
    out[length] = '\0';
    return fat_is_path_name(out);
}

/* Letters of the code page of whoever wrote it are not known here. */
static char short_letter(uint8_t c, bool is_lower)
{
    if (c < ' ' || c >= 0x7f || c == '/') {
        return '?';
    }
    return (char)(is_lower && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static uint32_t put_part(const uint8_t *from, uint32_t width, bool is_lower, char *to)
{
    uint32_t length = width;

    while (length > 0 && from[length - 1] == ' ') {
        length--;
    }
    for (uint32_t i = 0; i < length; i++) {
        to[i] = short_letter(from[i], is_lower);
    }
    return length;
}

void fat_short_text(const uint8_t *entry, char out[16])
{
    uint32_t length = put_part(entry, 8, entry[12] & 0x08, out);
    uint32_t extension = put_part(entry + 8, 3, entry[12] & 0x10, out + length + 1);

    if (extension > 0) {
        out[length] = '.';
        length += 1 + extension;
    }
    out[length] = '\0';
}

/* ---- writing: long names ---- */

/* A character of UTF-8, as it should be. False: it is none. */
static bool take_utf8(struct file_name text, uint32_t *at, uint32_t *out)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *from = (const uint8_t *)text.text + *at;
    uint32_t bytes = *from < 0x80   ? 1
                     : *from < 0xc2 ? 0
                     : *from < 0xe0 ? 2
                     : *from < 0xf0 ? 3
                     : *from < 0xf5 ? 4
                                    : 0;

    if (bytes == 0 || bytes > text.bytes - *at) {
        return false;
    }
    *out = bytes == 1 ? *from : *from & (0x7fu >> bytes);
    for (uint32_t i = 1; i < bytes; i++) {
        if ((from[i] & 0xc0) != 0x80) {
            return false;
        }
        *out = *out << 6 | (from[i] & 0x3f);
    }
    *at += bytes;
    return *out >= least[bytes] && *out < 0x110000 && (*out < 0xd800 || *out > 0xdfff);
}

static status_t put_units(struct file_name text, struct fat_name *out, uint32_t *count)
{
    uint32_t c;

    for (uint32_t at = 0; at < text.bytes;) {
        if (!take_utf8(text, &at, &c) || c < ' ' || c == 0x7f ||
            (c < 0x80 && strchr("\"*/:<>?\\|", (int)c) != NULL)) {
            return ERR_BAD_ARGUMENT;
        }
        if (*count + 2 > NAME_UNITS_MAX + (c < 0x10000)) {
            return ERR_TOO_BIG;
        }
        if (c >= 0x10000) {
            out->units[(*count)++] = (uint16_t)(0xd800 | (c - 0x10000) >> 10);
            c = 0xdc00 | (c & 0x3ff);
        }
        out->units[(*count)++] = (uint16_t)c;
    }
    return OK;
}

/* Others would take away what it ends in. */
static bool ends_badly(struct file_name text)
{
    char last = text.text[text.bytes - 1];

    return last == '.' || last == ' ';
}

/* ---- writing: short names ---- */

static bool is_short_letter(char c)
{
    return c > ' ' && c < 0x7f && strchr("\"*+,./:;<=>?[\\]|", c) == NULL;
}

/* Where the last part of a name begins, behind the dot; its end if it has none. */
static uint32_t extension_of(struct file_name text)
{
    for (uint32_t i = text.bytes; i-- > 1;) {
        if (text.text[i] == '.') {
            return i + 1;
        }
    }
    return text.bytes;
}

/* As many letters as there is room for; returns how many. Blanks and dots are left out, what the format does not have becomes "_". */
static uint32_t put_short(const char *from, uint32_t bytes, uint32_t width, uint8_t *to)
{
    uint32_t length = 0;

    for (uint32_t i = 0; i < bytes && length < width; i++) {
        if (from[i] != ' ' && from[i] != '.') {
            to[length++] = (uint8_t)(is_short_letter(from[i]) ? fat_upper(from[i]) : '_');
        }
    }
    return length;
}

/* Returns the length of its first part. */
static uint32_t put_both(struct file_name text, uint8_t out[FAT_SHORT])
{
    uint32_t extension = extension_of(text);

    memset(out, ' ', FAT_SHORT);
    put_short(text.text + extension, text.bytes - extension, 3, out + 8);
    return put_short(text.text, extension, 8, out);
}

static bool is_short(struct file_name text)
{
    uint8_t entry[FAT_ENTRY_BYTES] = {0};
    char back[16];

    (void)put_both(text, entry);
    fat_short_text(entry, back);
    return entry[0] != ' ' && strlen(back) == text.bytes &&
           memcmp(back, text.text, text.bytes) == 0;
}

status_t fat_name_split(struct file_name text, struct fat_name *out)
{
    uint32_t count = 0;

    memset(out, 0, sizeof(*out));
    status_t status = ends_badly(text) ? ERR_BAD_ARGUMENT : put_units(text, out, &count);
    if (status != OK || is_short(text)) {
        return status;
    }
    out->parts = (count + FAT_PART_UNITS - 1) / FAT_PART_UNITS;
    for (uint32_t i = count + 1; i < out->parts * FAT_PART_UNITS; i++) {
        out->units[i] = 0xffff; /* behind the 0 that ends it */
    }
    return OK;
}

void fat_name_part(const struct fat_name *name, uint32_t number, const uint8_t *short_name,
                   uint8_t entry[FAT_ENTRY_BYTES])
{
    memset(entry, 0, FAT_ENTRY_BYTES);
    entry[0] = (uint8_t)(number | (number == name->parts ? 0x40 : 0));
    entry[11] = FAT_LONG_NAME;
    entry[13] = checksum_of(short_name);
    for (unsigned i = 0; i < FAT_PART_UNITS; i++) {
        fat_put16(entry + unit_places[i], name->units[(number - 1) * FAT_PART_UNITS + i]);
    }
}

/* Not to be foreseen, so that names that begin alike do not all meet. */
static uint32_t hash_of(struct file_name text, uint32_t attempt)
{
    uint32_t hash = 2166136261u + attempt;

    for (uint32_t i = 0; i < text.bytes; i++) {
        hash = (hash ^ (uint8_t)text.text[i]) * 16777619u;
    }
    return hash ^ hash >> 16;
}

void fat_short_name(struct file_name text, const struct fat_name *name, uint32_t attempt,
                    uint8_t out[FAT_SHORT])
{
    static const char digits[] = "0123456789ABCDEF";
    uint32_t length = put_both(text, out), hash = hash_of(text, attempt);
    uint32_t kept = attempt < PLAIN_ATTEMPTS ? 6 : 2;

    if (name->parts == 0) {
        return;
    }
    memset(out + (length < kept ? length : kept), ' ', 8 - (length < kept ? length : kept));
    length = length < kept ? length : kept;
    for (uint32_t i = 0; attempt >= PLAIN_ATTEMPTS && i < 4; i++) {
        out[length++] = (uint8_t)digits[hash >> 4 * i & 15];
    }
    out[length++] = '~';
    out[length] = (uint8_t)('1' + (attempt < PLAIN_ATTEMPTS ? attempt : 0));
}
