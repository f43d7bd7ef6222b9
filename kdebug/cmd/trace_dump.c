/* SPDX-License-Identifier: MIT */
/* A capture of the stopped machine's rings (trace_dump.h). Each block is built in one static
 * buffer, because its checksum comes first. */
#include "kdebug/cmd/trace_dump.h"

#include "base/crc32c.h"
#include "base/string.h"
#include "gen/trace_schema.h"
#include "kdebug/cmd/trace_reader.h"
#include "kdebug/core/armour.h"
#include "kdebug/core/command.h"
#include "kdebug/core/target.h"
#include "trace/format/capture.h"

struct dump {
    struct kd_armour armour;
    uint64_t sequence;
    vaddr_t address;
    struct trace_region region;
    struct kd_lane lane;
    union {
        uint64_t words[TRACE_SUBBUF_BYTES / 8];
        struct trace_lane lanes[TRACE_LANES_MAX];
    } buffer;
};
static struct dump dump;

/* A block whose payload comes in two pieces. */
static void write_block(enum capture_type type, const void *first, size_t first_bytes,
                        const void *second, size_t second_bytes)
{
    struct capture_block block = {
        .magic = CAPTURE_MAGIC,
        .type = (uint16_t)type,
        .version = CAPTURE_VERSION,
        .sequence = dump.sequence++,
        .bytes = first_bytes + second_bytes,
        .payload_crc = crc32c(crc32c(0, first, first_bytes), second, second_bytes),
    };
    block.header_crc = crc32c(0, &block, offsetof(struct capture_block, header_crc));
    kd_armour_write(&dump.armour, &block, sizeof(block));
    kd_armour_write(&dump.armour, first, first_bytes);
    kd_armour_write(&dump.armour, second, second_bytes);
}

static void write_status(void)
{
    struct trace_lane *lanes = dump.buffer.lanes;
    for (unsigned i = 0; i < dump.region.lane_count; i++) {
        kd_fetch(dump.address + dump.region.lane[i].control_offset, &lanes[i], sizeof(lanes[i]),
                 "trace lane");
    }
    write_block(CAPTURE_STATUS, lanes, dump.region.lane_count * sizeof(*lanes), NULL, 0);
}

static void write_lane(uint64_t limit)
{
    uint64_t start, newest;
    if (!kd_lane_span(&dump.lane, &start, &newest)) {
        return;
    }
    uint64_t kept = (newest - start) / TRACE_SUBBUF_BYTES + 1;
    if (kept > limit) {
        start += (kept - limit) * TRACE_SUBBUF_BYTES;
    }
    for (; start <= newest; start += TRACE_SUBBUF_BYTES) {
        size_t bytes = kd_subbuf_read(&dump.lane, start, dump.buffer.words);
        struct capture_subbuf head = {
            .lane = dump.lane.index,
            .complete = bytes == TRACE_SUBBUF_BYTES ? 1 : 0,
            .position = start,
        };
        if (bytes > 0) {
            write_block(CAPTURE_SUBBUF, &head, sizeof(head), dump.buffer.words, bytes);
        }
    }
}

void kd_trace_dump(const struct kd_dump_wish *wish, void (*put)(char c))
{
    static const char schema[] = TRACE_SCHEMA_TEXT;
    dump.address = kd_region_of(wish->previous, &dump.region);
    dump.sequence = 0;
    kd_armour_begin(&dump.armour, "dump", wish->first, wish->count, put);
    write_block(CAPTURE_START, &dump.region, sizeof(dump.region), NULL, 0);
    write_block(CAPTURE_SCHEMA, schema, sizeof(schema) - 1, NULL, 0);
    write_status();
    for (unsigned i = 0; i < dump.region.lane_count; i++) {
        if (kd_lane_open(dump.address, &dump.region, i, &dump.lane)) {
            write_lane(wish->newest);
        }
    }
    write_status();
    struct capture_end end = {.blocks = dump.sequence};
    write_block(CAPTURE_END, &end, sizeof(end), NULL, 0);
    kd_armour_end(&dump.armour);
}
