/* fuzz_inflate.c: decompression. What is whole is the same whatever the pieces in which it is asked for and given, and
 * compressed again it is the same once more. The first byte chooses gzip and the pieces. */
#include "fuzz.h"

#include "sd/image/codecs/deflate.h"
#include "sd/image/codecs/inflate.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20 };

typedef struct {
    const uint8_t *p;
    size_t left, piece;
} Feed;

static const uint8_t *next(void *user, size_t *size) {
    Feed *f = user;
    const uint8_t *p = f->p;
    *size = f->left < f->piece ? f->left : f->piece;
    f->p += *size, f->left -= *size;
    return *size ? p : NULL;
}

static void in_pieces(const uint8_t *data, size_t size, bool gzip, size_t piece, const char *whole, size_t n) {
    Feed feed = {data, size, piece};
    const char *why = NULL;
    uint8_t out[64];
    size_t at = 0, got;
    Inflate *s = inflate_begin(next, &feed, gzip);
    if (!s) abort();
    while ((got = inflate_read(s, out, 1 + piece % 64)) > 0 && at + got <= n) {
        fuzz_require(!memcmp(whole + at, out, got));
        at += got;
    }
    fuzz_require(at == n && inflate_whole(s, &why));
    inflate_end(s);
}

FUZZ(inflate) {
    if (!size) return;
    bool gzip = data[0] & 1;
    size_t piece = 1 + (data[0] >> 1), n = 0, again_n = 0;
    Error e = {0};
    char *out = NULL, *again = NULL;
    uint8_t *packed = NULL;
    size_t packed_n = 0;
    bool ok = fuzz_verdict(inflate_string(data + 1, size - 1, gzip, MOST, &out, &n, &e), &e);
    if (ok) {
        fuzz_require(n <= MOST && !out[n]);
        in_pieces(data + 1, size - 1, gzip, piece, out, n);
        ok = zlib_compress((const uint8_t *)out, n, &packed, &packed_n, &e) &&
             inflate_string(packed, packed_n, false, MOST, &again, &again_n, &e);
        fuzz_require(fuzz_verdict(ok, &e) && again_n == n && !memcmp(again, out, n));
    }
    free(packed);
    free(again);
    if (ok) free(out);
}
