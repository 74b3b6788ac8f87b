/* sha256.c: two forms of the compression function for one state, and hashing of files.
 *
 * Constants are the first 32 bits of the fractional parts of the square roots (state) and cube roots (rounds) of the
 * first primes. */
#include "sha256.h"
#include "file_open.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <immintrin.h>
#define HAVE_SHA_NI 1
#else
#define HAVE_SHA_NI 0
#endif

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotr(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void compress_portable(uint32_t h[8], const unsigned char *p, size_t count) {
    for (; count; count--, p += 64) {
        uint32_t w[64], s[8];
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
        for (int i = 16; i < 64; i++) {
            uint32_t a = w[i - 15], b = w[i - 2];
            w[i] = w[i - 16] + w[i - 7] + (rotr(a, 7) ^ rotr(a, 18) ^ a >> 3) + (rotr(b, 17) ^ rotr(b, 19) ^ b >> 10);
        }
        memcpy(s, h, sizeof s);
        for (int i = 0; i < 64; i++) { /* s: a b c d e f g h */
            uint32_t t1 = s[7] + (rotr(s[4], 6) ^ rotr(s[4], 11) ^ rotr(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) +
                          K[i] + w[i];
            uint32_t t2 =
                (rotr(s[0], 2) ^ rotr(s[0], 13) ^ rotr(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
            memmove(s + 1, s, 7 * sizeof *s);
            s[4] += t1;
            s[0] = t1 + t2;
        }
        for (int i = 0; i < 8; i++) h[i] += s[i];
    }
}

#if HAVE_SHA_NI
/* The instructions hold the state as ABEF and CDGH, and take two rounds at a time: the schedule's next four words come
 * from sha256msg1/msg2 and one shifted addition. */
__attribute__((target("sha,sse4.1,ssse3"))) static void compress_sha_ni(uint32_t h[8], const unsigned char *p,
                                                                        size_t count) {
    const __m128i SWAP = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)h);
    __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(h + 4));
    __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    for (; count; count--, p += 64) {
        __m128i old_abef = abef, old_cdgh = cdgh, w[4];
        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)), SWAP);
        for (int i = 0; i < 16; i++) {
            __m128i now = w[i & 3];
            if (i >= 4) {
                __m128i mixed = _mm_sha256msg1_epu32(now, w[(i + 1) & 3]);
                mixed = _mm_add_epi32(mixed, _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
                w[i & 3] = now = _mm_sha256msg2_epu32(mixed, w[(i + 3) & 3]);
            }
            __m128i k = _mm_add_epi32(now, _mm_loadu_si128((const __m128i *)(const void *)(K + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(k, 0x0e));
        }
        abef = _mm_add_epi32(abef, old_abef);
        cdgh = _mm_add_epi32(cdgh, old_cdgh);
    }
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(dchg, feba, 8));
}

bool sha256_accelerated(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1); /* SHA */
}
#else
bool sha256_accelerated(void) { return false; }
#endif

void sha256_init_portable(Sha256 *s) {
    static const uint32_t START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memset(s, 0, sizeof *s);
    memcpy(s->h, START, sizeof START);
    s->compress = compress_portable;
}

void sha256_init(Sha256 *s) {
    sha256_init_portable(s);
#if HAVE_SHA_NI
    if (sha256_accelerated()) s->compress = compress_sha_ni;
#endif
}

void sha256_update(Sha256 *s, const void *bytes, size_t size) {
    const unsigned char *p = bytes;
    size_t have = s->size & 63;
    if (!size) return;
    s->size += size;
    if (have) {
        size_t n = size < 64 - have ? size : 64 - have;
        memcpy(s->block + have, p, n);
        if (have + n < 64) return;
        s->compress(s->h, s->block, 1);
        p += n;
        size -= n;
    }
    s->compress(s->h, p, size / 64);
    memcpy(s->block, p + (size & ~(size_t)63), size & 63);
}

void sha256_final(Sha256 *s, unsigned char digest[32]) {
    uint64_t bits = s->size * 8;
    unsigned char pad[72] = {0x80};
    size_t have = s->size & 63, zeros = (have < 56 ? 56 : 120) - have;
    for (int i = 0; i < 8; i++) pad[zeros + (size_t)i] = (unsigned char)(bits >> (56 - 8 * i));
    sha256_update(s, pad, zeros + 8);
    for (int i = 0; i < 32; i++) digest[i] = (unsigned char)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256_hex(const unsigned char digest[32], char hex[65]) {
    for (int i = 0; i < 64; i++) hex[i] = "0123456789abcdef"[digest[i / 2] >> (i & 1 ? 0 : 4) & 15];
    hex[64] = 0;
}

static bool hash_open(OsFile f, const char *path, uint64_t size, uint64_t begin, uint64_t left, char hex[65],
                      Sha256Progress *progress, void *user, Error *e) {
    enum { PIECE = 1 << 22 };
    if (begin > size) begin = size;
    if (left > size - begin) left = size - begin;
    unsigned char *buf = malloc(PIECE);
    if (!buf) return error_set(e, ERR_MEMORY, "%s: cannot allocate memory to hash it; free some and try again", path);
    Sha256 s;
    sha256_init(&s);
    bool ok = true;
    uint64_t done = 0;
    while (ok && done < left) {
        uint64_t want = left - done < PIECE ? left - done : PIECE;
        int64_t n = os_read(f, buf, (size_t)want, begin + done);
        if (n < 0) ok = error_set(e, ERR_FILE, "%s: cannot be read: %s; check the disk", path, strerror(errno));
        else if (n == 0) ok = error_set(e, ERR_FILE, "%s: was shortened while it was read; try again", path);
        else {
            sha256_update(&s, buf, (size_t)n);
            done += (uint64_t)n;
            if (progress && !progress(user, done, left))
                ok = error_set(e, ERR_CANCELLED, "%s: hashing was stopped", path);
        }
    }
    free(buf);
    if (!ok) return false;
    unsigned char digest[32];
    sha256_final(&s, digest);
    sha256_hex(digest, hex);
    return true;
}

bool sha256_file_part(const char *path, uint64_t begin, uint64_t size, char hex[65], Sha256Progress *progress,
                      void *user, Error *e) {
    OsInfo info;
    OsFile f = file_open(path, "name a file", &info, e);
    if (f == OS_NO_FILE) return false;
    bool ok = info.kind == OS_REGULAR || error_set(e, ERR_FILE, "%s: is not a regular file; name a file", path);
    ok = ok && hash_open(f, path, info.size, begin, size, hex, progress, user, e);
    os_close(f);
    return ok;
}

bool sha256_file(const char *path, char hex[65], Error *e) {
    return sha256_file_part(path, 0, UINT64_MAX, hex, NULL, NULL, e);
}
