/* SPDX-License-Identifier: MIT */
/* SHA-256, and a key made of a passphrase by it (FIPS 180-4, "Secure Hash Standard"; RFC 8018, "PBKDF2"). */
#pragma once

#include "base/types.h"

#define SHA256_BYTES       32u
#define SHA256_BLOCK_BYTES 64u

struct sha256 {
    uint32_t state[8];
    uint8_t block[SHA256_BLOCK_BYTES]; /* what is not whole yet */
    uint64_t bytes;
};

/* sha256_begin(), any number of sha256_add(), sha256_end() - the hash of all that was added. Cannot fail. */
void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t bytes);
void sha256_end(struct sha256 *hash, uint8_t out[SHA256_BYTES]);

/*
 * sha256_stretch() - PBKDF2 with HMAC-SHA-256, one block of key: what takes `rounds` times as long to guess.
 *
 * Cost: two compressions a round, some 2,500 instructions each.
 */
void sha256_stretch(const void *secret, size_t secret_bytes, const void *salt, size_t salt_bytes,
                    uint32_t rounds, uint8_t out[SHA256_BYTES]);

/* sha256_forget() - clear a secret, which no compiler leaves out because nobody reads it again. */
void sha256_forget(void *secret, size_t bytes);
