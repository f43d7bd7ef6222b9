/* SPDX-License-Identifier: MIT */
/* Packets of gdb's remote protocol (packet.h): pure functions over bytes. */
#include "kdebug/remote/packet.h"

#include "base/string.h"

#define INTERRUPT 0x03
#define ESCAPE    '}'
#define ESCAPED   0x20

/* "0*=" is a 0 and '=' - 29 further ones. Source: gdb manual, "Overview" of the protocol. */
#define REPEATS_BASE 29u
#define REPEATS_MIN  3u /* shorter ones gain nothing */
#define REPEATS_MAX  97u

enum state { OUTSIDE, INSIDE, FIRST_DIGIT, SECOND_DIGIT };

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static void begin(struct kd_packet *packet)
{
    packet->state = INSIDE;
    packet->length = 0;
    packet->sum = 0;
}

static void take_inside(struct kd_packet *packet, unsigned char byte)
{
    if (byte == '#') {
        packet->state = FIRST_DIGIT;
        return;
    }
    packet->sum = (uint8_t)(packet->sum + byte);
    if (packet->length < KD_PACKET_BYTES) {
        packet->data[packet->length++] = (char)byte;
    }
}

enum kd_packet_event kd_packet_feed(struct kd_packet *packet, unsigned char byte)
{
    int digit = digit_of((char)byte);
    if (byte == '$') {
        begin(packet); /* also in the middle of one: its end was lost */
        return KD_PACKET_MORE;
    }
    switch (packet->state) {
    case INSIDE:
        take_inside(packet, byte);
        return KD_PACKET_MORE;
    case FIRST_DIGIT:
        packet->wanted = (uint8_t)((unsigned)digit << 4);
        packet->state = digit < 0 ? OUTSIDE : SECOND_DIGIT;
        return digit < 0 ? KD_PACKET_DAMAGED : KD_PACKET_MORE;
    case SECOND_DIGIT:
        packet->state = OUTSIDE;
        packet->data[packet->length] = '\0';
        return digit >= 0 && (packet->wanted | digit) == packet->sum ? KD_PACKET_GOOD
                                                                     : KD_PACKET_DAMAGED;
    default:
        return byte == INTERRUPT ? KD_PACKET_INTERRUPT : KD_PACKET_MORE;
    }
}

static const char digits[] = "0123456789abcdef";

static void put_char(struct kd_packet *packet, char c)
{
    if (packet->length < KD_PACKET_BYTES) {
        packet->data[packet->length++] = c;
        packet->data[packet->length] = '\0';
    }
}

void kd_packet_put(struct kd_packet *packet, const char *text)
{
    for (; *text != '\0'; text++) {
        put_char(packet, *text);
    }
}

void kd_packet_put_hex(struct kd_packet *packet, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < count; i++) {
        put_char(packet, digits[at[i] >> 4]);
        put_char(packet, digits[at[i] & 15]);
    }
}

void kd_packet_put_binary(struct kd_packet *packet, const void *bytes, size_t count)
{
    const char *at = bytes;
    for (size_t i = 0; i < count; i++) {
        if (at[i] == '#' || at[i] == '$' || at[i] == '*' || at[i] == ESCAPE) {
            put_char(packet, ESCAPE);
            put_char(packet, (char)(at[i] ^ ESCAPED));
        } else {
            put_char(packet, at[i]);
        }
    }
}

size_t kd_packet_take_binary(const char **at, const char *end, void *to, size_t room)
{
    char *bytes = to;
    size_t count = 0;
    while (*at < end && count < room) {
        char c = *(*at)++;
        if (c == ESCAPE && *at < end) {
            c = (char)(*(*at)++ ^ ESCAPED);
        }
        bytes[count++] = c;
    }
    return count;
}

void kd_packet_put_number(struct kd_packet *packet, uint64_t number)
{
    unsigned shift = 60;
    while (shift > 0 && number >> shift == 0) {
        shift -= 4;
    }
    for (;; shift -= 4) {
        put_char(packet, digits[number >> shift & 15]);
        if (shift == 0) {
            return;
        }
    }
}

/* How often the first character follows itself, as far as one count can say. Counts that would be characters of the protocol
 * are left out, as gdbserver does. */
static size_t count_repeats(const char *at, size_t left)
{
    size_t count = 0;
    while (count + 1 < left && count < REPEATS_MAX && at[count + 1] == at[0]) {
        count++;
    }
    while (count >= REPEATS_MIN && strchr("#$+-", (char)(count + REPEATS_BASE)) != NULL) {
        count--;
    }
    return count >= REPEATS_MIN ? count : 0;
}

static uint8_t send_counted(char c, uint8_t sum, void (*put)(char c))
{
    put(c);
    return (uint8_t)(sum + (uint8_t)c);
}

void kd_packet_send(const struct kd_packet *packet, void (*put)(char c))
{
    uint8_t sum = 0;
    put('$');
    for (size_t i = 0; i < packet->length; i++) {
        size_t repeats = count_repeats(packet->data + i, packet->length - i);
        sum = send_counted(packet->data[i], sum, put);
        if (repeats > 0) {
            sum = send_counted('*', sum, put);
            sum = send_counted((char)(repeats + REPEATS_BASE), sum, put);
            i += repeats;
        }
    }
    put('#');
    put(digits[sum >> 4]);
    put(digits[sum & 15]);
}

bool kd_hex_number(const char **at, uint64_t *out)
{
    const char *start = *at;
    *out = 0;
    for (int digit; (digit = digit_of(**at)) >= 0; ++*at) {
        *out = *out << 4 | (unsigned)digit;
    }
    return *at != start;
}

bool kd_hex_bytes(const char **at, void *to, size_t count)
{
    uint8_t *bytes = to;
    for (size_t i = 0; i < count; i++) {
        int high = digit_of((*at)[0]);
        int low = high < 0 ? -1 : digit_of((*at)[1]);
        if (low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
        *at += 2;
    }
    return true;
}

bool kd_hex_take(const char **at, char c)
{
    if (**at != c) {
        return false;
    }
    ++*at;
    return true;
}
