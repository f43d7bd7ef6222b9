/* SPDX-License-Identifier: MIT */
/* SHA-256 and PBKDF2 (sha256.h). Names of variables as in FIPS 180-4, section 6.2. */
#include "kdebug/core/sha256.h"

#include "base/string.h"

#define LENGTH_BYTES 8u /* of the number of bits, at the end of the last block */

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value >> bits | value << (32 - bits);
}

static uint32_t load(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void store(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static void expand(uint32_t w[64], const uint8_t *block)
{
    for (unsigned t = 0; t < 16; t++) {
        w[t] = load(block + 4 * t);
    }
    for (unsigned t = 16; t < 64; t++) {
        uint32_t a = w[t - 15], b = w[t - 2];
        uint32_t sigma0 = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3;
        uint32_t sigma1 = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10;
        w[t] = sigma1 + w[t - 7] + sigma0 + w[t - 16];
    }
}

static void compress(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64], v[8];
    expand(w, block);
    memcpy(v, state, sizeof(v));
    for (unsigned t = 0; t < 64; t++) {
        uint32_t sum1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t t1 = v[7] + sum1 + choice + constants[t] + w[t];
        uint32_t sum0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += t1;
        v[0] = t1 + sum0 + majority;
    }
    for (unsigned i = 0; i < 8; i++) {
        state[i] += v[i];
    }
}

void sha256_begin(struct sha256 *hash)
{
    static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(hash->state, first, sizeof(first));
    hash->bytes = 0;
}

void sha256_add(struct sha256 *hash, const void *data, size_t bytes)
{
    const uint8_t *from = data;
    for (size_t i = 0; i < bytes; i++) {
        hash->block[hash->bytes++ % SHA256_BLOCK_BYTES] = from[i];
        if (hash->bytes % SHA256_BLOCK_BYTES == 0) {
            compress(hash->state, hash->block);
        }
    }
}

void sha256_end(struct sha256 *hash, uint8_t out[SHA256_BYTES])
{
    static const uint8_t one = 0x80, zero = 0;
    uint64_t bits = hash->bytes * 8;
    uint8_t length[LENGTH_BYTES];
    store(length, (uint32_t)(bits >> 32));
    store(length + 4, (uint32_t)bits);
    sha256_add(hash, &one, 1);
    while (hash->bytes % SHA256_BLOCK_BYTES != SHA256_BLOCK_BYTES - LENGTH_BYTES) {
        sha256_add(hash, &zero, 1);
    }
    sha256_add(hash, length, sizeof(length));
    for (unsigned i = 0; i < 8; i++) {
        store(out + 4 * i, hash->state[i]);
    }
}

void sha256_forget(void *secret, size_t bytes)
{
    volatile uint8_t *at = secret;
    while (bytes-- > 0) {
        *at++ = 0;
    }
}

/* HMAC (RFC 2104) begins with a block of the key: both halves, once for all rounds. */
struct hmac {
    struct sha256 inner, outer;
};

static void begin_half(struct sha256 *half, const uint8_t *key, uint8_t pad)
{
    uint8_t block[SHA256_BLOCK_BYTES];
    for (unsigned i = 0; i < sizeof(block); i++) {
        block[i] = key[i] ^ pad;
    }
    sha256_begin(half);
    sha256_add(half, block, sizeof(block));
    sha256_forget(block, sizeof(block));
    sha256_forget(half->block, sizeof(half->block));
}

static void hmac_begin(struct hmac *hmac, const void *secret, size_t bytes)
{
    uint8_t key[SHA256_BLOCK_BYTES] = {0};
    if (bytes > sizeof(key)) {
        struct sha256 hash;
        sha256_begin(&hash);
        sha256_add(&hash, secret, bytes);
        sha256_end(&hash, key);
        sha256_forget(&hash, sizeof(hash));
    } else {
        memcpy(key, secret, bytes);
    }
    begin_half(&hmac->inner, key, 0x36);
    begin_half(&hmac->outer, key, 0x5c);
    sha256_forget(key, sizeof(key));
}

static void hmac_end(const struct hmac *hmac, struct sha256 *inner, uint8_t out[SHA256_BYTES])
{
    struct sha256 outer = hmac->outer;
    sha256_end(inner, out);
    sha256_add(&outer, out, SHA256_BYTES);
    sha256_end(&outer, out);
}

void sha256_stretch(const void *secret, size_t secret_bytes, const void *salt, size_t salt_bytes,
                    uint32_t rounds, uint8_t out[SHA256_BYTES])
{
    static const uint8_t first_block[4] = {0, 0, 0, 1};
    struct hmac hmac;
    uint8_t last[SHA256_BYTES];
    hmac_begin(&hmac, secret, secret_bytes);
    struct sha256 inner = hmac.inner;
    sha256_add(&inner, salt, salt_bytes);
    sha256_add(&inner, first_block, sizeof(first_block));
    hmac_end(&hmac, &inner, last);
    memcpy(out, last, SHA256_BYTES);
    for (uint32_t round = 1; round < rounds; round++) {
        inner = hmac.inner;
        sha256_add(&inner, last, sizeof(last));
        hmac_end(&hmac, &inner, last);
        for (unsigned i = 0; i < SHA256_BYTES; i++) {
            out[i] ^= last[i];
        }
    }
    sha256_forget(&hmac, sizeof(hmac));
    sha256_forget(&inner, sizeof(inner));
    sha256_forget(last, sizeof(last));
}
