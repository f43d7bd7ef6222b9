/* SPDX-License-Identifier: MIT */
/*
 * Writing protobuf, as little of it as Perfetto needs: every function puts bytes at p and returns where they end.
 *
 * The caller has made room. A nested message gets one byte for its length, which is patched when it is closed; in the rare
 * case that it is 128 bytes or longer its contents move up to make room. So output is as short as possible and made in one
 * pass.
 *
 * Source: protobuf.dev, "Encoding".
 */
#pragma once

#include <stdint.h>
#include <string.h>

#define PROTO_VARINT_MAX 10 /* bytes */

enum proto_wire { PROTO_VARINT = 0, PROTO_FIXED64 = 1, PROTO_BYTES = 2 };

static inline uint8_t *proto_varint(uint8_t *p, uint64_t value)
{
    while (value >= 0x80) {
        *p++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *p++ = (uint8_t)value;
    return p;
}

static inline uint8_t *proto_tag(uint8_t *p, unsigned field, enum proto_wire wire)
{
    return proto_varint(p, (uint64_t)field << 3 | wire);
}

static inline uint8_t *proto_uint(uint8_t *p, unsigned field, uint64_t value)
{
    return proto_varint(proto_tag(p, field, PROTO_VARINT), value);
}

static inline uint8_t *proto_fixed64(uint8_t *p, unsigned field, uint64_t value)
{
    p = proto_tag(p, field, PROTO_FIXED64);
    memcpy(p, &value, sizeof(value));
    return p + sizeof(value);
}

static inline uint8_t *proto_bytes(uint8_t *p, unsigned field, const void *bytes, size_t count)
{
    p = proto_varint(proto_tag(p, field, PROTO_BYTES), count);
    memcpy(p, bytes, count);
    return p + count;
}

static inline uint8_t *proto_text(uint8_t *p, unsigned field, const char *text)
{
    return proto_bytes(p, field, text, strlen(text));
}

/* proto_open() - begin a nested message; keep the returned place for proto_close() and write on behind it. */
static inline uint8_t *proto_open(uint8_t *p, unsigned field)
{
    p = proto_tag(p, field, PROTO_BYTES);
    *p = 0;
    return p + 1;
}

/* proto_close_long() - the part of proto_close() that is rarely needed. */
uint8_t *proto_close_long(uint8_t *start, uint8_t *p);

/* proto_close() - end the message that proto_open() began; it returned start. Needs 4 spare bytes behind p. */
static inline uint8_t *proto_close(uint8_t *start, uint8_t *p)
{
    size_t count = (size_t)(p - start);
    if (__builtin_expect(count < 0x80, 1)) {
        start[-1] = (uint8_t)count;
        return p;
    }
    return proto_close_long(start, p);
}

/* proto_varint_bytes() - how long a varint is. */
static inline size_t proto_varint_bytes(uint64_t value)
{
    size_t bytes = 1;
    for (; value >= 0x80; value >>= 7) {
        bytes++;
    }
    return bytes;
}
