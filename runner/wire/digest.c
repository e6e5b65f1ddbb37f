#include "wire/digest.h"
#include <isa-l/crc.h>
#include <isa-l/crc64.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* --- checksums ------------------------------------------------------------------------ */

#define PIECE (1u << 30) /* isa-l and zlib count with int */

static uint64_t crc64_xz(uint64_t sum, const uint8_t *data, size_t len)
{
    return crc64_ecma_refl(sum, data, len);
}

/* isa-l leaves both inversions of CRC-32C to its caller. */
static uint64_t crc32c(uint64_t sum, const uint8_t *data, size_t len)
{
    /* It only reads, though its argument is not const. */
    return ~crc32_iscsi((unsigned char *)(uintptr_t)data, (int)len, ~(unsigned)sum);
}

static uint64_t crc32_zlib(uint64_t sum, const uint8_t *data, size_t len)
{
    return crc32((uLong)sum, data, (uInt)len);
}

/* CRC-64/NVME is not in isa-l 2.30: sixteen tables, one for each byte of a step. */
#define NVME_POLY UINT64_C(0x9a6c9329ac4bc9b5)
#define SLICES    16
static uint64_t nvme_table[SLICES][256];
static pthread_once_t nvme_once = PTHREAD_ONCE_INIT;

static void fill_nvme(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ NVME_POLY : crc >> 1;
        nvme_table[0][i] = crc;
    }
    for (unsigned n = 1; n < SLICES; n++)
        for (unsigned i = 0; i < 256; i++) {
            uint64_t before = nvme_table[n - 1][i];
            nvme_table[n][i] = before >> 8 ^ nvme_table[0][before & 0xff];
        }
}

static uint64_t nvme_step(uint64_t crc, const uint8_t *data)
{
    uint64_t next = 0;
#pragma GCC unroll 16
    for (unsigned i = 0; i < SLICES; i++) {
        uint64_t byte = i < 8 ? data[i] ^ (crc >> (8 * i) & 0xff) : data[i];
        next ^= nvme_table[15 - i][byte];
    }
    return next;
}

static uint64_t crc64_nvme(uint64_t sum, const uint8_t *data, size_t len)
{
    pthread_once(&nvme_once, fill_nvme);
    uint64_t crc = ~sum;
    for (; len >= SLICES; data += SLICES, len -= SLICES)
        crc = nvme_step(crc, data);
    for (; len > 0; data++, len--)
        crc = crc >> 8 ^ nvme_table[0][(crc ^ *data) & 0xff];
    return ~crc;
}

static const struct sum_type {
    const char *name;
    uint64_t poly; /* reflected: the lowest bit is the highest power */
    unsigned bytes;
    uint64_t (*update)(uint64_t sum, const uint8_t *data, size_t len);
} sum_types[] = {
    [SUM_NONE] = {"none", 0, 0, NULL},
    [SUM_CRC64] = {"crc64", UINT64_C(0xc96c5795d7870f42), 8, crc64_xz},
    [SUM_CRC64NVME] = {"crc64nvme", NVME_POLY, 8, crc64_nvme},
    [SUM_CRC32C] = {"crc32c", 0x82f63b78, 4, crc32c},
    [SUM_CRC32] = {"crc32", 0xedb88320, 4, crc32_zlib},
};
#define SUM_TYPES (sizeof sum_types / sizeof *sum_types)

const char *sum_name(enum sum_kind kind)
{
    return sum_types[kind].name;
}

bool sum_parse(const char *name, enum sum_kind *kind)
{
    for (unsigned i = 0; i < SUM_TYPES; i++) {
        if (strcmp(name, sum_types[i].name) == 0) {
            *kind = (enum sum_kind)i;
            return true;
        }
    }
    return false;
}

uint64_t sum_update(enum sum_kind kind, uint64_t sum, const void *data, size_t len)
{
    const struct sum_type *type = &sum_types[kind];
    const uint8_t *at = data;
    while (type->update && len > 0) {
        size_t n = len < PIECE ? len : PIECE;
        sum = type->update(sum, at, n);
        if (type->bytes == 4)
            sum &= UINT32_MAX;
        at += n;
        len -= n;
    }
    return sum;
}

/* a * b modulo the polynomial; `one` is the bit that stands for x to the power of 0. */
static uint64_t poly_multiply(uint64_t a, uint64_t b, uint64_t poly, uint64_t one)
{
    uint64_t product = 0;
    for (uint64_t bit = one; a; bit >>= 1) {
        if (a & bit) {
            product ^= b;
            a ^= bit;
        }
        b = b & 1 ? b >> 1 ^ poly : b >> 1;
    }
    return product;
}

uint64_t sum_combine(enum sum_kind kind, uint64_t a, uint64_t b, int64_t len_b)
{
    const struct sum_type *type = &sum_types[kind];
    if (!type->update || len_b <= 0)
        return len_b <= 0 ? a : 0;
    uint64_t one = type->bytes == 8 ? UINT64_C(1) << 63 : UINT64_C(1) << 31;
    uint64_t square = one >> 8; /* x to the power of 8: one byte */
    uint64_t shift = one;
    for (uint64_t n = (uint64_t)len_b; n; n >>= 1) {
        if (n & 1)
            shift = poly_multiply(shift, square, type->poly, one);
        square = poly_multiply(square, square, type->poly, one);
    }
    return poly_multiply(a, shift, type->poly, one) ^ b;
}

void sum_base64(enum sum_kind kind, uint64_t sum, char out[16])
{
    uint8_t bytes[8];
    unsigned n = sum_types[kind].bytes;
    for (unsigned i = 0; i < n; i++)
        bytes[i] = (uint8_t)(sum >> (8 * (n - 1 - i)));
    digest_base64(bytes, n, out);
}

bool sum_from_base64(enum sum_kind kind, const char *text, uint64_t *sum)
{
    uint8_t bytes[8];
    size_t len;
    if (kind == SUM_NONE || !digest_unbase64(text, bytes, sizeof bytes, &len) ||
        len != sum_types[kind].bytes)
        return false;
    *sum = 0;
    for (size_t i = 0; i < len; i++)
        *sum = *sum << 8 | bytes[i];
    return true;
}

/* --- hashes --------------------------------------------------------------------------- */

enum algorithm { MD5, SHA1, SHA256, ALGORITHMS };

/* Contexts of one thread, each bound to its algorithm: OpenSSL 3 takes longer to find an algorithm
 * than to hash a small text. */
struct contexts {
    EVP_MD_CTX *of[ALGORITHMS];
};

static pthread_once_t contexts_once = PTHREAD_ONCE_INIT;
static pthread_key_t contexts_key;

static void must(int ok)
{
    if (ok != 1)
        abort();
}

static EVP_MD_CTX *new_context(enum algorithm algorithm)
{
    const EVP_MD *md = algorithm == MD5 ? EVP_md5() : algorithm == SHA1 ? EVP_sha1() : EVP_sha256();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context)
        abort();
    must(EVP_DigestInit_ex(context, md, NULL));
    return context;
}

static void free_contexts(void *data)
{
    struct contexts *contexts = data;
    for (int i = 0; i < ALGORITHMS; i++)
        EVP_MD_CTX_free(contexts->of[i]);
    free(contexts);
}

static void make_key(void)
{
    if (pthread_key_create(&contexts_key, free_contexts) != 0)
        abort();
}

/* This thread's context, ready for new bytes. */
static EVP_MD_CTX *context_for(enum algorithm algorithm)
{
    pthread_once(&contexts_once, make_key);
    struct contexts *contexts = pthread_getspecific(contexts_key);
    if (!contexts) {
        contexts = xcalloc(1, sizeof *contexts);
        pthread_setspecific(contexts_key, contexts);
    }
    if (contexts->of[algorithm])
        must(EVP_DigestInit_ex(contexts->of[algorithm], NULL, NULL));
    else
        contexts->of[algorithm] = new_context(algorithm);
    return contexts->of[algorithm];
}

/* The hash of two texts one after the other. */
static void hash(enum algorithm algorithm, const struct slice part[2], uint8_t *out)
{
    EVP_MD_CTX *context = context_for(algorithm);
    for (int i = 0; i < 2; i++)
        must(EVP_DigestUpdate(context, part[i].data, part[i].len));
    must(EVP_DigestFinal_ex(context, out, NULL));
}

static void hash_one(enum algorithm algorithm, const void *data, size_t len, uint8_t *out)
{
    hash(algorithm, (struct slice[2]){{data, len}, {NULL, 0}}, out);
}

void digest_md5(const void *data, size_t len, uint8_t out[MD5_LEN])
{
    hash_one(MD5, data, len, out);
}

void digest_sha256(const void *data, size_t len, uint8_t out[SHA256_LEN])
{
    hash_one(SHA256, data, len, out);
}

/* HMAC by its definition: with a context at hand that is far faster than EVP_MAC. */
static void hmac(enum algorithm algorithm, size_t size, struct slice key, struct slice data,
                 uint8_t *out)
{
    char inner[64] = {0}, outer[64], digest[SHA256_LEN];
    if (key.len > sizeof inner)
        hash_one(algorithm, key.data, key.len, (uint8_t *)inner);
    else if (key.len)
        memcpy(inner, key.data, key.len);
    for (size_t i = 0; i < sizeof inner; i++) {
        outer[i] = (char)(inner[i] ^ 0x5c);
        inner[i] = (char)(inner[i] ^ 0x36);
    }
    hash(algorithm, (struct slice[2]){{inner, sizeof inner}, data}, (uint8_t *)digest);
    hash(algorithm, (struct slice[2]){{outer, sizeof outer}, {digest, size}}, out);
    digest_wipe(inner, sizeof inner);
    digest_wipe(outer, sizeof outer);
}

void digest_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                        uint8_t out[SHA256_LEN])
{
    hmac(SHA256, SHA256_LEN, (struct slice){key, key_len}, (struct slice){data, len}, out);
}

void digest_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len,
                      uint8_t out[20])
{
    hmac(SHA1, 20, (struct slice){key, key_len}, (struct slice){data, len}, out);
}

struct hasher {
    EVP_MD_CTX *context;
};

struct hasher *hasher_new(bool md5)
{
    struct hasher *hasher = xmalloc(sizeof *hasher);
    hasher->context = new_context(md5 ? MD5 : SHA256);
    return hasher;
}

void hasher_add(struct hasher *hasher, const void *data, size_t len)
{
    must(EVP_DigestUpdate(hasher->context, data, len));
}

void hasher_end(struct hasher *hasher, uint8_t *out)
{
    must(EVP_DigestFinal_ex(hasher->context, out, NULL));
    EVP_MD_CTX_free(hasher->context);
    free(hasher);
}

void digest_wipe(void *data, size_t len)
{
    OPENSSL_cleanse(data, len);
}

/* --- bytes as text -------------------------------------------------------------------- */

void digest_hex(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool digest_unhex(const char *text, size_t len, uint8_t *out)
{
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(text[2 * i]);
        int low = high < 0 ? -1 : hex_value(text[2 * i + 1]);
        if (low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void digest_base64(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t)bytes[i] << 16;
        group |= n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        group |= n > 2 ? bytes[i + 2] : 0;
        for (size_t k = 0; k < 4; k++)
            *out++ = k <= n ? base64_digits[group >> (18 - 6 * k) & 63] : '=';
    }
    *out = '\0';
}

static int base64_value(char c)
{
    const char *at = c ? strchr(base64_digits, c) : NULL;
    return at ? (int)(at - base64_digits) : -1;
}

bool digest_unbase64(const char *text, uint8_t *out, size_t max, size_t *len)
{
    size_t chars = strlen(text), pad = 0;
    while (pad < 2 && pad < chars && text[chars - 1 - pad] == '=')
        pad++;
    size_t digits = chars - pad, need = chars / 4 * 3 - pad;
    if (chars % 4 != 0 || (chars > 0 && need > max))
        return false;
    uint32_t group = 0;
    *len = 0;
    for (size_t i = 0; i < digits; i++) {
        int value = base64_value(text[i]);
        if (value < 0)
            return false;
        group = group << 6 | (uint32_t)value;
        if (i % 4 != 0)
            out[(*len)++] = (uint8_t)(group >> (6 - 2 * (i % 4)));
    }
    return true;
}
