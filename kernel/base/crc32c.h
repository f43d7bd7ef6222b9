/* SPDX-License-Identifier: MIT */
/* CRC-32C (Castagnoli), the checksum of capture files. For the kernel, user space and host tools
 * alike. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * crc32c() - continue a checksum over more bytes.
 *
 * @crc   0 to begin, else what the call for the bytes before returned
 * @data  may be NULL if there are no bytes
 *
 * Cannot fail. Context: any. Cost: about one instruction per 8 bytes where the CPU has CRC32
 * (SSE4.2), 6 per byte elsewhere. Source: RFC 3720, appendix B.4 (test vectors); Intel SDM vol. 2A
 * "CRC32".
 */
uint32_t crc32c(uint32_t crc, const void *data, size_t bytes);

/* crc32c_table() - the same without the instruction. Public so that tests compare the two. */
uint32_t crc32c_table(uint32_t crc, const void *data, size_t bytes);
