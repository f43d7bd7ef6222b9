/* SPDX-License-Identifier: MIT */
/*
 * Packets of gdb's remote protocol: $data#xx, with + and - as answers. Source: gdb manual, appendix
 * "GDB Remote Serial Protocol", "Overview".
 */
#pragma once

#include "base/types.h"

#define KD_PACKET_BYTES 8192u /* of data, in either direction */

enum kd_packet_event { KD_PACKET_MORE, KD_PACKET_GOOD, KD_PACKET_DAMAGED, KD_PACKET_INTERRUPT };

struct kd_packet {
    char data[KD_PACKET_BYTES + 1]; /* with a NUL behind it */
    size_t length;
    uint8_t state, sum, wanted;
};

/* kd_packet_feed() - one received byte. GOOD: data is complete, and the next byte begins a new
 * packet. INTERRUPT: 0x03 between packets. What is neither is skipped. */
enum kd_packet_event kd_packet_feed(struct kd_packet *packet, unsigned char byte);

/* kd_packet_put() - append text to an answer; what has no room is cut. kd_packet_put_hex() - bytes
 * as two digits each. kd_packet_put_binary() - bytes as they are, those that frames are made of
 * escaped. kd_packet_put_number() - hex without leading zeros. */
void kd_packet_put(struct kd_packet *packet, const char *text);
void kd_packet_put_hex(struct kd_packet *packet, const void *bytes, size_t count);
void kd_packet_put_binary(struct kd_packet *packet, const void *bytes, size_t count);
void kd_packet_put_number(struct kd_packet *packet, uint64_t number);

/* kd_packet_send() - with frame and checksum; what repeats itself is counted. */
void kd_packet_send(const struct kd_packet *packet, void (*put)(char c));

/* kd_hex_number() - take a hex number off the text. False: none is there. kd_hex_bytes() - take
 * `count` bytes of two digits. kd_hex_take() - take this character. */
bool kd_hex_number(const char **at, uint64_t *out);
bool kd_hex_bytes(const char **at, void *to, size_t count);
bool kd_hex_take(const char **at, char c);

/* kd_packet_take_binary() - take bytes, escaped ones among them, off a packet up to its end, or as many as there is room for.
 * Returns how many. */
size_t kd_packet_take_binary(const char **at, const char *end, void *to, size_t room);
