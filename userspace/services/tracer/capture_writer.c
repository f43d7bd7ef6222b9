/* SPDX-License-Identifier: MIT */
/* Block headers and their checksums. */
#include "userspace/services/tracer/capture_writer.h"

#include <stddef.h>

#include "kernel/base/crc32c.h"

void capture_writer_begin(struct capture_writer *writer, struct transport *transport)
{
    *writer = (struct capture_writer){.transport = transport};
}

status_t capture_write(struct capture_writer *writer, enum capture_type type,
                       const struct transport_piece *payload, unsigned count)
{
    struct transport_piece pieces[1 + CAPTURE_PIECES_MAX];
    struct capture_block block = {.magic = CAPTURE_MAGIC,
                                  .type = (uint16_t)type,
                                  .version = CAPTURE_VERSION,
                                  .sequence = writer->sequence};

    for (unsigned i = 0; i < count; i++) {
        block.bytes += payload[i].length;
        block.payload_crc = crc32c(block.payload_crc, payload[i].bytes, payload[i].length);
        pieces[1 + i] = payload[i];
    }
    block.header_crc = crc32c(0, &block, offsetof(struct capture_block, header_crc));
    pieces[0] = (struct transport_piece){&block, sizeof(block), 0};
    writer->sequence++;
    return writer->transport->send(writer->transport, pieces, 1 + count);
}
