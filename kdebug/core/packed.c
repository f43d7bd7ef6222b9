/* SPDX-License-Identifier: MIT */
/*
 * The filter z (packed.h): a block of text is collected, packed, and given to the armour.
 *
 * The line is not looked at while a block is packed, a few milliseconds: who types meanwhile waits for a prompt.
 */
#include "kdebug/core/packed.h"

#include "base/crc32c.h"
#include "kdebug/core/armour.h"
#include "kdebug/core/terminal.h"

static uint8_t text[PACKED_TEXT_BYTES], packed[PACKED_TEXT_BYTES];
static uint32_t text_bytes, number;
static bool is_packing; /* true at the start of a block: the last one has brought a fault */
static struct kd_armour armour;

static uint32_t pack(void)
{
    if (is_packing) {
        return 0;
    }
    is_packing = true;
    uint32_t bytes = (uint32_t)kd_deflate(text, text_bytes, packed);
    is_packing = false;
    return bytes;
}

static void end_block(void)
{
    uint32_t packed_bytes = pack(), bytes = packed_bytes == 0 ? text_bytes : packed_bytes;
    uint32_t crc = crc32c(0, text, text_bytes);
    uint32_t head[] = {PACKED_MAGIC, number++, text_bytes, bytes, crc, 0};
    head[ARRAY_COUNT(head) - 1] = crc32c(0, head, sizeof(head) - sizeof(*head));
    kd_armour_write(&armour, head, sizeof(head));
    kd_armour_write(&armour, packed_bytes == 0 ? text : packed, bytes);
    text_bytes = 0;
}

static void take(char c)
{
    if (text_bytes == sizeof(text)) {
        end_block();
    }
    text[text_bytes++] = (uint8_t)c;
}

void kd_packed_begin(uint64_t first, uint64_t count)
{
    text_bytes = number = 0;
    is_packing = false;
    kd_armour_begin(&armour, "packed", first, count, kd_terminal_pass);
    kd_terminal_filter(take);
}

void kd_packed_end(void)
{
    if (!kd_packed_is_on()) {
        return;
    }
    kd_terminal_filter(NULL);
    if (text_bytes > 0) {
        end_block();
    }
    kd_armour_end(&armour);
}

bool kd_packed_is_on(void)
{
    return kd_terminal_is_filtered();
}
