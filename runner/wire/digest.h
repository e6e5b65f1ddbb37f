#pragma once
/*
 * Checksums and hashes.  Pure; any thread.  The only owner of openssl's digests and of isa-l.
 *
 * enum sum_kind names the checksums that can be combined from parts, in the forms the providers
 * use: CRC-64/XZ (OSS and TOS "crc64ecma"), CRC-64/NVME, CRC-32C, CRC-32 (S3).  All start at 0
 * and are continued by passing the last value: sum_update(kind, sum_update(kind, 0, a), b).
 */
#include "base/buf.h"

enum sum_kind { SUM_NONE, SUM_CRC64, SUM_CRC64NVME, SUM_CRC32C, SUM_CRC32, SUM_KINDS };

const char *sum_name(enum sum_kind kind); /* "none", "crc64", "crc64nvme", "crc32c", "crc32" */
bool sum_parse(const char *name, enum sum_kind *kind);
uint64_t sum_update(enum sum_kind kind, uint64_t sum, const void *data, size_t len);
/* The sum of A followed by B, from both sums and the length of B.  O(log len). */
uint64_t sum_combine(enum sum_kind kind, uint64_t a, uint64_t b, int64_t len_b);
/* As S3 writes it in x-amz-checksum-*: Base64 of the big-endian bytes; `out` holds 16. */
void sum_base64(enum sum_kind kind, uint64_t sum, char out[16]);
bool sum_from_base64(enum sum_kind kind, const char *text, uint64_t *sum);

#define MD5_LEN    16
#define SHA256_LEN 32

void digest_md5(const void *data, size_t len, uint8_t out[MD5_LEN]);
void digest_sha256(const void *data, size_t len, uint8_t out[SHA256_LEN]);
void digest_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                        uint8_t out[SHA256_LEN]);
void digest_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len,
                      uint8_t out[20]);

/* MD5 or SHA-256 of bytes that come in pieces.  `md5` false: SHA-256. */
struct hasher;
struct hasher *hasher_new(bool md5);
void hasher_add(struct hasher *hasher, const void *data, size_t len);
void hasher_end(struct hasher *hasher,
                uint8_t *out); /* frees it; out holds MD5_LEN or SHA256_LEN */

void digest_hex(const uint8_t *bytes, size_t len, char *out);    /* 2 * len digits and NUL */
bool digest_unhex(const char *text, size_t len, uint8_t *out);   /* exactly 2 * len digits */
void digest_base64(const uint8_t *bytes, size_t len, char *out); /* 4 * ceil(len/3) and NUL */
bool digest_unbase64(const char *text, uint8_t *out, size_t max, size_t *len);
/* Overwrites memory that held a secret, in a way the compiler keeps. */
void digest_wipe(void *data, size_t len);
