/* SPDX-License-Identifier: MIT */
/* Packets about registers and memory (stub.h). Source: gdb manual, "Packets", "General Query Packets". */
#include "kdebug/remote/stub.h"

#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/search.h"
#include "kdebug/core/target.h"
#include "kdebug/remote/registers.h"

#define CRC_POLYNOMIAL 0x04c11db7u
#define LENGTH_MAX     0x4000000u

extern const char kernel_text_start[], kernel_text_end[];

/* ---- registers ---- */

static unsigned count_registers(void)
{
    return kd_remote.has_description ? KD_REMOTE_ALL : KD_REMOTE_PLAIN;
}

static void put_register(const struct kd_remote_registers *from, unsigned number)
{
    uint64_t value;
    unsigned bytes = kd_remote_register_bytes(number);
    if (kd_remote_register_in(from, number, &value)) {
        kd_packet_put_hex(&kd_remote.answer, &value, bytes);
        return;
    }
    for (unsigned i = 0; i < bytes; i++) {
        kd_packet_put(&kd_remote.answer, "xx"); /* not available */
    }
}

void kd_remote_read_all(const char *at UNUSED)
{
    struct kd_remote_registers from;
    kd_remote_registers_of(kd_remote.selected, &from);
    for (unsigned number = 0; number < count_registers(); number++) {
        put_register(&from, number);
    }
}

void kd_remote_read_one(const char *at)
{
    struct kd_remote_registers from;
    uint64_t number;
    if (kd_hex_number(&at, &number) && number < count_registers()) {
        kd_remote_registers_of(kd_remote.selected, &from);
        put_register(&from, (unsigned)number);
    } else {
        kd_remote_say("E01");
    }
}

/* What has no room in 8 bytes is never known, and not written. */
static bool take_register(const char **at, unsigned number)
{
    uint64_t value[2] = {0};
    uint64_t old;
    if (!kd_hex_bytes(at, value, kd_remote_register_bytes(number))) {
        return false;
    }
    (void)kd_remote_register_read(kd_remote.selected, number, &old); /* 0 if it is not known */
    return value[0] == old || kd_remote_register_write(kd_remote.selected, number, value[0]);
}

void kd_remote_write_all(const char *at)
{
    bool fine = true;
    for (unsigned number = 0; number < count_registers() && *at != '\0'; number++) {
        fine = take_register(&at, number) && fine;
    }
    kd_remote_say(fine ? "OK" : "E01");
}

void kd_remote_write_one(const char *at)
{
    uint64_t number;
    bool fine = kd_hex_number(&at, &number) && kd_hex_take(&at, '=') &&
                number < count_registers() && take_register(&at, (unsigned)number);
    kd_remote_say(fine ? "OK" : "E01");
}

/* ---- memory ---- */

/* As much of the range as there is from its start on, KD_REMOTE_CHUNK at most. */
static uint64_t read_some(uint64_t address, uint64_t length, uint8_t *to)
{
    length = MIN(length, (uint64_t)KD_REMOTE_CHUNK);
    while (length > 0 &&
           kd_read(kd_remote_space(kd_remote.selected, address), address, to, length) != OK) {
        length /= 2;
    }
    return length;
}

void kd_remote_read_memory(const char *at)
{
    uint8_t bytes[KD_REMOTE_CHUNK];
    uint64_t address, length;
    if (!kd_remote_take_range(&at, &address, &length)) {
        kd_remote_say("E01");
        return;
    }
    length = read_some(address, length, bytes);
    kd_remote_say(length == 0 ? "E14" : "");
    kd_packet_put_hex(&kd_remote.answer, bytes, length);
}

void kd_remote_read_binary(const char *at)
{
    uint8_t bytes[KD_REMOTE_CHUNK];
    uint64_t address, length;
    if (!kd_remote_take_range(&at, &address, &length)) {
        kd_remote_say("E01");
        return;
    }
    uint64_t count = read_some(address, length, bytes);
    kd_remote_say(count == 0 && length != 0 ? "E14" : "b");
    kd_packet_put_binary(&kd_remote.answer, bytes, count);
}

/* Kernel text is changed by breakpoints only. */
static bool may_write(uint64_t address, uint64_t length)
{
    return address >= KD_GLOBAL(kernel_text_end) ||
           (address < KD_GLOBAL(kernel_text_start) &&
            length <= KD_GLOBAL(kernel_text_start) - address);
}

static void store(uint64_t address, const void *bytes, uint64_t length)
{
    bool fine = may_write(address, length) && kd_write(kd_remote_space(kd_remote.selected, address),
                                                       address, bytes, length) == OK;
    kd_remote_say(fine ? "OK" : "E14");
}

void kd_remote_write_memory(const char *at)
{
    uint8_t bytes[KD_REMOTE_CHUNK];
    uint64_t address, length;
    if (kd_remote_take_range(&at, &address, &length) && kd_hex_take(&at, ':') &&
        length <= KD_REMOTE_CHUNK && kd_hex_bytes(&at, bytes, length)) {
        store(address, bytes, length);
    } else {
        kd_remote_say("E01");
    }
}

void kd_remote_write_binary(const char *at)
{
    uint8_t bytes[KD_REMOTE_CHUNK];
    uint64_t address, length;
    const char *end = kd_remote.received.data + kd_remote.received.length;
    if (kd_remote_take_range(&at, &address, &length) && kd_hex_take(&at, ':') &&
        length <= KD_REMOTE_CHUNK && kd_packet_take_binary(&at, end, bytes, length) == length) {
        store(address, bytes, length);
    } else {
        kd_remote_say("E01");
    }
}

/* ---- whole ranges ---- */

/* gdb manual, "qCRC": CRC-32 with the most significant bit first, from all ones. */
static uint32_t add_to_crc(uint32_t crc, const uint8_t *bytes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        crc ^= (uint32_t)bytes[i] << 24;
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc << 1 ^ (crc >> 31 ? CRC_POLYNOMIAL : 0);
        }
    }
    return crc;
}

void kd_remote_check_memory(const char *at)
{
    uint8_t bytes[KD_REMOTE_CHUNK];
    uint64_t address, length;
    uint32_t crc = UINT32_MAX;
    kd_remote_say("E01");
    if (!kd_remote_take_range(&at, &address, &length) || length > LENGTH_MAX ||
        !kd_permits(KD_READS)) {
        return;
    }
    while (length > 0) {
        uint64_t count = MIN(length, (uint64_t)KD_REMOTE_CHUNK);
        if (kd_read(kd_remote_space(kd_remote.selected, address), address, bytes, count) != OK) {
            return;
        }
        crc = add_to_crc(crc, bytes, count);
        address += count;
        length -= count;
    }
    kd_remote_say("C");
    kd_packet_put_number(&kd_remote.answer, crc);
}

void kd_remote_search_memory(const char *at)
{
    uint8_t pattern[KD_PATTERN_MAX];
    uint64_t address, length;
    const char *end = kd_remote.received.data + kd_remote.received.length;
    kd_remote_say("E01");
    if (!kd_permits(KD_READS) || !kd_hex_number(&at, &address) || !kd_hex_take(&at, ';') ||
        !kd_hex_number(&at, &length) || length > LENGTH_MAX || !kd_hex_take(&at, ';')) {
        return;
    }
    size_t bytes = kd_packet_take_binary(&at, end, pattern, sizeof(pattern));
    if (bytes == 0 || at != end) {
        return;
    }
    kd_space_t space = kd_remote_space(kd_remote.selected, address);
    bool found = kd_search(space, &address, length, pattern, bytes);
    kd_remote_say(found ? "1," : "0");
    if (found) {
        kd_packet_put_number(&kd_remote.answer, address);
    }
}
