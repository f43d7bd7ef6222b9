/* SPDX-License-Identifier: MIT */
/* Entries of directories: 32 bytes. Times are UTC, in steps of 2 s since 1980; without a clock, its first day. */
#include <string.h>

#include "userspace/files/fat/fat_impl.h"

#define SECONDS_PER_DAY 86400u
#define NS_PER_SECOND   1000000000ull
#define DAY_OF_1980     3652u /* since 1970 */
#define DAY_OF_2108     50403u
#define FIRST_DATE      (1u << 5 | 1)

uint32_t fat_entry_cluster(const struct fat *fat, const uint8_t *entry)
{
    return fat_get16(entry + 26) | (fat->bits == 32 ? fat_get16(entry + 20) << 16 : 0);
}

void fat_entry_set_cluster(const struct fat *fat, uint8_t *entry, uint32_t cluster)
{
    fat_put16(entry + 26, cluster);
    if (fat->bits == 32) {
        fat_put16(entry + 20, cluster >> 16);
    }
}

enum file_kind fat_entry_kind(const uint8_t *entry)
{
    return entry[11] & FAT_DIRECTORY ? FILE_DIRECTORY : FILE_REGULAR;
}

/* Until 2107 each fourth year but 2100 has a day more. Years here begin with March: that day is their last. */
static uint32_t date_of(uint32_t day)
{
    uint32_t since = day - DAY_OF_1980 + 1401; /* 1976-03-01 */

    since += since >= 45290; /* 2100-02-29, which is not */
    uint32_t year = (since * 4 + 3) / 1461, in_year = since - year * 1461 / 4;
    uint32_t month = (in_year * 5 + 2) / 153, date = in_year - (month * 153 + 2) / 5 + 1;
    month += 3;
    year += month > 12;
    month -= month > 12 ? 12 : 0;
    return (year - 4) << 9 | month << 5 | date;
}

static void get_stamp(const struct fat *fat, uint32_t *date, uint32_t *time)
{
    uint64_t seconds = (fat->utc_at_start + fat->fs.now_ns) / NS_PER_SECOND;
    uint64_t day = seconds / SECONDS_PER_DAY;
    uint32_t rest = (uint32_t)(seconds % SECONDS_PER_DAY);

    *date = FIRST_DATE;
    *time = 0;
    if (fat->utc_at_start != 0 && day >= DAY_OF_1980 && day < DAY_OF_2108) {
        *date = date_of((uint32_t)day);
        *time = rest / 3600 << 11 | rest / 60 % 60 << 5 | rest % 60 / 2;
    }
}

void fat_entry_stamp(const struct fat *fat, uint8_t *entry)
{
    uint32_t date, time;

    get_stamp(fat, &date, &time);
    fat_put16(entry + 18, date); /* looked at */
    fat_put16(entry + 22, time);
    fat_put16(entry + 24, date);
}

void fat_entry_init(const struct fat *fat, uint8_t *entry, enum file_kind kind, uint32_t cluster)
{
    memset(entry, ' ', FAT_SHORT);
    memset(entry + FAT_SHORT, 0, FAT_ENTRY_BYTES - FAT_SHORT);
    entry[11] = kind == FILE_DIRECTORY ? FAT_DIRECTORY : FAT_ARCHIVE;
    fat_entry_set_cluster(fat, entry, cluster);
    fat_entry_stamp(fat, entry);
    memcpy(entry + 14, entry + 22, 4); /* made */
}
