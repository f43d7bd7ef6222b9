/* SPDX-License-Identifier: MIT */
/*
 * dump: all memory in use over the line, for looking at the machine elsewhere (`spoor capture --memory`,
 * tools/spoorlib/memory_dump.py).
 *
 *     =m b 1 ROOT                 begin: version, page tables of the kernel half
 *     =m z FIRST PFN COUNT        so many pages of zeros
 *     =m l FIRST PFN BASE64       one page, packed (core/pack.h)
 *     =m r FIRST PFN BASE64       one page as it is
 *     =m e PAGES                  end: how many pages there are
 *
 * Numbers are hexadecimal; each line ends with a blank and the CRC-32C of what stands before the blank.
 * Pages to send are counted in the order of their addresses, and FIRST is the number of a line's first
 * page: who receives them knows which are missing, and asks again with `dump FIRST COUNT`. The machine
 * stands still, so they have the same numbers each time.
 *
 * Free frames are not sent. Without 'all' neither are the boot image, which is a file (its first page
 * is, so that who has the file can tell), nor the firmware's memory, which is of no use to anybody: a
 * line of 115200 baud takes a minute for 600 KiB.
 */
#include "abi/handoff.h"
#include "base/crc32c.h"
#include "base/format.h"
#include "base/string.h"
#include "kdebug/cmd/frame.h"
#include "kdebug/core/armour.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/pack.h"
#include "kdebug/core/target.h"

#define DUMP_VERSION 1u
extern const struct handoff *boot_handoff; /* stored by start.asm */

#define DULL_MAX   64u
#define HEAD_BYTES 64u
#define LINE_BYTES (HEAD_BYTES + (PAGE_BYTES + 2) / 3 * 4)

static_assert(PACK_BYTES_MAX >= PAGE_BYTES, "a page is packed at once");

struct sending {
    uint64_t number;     /* of the page that comes next */
    uint64_t first, end; /* pages that are wanted */
    uint64_t zero_first, zero_pfn, zero_count;
    bool is_all;
};

struct span {
    uint64_t first, end; /* page numbers */
};

static struct span dull[DULL_MAX];
static unsigned dull_count;
static char line[LINE_BYTES];
static uint8_t page[PAGE_BYTES], packed[PAGE_BYTES];

static void send_line(size_t bytes)
{
    char crc[16];
    format_text(crc, sizeof(crc), " %08x\n", crc32c(0, line, bytes));
    for (size_t i = 0; i < bytes; i++) {
        kd_print_byte(line[i]);
    }
    for (const char *c = crc; *c != '\0'; c++) {
        kd_print_byte(*c);
    }
}

static void send_zeros(struct sending *sending)
{
    if (sending->zero_count != 0) {
        send_line(format_text(
            line, sizeof(line), "=m z %llx %llx %llx", (unsigned long long)sending->zero_first,
            (unsigned long long)sending->zero_pfn, (unsigned long long)sending->zero_count));
        sending->zero_count = 0;
    }
}

static void send_bytes(const struct sending *sending, uint64_t pfn, char kind, const uint8_t *bytes,
                       size_t count)
{
    size_t at = format_text(line, sizeof(line), "=m %c %llx %llx ", kind,
                            (unsigned long long)sending->number, (unsigned long long)pfn);
    for (size_t i = 0; i < count; i += 3) {
        unsigned group = (unsigned)MIN(count - i, 3u);
        uint32_t bits = 0;
        for (unsigned j = 0; j < group; j++) {
            bits = bits << 8 | bytes[i + j];
        }
        kd_base64_group(bits, group, line + at);
        at += 4;
    }
    send_line(at);
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0;
}

/* One page in use. What cannot be read is sent as zeros: it is listed as RAM, so that is not seen. */
static void send_page(struct sending *sending, uint64_t pfn)
{
    (void)kd_read(KD_SPACE_PHYSICAL, pfn << FRAME_SHIFT, page, sizeof(page));
    bool follows = sending->zero_count != 0 && pfn == sending->zero_pfn + sending->zero_count;
    if (is_zero(page, sizeof(page))) {
        if (!follows) {
            send_zeros(sending);
            sending->zero_first = sending->number;
            sending->zero_pfn = pfn;
        }
        sending->zero_count++;
        return;
    }
    send_zeros(sending);
    size_t bytes = kd_pack(page, sizeof(page), packed);
    if (bytes != 0) {
        send_bytes(sending, pfn, 'l', packed, bytes);
    } else {
        send_bytes(sending, pfn, 'r', page, sizeof(page));
    }
}

/* Is this page of what the kernel has found in use at its start and does not need for itself? */
static bool is_dull(uint64_t pfn)
{
    for (unsigned i = 0; i < dull_count; i++) {
        if (pfn >= dull[i].first && pfn < dull[i].end) {
            return true;
        }
    }
    return false;
}

static void add_dull(paddr_t start, uint64_t bytes)
{
    if (dull_count < ARRAY_COUNT(dull)) {
        dull[dull_count++] = (struct span){ROUND_UP(start, FRAME_BYTES) >> FRAME_SHIFT,
                                           (start + bytes) >> FRAME_SHIFT};
    }
}

static uint64_t fetch_handoff(vaddr_t handoff, size_t offset)
{
    return kd_fetch_word(handoff + offset, "handoff");
}

static void find_dull(void)
{
    vaddr_t handoff = kd_fetch_word(KD_GLOBAL(boot_handoff), "boot_handoff");
    uint32_t count;
    kd_fetch(handoff + offsetof(struct handoff, memory_count), &count, sizeof(count), "handoff");
    dull_count = 0;
    add_dull(fetch_handoff(handoff, offsetof(struct handoff, image_base)) + FRAME_BYTES,
             fetch_handoff(handoff, offsetof(struct handoff, image_bytes)) - FRAME_BYTES);
    for (unsigned i = 0; i < MIN(count, HANDOFF_MEMORY_MAX); i++) {
        struct handoff_memory region;
        kd_fetch(handoff + offsetof(struct handoff, memory) + i * sizeof(region), &region,
                 sizeof(region), "handoff");
        if (region.type == HANDOFF_MEMORY_FIRMWARE) {
            add_dull(region.base, region.bytes);
        }
    }
}

static void send_run(struct sending *sending, uint64_t pfn, uint64_t pages)
{
    for (; pages > 0; pages--, pfn++) {
        if (!sending->is_all && is_dull(pfn)) {
            continue;
        }
        if (sending->number >= sending->first && sending->number < sending->end) {
            send_page(sending, pfn);
        }
        sending->number++;
    }
}

static void send_section(struct sending *sending, const struct frame_section *section)
{
    uint64_t pfn = section->first_pfn;
    while (section->frames != NULL && pfn < section->end_pfn) {
        struct frame frame;
        kd_fetch((vaddr_t)(section->frames + (pfn - section->first_pfn)), &frame, sizeof(frame),
                 "frame");
        unsigned state = frame_state_of(&frame);
        bool is_head = state == FRAME_STATE_USED || state == FRAME_STATE_FREE;
        uint64_t pages = is_head ? 1ull << MIN(frame.order, FRAME_ORDER_MAX) : 1;
        pages = MIN(pages, section->end_pfn - pfn);
        if (state == FRAME_STATE_USED) {
            send_run(sending, pfn, pages);
        }
        pfn += pages;
    }
}

static void run_dump(struct kd_call *call)
{
    struct sending sending = {.end = UINT64_MAX, .is_all = kd_arg_accept(call, "all")};
    uint64_t count = UINT64_MAX;
    kd_arg_number(call, &sending.first);
    if (kd_arg_number(call, &count) && count < UINT64_MAX - sending.first) {
        sending.end = sending.first + count;
    }
    kd_arg_done(call);
    find_dull();
    send_line(format_text(line, sizeof(line), "=m b %u %llx", DUMP_VERSION,
                          (unsigned long long)kd_target->kernel_root()));
    uint64_t sections = kd_fetch_word(KD_GLOBAL(frame_section_count), "frame table");
    vaddr_t table = kd_fetch_word(KD_GLOBAL(frame_sections), "frame table");
    for (uint64_t i = 0; i < sections; i++) {
        struct frame_section section;
        kd_fetch(table + i * sizeof(section), &section, sizeof(section),
                 "section of the frame table");
        send_section(&sending, &section);
    }
    send_zeros(&sending);
    send_line(format_text(line, sizeof(line), "=m e %llx", (unsigned long long)sending.number));
}
KD_COMMAND(dump, .usage = "[all] [FIRST [COUNT]]",
           .help = "send the memory that these commands need, or all in use, to 'spoor capture "
                   "--memory'; or some pages again",
           .flags = KD_READS, .run = run_dump);
