/* test_png.c: sd/image/codecs/png.c writes valid files (the test's own inflate and chunk reader read them back).
 * Compressed sizes are compared with those of zlib 1.2.13 at level 6. */
#include "test_image.h"
#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include "sd/image/codecs/crc32.h"
#include "sd/image/codecs/deflate.h"
#include "sd/image/image.h"
#include "sd/image/codecs/png.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A strict inflate: every code complete, every distance inside, the checksum right, nothing after it. */

typedef struct {
    const uint8_t *in;
    size_t n, at; /* at counts bits */
    bool bad;
} Bits;

static uint32_t take(Bits *b, int count) {
    uint32_t v = 0;
    for (int i = 0; i < count; i++, b->at++) {
        if (b->at / 8 >= b->n) return b->bad = true, 0;
        v |= (uint32_t)(b->in[b->at / 8] >> (b->at % 8) & 1) << i;
    }
    return v;
}

static int decode(Bits *b, const uint8_t *length, int n) { /* slow and simple: canonical codes, first bit first */
    uint32_t code = 0, first = 0;
    for (int bits = 1; bits <= 15; bits++) {
        code = code << 1 | take(b, 1);
        uint32_t count = 0;
        for (int i = 0; i < n; i++) count += length[i] == bits;
        if (code - first < count) {
            for (int i = 0; i < n; i++)
                if (length[i] == bits && code-- == first) return i;
        }
        first = (first + count) << 1;
    }
    b->bad = true;
    return 0;
}

static bool complete(const uint8_t *length, int n) {
    uint32_t used = 0;
    for (int i = 0; i < n; i++) used += length[i] ? 1u << (15 - length[i]) : 0;
    return used == 1u << 15;
}

/* Decompresses a zlib stream into out[capacity]; the number of bytes, or SIZE_MAX when anything is wrong. */
static size_t inflate_all(const uint8_t *in, size_t n, uint8_t *out, size_t capacity) {
    static const uint8_t ORDER[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    Bits b = {.in = in, .n = n};
    size_t k = 0;
    if (n < 6 || (in[0] & 15) != 8 || (in[0] * 256 + in[1]) % 31) return SIZE_MAX;
    b.at = 16;
    for (uint32_t last = 0; !last && !b.bad;) {
        last = take(&b, 1);
        if (take(&b, 2) != 2) return SIZE_MAX;
        int literals = (int)take(&b, 5) + 257, distances = (int)take(&b, 5) + 1, lengths = (int)take(&b, 4) + 4;
        uint8_t small[19] = {0}, all[320] = {0};
        for (int i = 0; i < lengths; i++) small[ORDER[i]] = (uint8_t)take(&b, 3);
        if (!complete(small, 19) || literals > 286 || distances > 30) return SIZE_MAX;
        for (int i = 0; i < literals + distances && !b.bad;) {
            int s = decode(&b, small, 19), run = 1;
            uint8_t v = (uint8_t)s;
            if (s == 16) v = i ? all[i - 1] : (b.bad = true, 0), run = 3 + (int)take(&b, 2);
            if (s == 17) v = 0, run = 3 + (int)take(&b, 3);
            if (s == 18) v = 0, run = 11 + (int)take(&b, 7);
            if (i + run > literals + distances) return SIZE_MAX;
            while (run--) all[i++] = v;
        }
        if (!complete(all, literals) || !complete(all + literals, distances)) return SIZE_MAX;
        for (int s; !b.bad && (s = decode(&b, all, literals)) != 256;) {
            if (s < 256) {
                if (k == capacity) return SIZE_MAX;
                out[k++] = (uint8_t)s;
                continue;
            }
            s -= 257;
            int extra = s < 8 || s == 28 ? 0 : s / 4 - 1;
            size_t length = s == 28 ? 258 : s < 8 ? (size_t)s + 3 : ((size_t)(4 + s % 4) << extra) + 3;
            length += take(&b, extra);
            int d = decode(&b, all + literals, distances);
            extra = d < 4 ? 0 : d / 2 - 1;
            size_t far = (d < 4 ? (size_t)d : (size_t)(2 + d % 2) << extra) + 1;
            far += take(&b, extra);
            if (far > k || far > 32768 || length > capacity - k) return SIZE_MAX;
            for (; length--; k++) out[k] = out[k - far];
        }
    }
    size_t end = (b.at + 7) / 8;
    uint32_t s1 = 1, s2 = 0;
    for (size_t i = 0; i < k; i++) s1 = (s1 + out[i]) % 65521, s2 = (s2 + s1) % 65521;
    if (b.bad || end + 4 != n) return SIZE_MAX;
    uint32_t sum = (uint32_t)in[end] << 24 | (uint32_t)in[end + 1] << 16 | (uint32_t)in[end + 2] << 8 | in[end + 3];
    return sum == (s2 << 16 | s1) ? k : SIZE_MAX;
}

static void fill(uint8_t *p, size_t n, int kind) {
    for (size_t i = 0; i < n; i++) {
        double u = test_uniform(7, i);
        size_t x = i % 768, y = i / 768;
        if (kind == 0) p[i] = 0;
        if (kind == 1) p[i] = (uint8_t)(128 + 127 * u);
        if (kind == 2) p[i] = (uint8_t)i;
        if (kind == 3) p[i] = (uint8_t)(x / 4 + y / 2 + (u > 0.6));
        if (kind == 4) p[i] = (uint8_t)(-8 * log((u + 1.000001) / 2.000002));
        if (kind == 5) p[i] = (uint8_t)(i < 32700 ? 128 + 127 * u : p[i - 32700]);
    }
}

static void test_deflate(void) {
    /* sizes: zlib 1.2.13, level 6, Z_FILTERED */
    static const struct {
        const char *name;
        int kind;
        size_t n, zlib;
    } CASES[] = {
        {"nothing", 0, 0, 0},
        {"one byte", 0, 1, 0},
        {"two bytes", 2, 2, 0},
        {"three zeros", 0, 3, 0},
        {"a million zeros", 0, 1000000, 991},
        {"noise", 1, 200000, 200071},
        {"counting", 2, 70000, 603},
        {"slopes", 3, 300000, 98489},
        {"skewed", 4, 200000, 112547},
        {"far repeats", 5, 100000, 0},
        {"257 zeros", 0, 258, 0},
        {"258 zeros", 0, 259, 0},
    };
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        size_t n = CASES[c].n, size = 0;
        uint8_t *in = malloc(n + 1), *back = malloc(n + 1), *out = NULL;
        Error e = {0};
        fill(in, n, CASES[c].kind);
        bool ok = zlib_compress(in, n, &out, &size, &e);
        test_check(ok && inflate_all(out, size, back, n) == n && !memcmp(in, back, n), "deflate: %s comes back",
                   CASES[c].name);
        if (CASES[c].zlib) {
            test_check(size <= CASES[c].zlib * 1.02 + 16, "deflate: %s is no larger than zlib's", CASES[c].name);
            test_note("%zu bytes, zlib %zu", size, CASES[c].zlib);
        }
        free(in);
        free(back);
        free(out);
    }
}

static uint32_t get32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The first chunk of a type, with its data's size in *n; NULL when none exists or any chunk is wrong. */
static const uint8_t *chunk(const uint8_t *png, size_t size, const char *type, size_t *n) {
    const uint8_t *found = NULL;
    size_t at = 8;
    for (; size - at >= 12; at += *n + 12) {
        *n = get32(png + at);
        if (*n > size - at - 12 || crc32_update(0, png + at + 4, *n + 4) != get32(png + at + 8 + *n)) return NULL;
        if (!found && !memcmp(png + at + 4, type, 4)) found = png + at + 8;
    }
    if (at != size || memcmp(png + size - 8, "IEND", 4)) return NULL;
    if (found) *n = get32(found - 8);
    return found;
}

static bool pixels_match(const uint8_t *png, size_t size, const uint8_t *rgb, size_t w, size_t h, unsigned *filters) {
    size_t n, row = 3 * w;
    const uint8_t *header = chunk(png, size, "IHDR", &n);
    if (!header || n != 13 || get32(header) != w || get32(header + 4) != h || memcmp(header + 8, "\10\2\0\0\0", 5))
        return false;
    const uint8_t *data = chunk(png, size, "IDAT", &n);
    uint8_t *p = malloc((row + 1) * h);
    bool ok = data && inflate_all(data, n, p, (row + 1) * h) == (row + 1) * h;
    for (size_t y = 0; ok && y < h; y++) {
        uint8_t *now = p + y * (row + 1) + 1, filter = now[-1];
        *filters |= 1u << filter;
        for (size_t x = 0; x < row; x++) {
            int a = x < 3 ? 0 : now[x - 3], b = y ? (now - row - 1)[x] : 0,
                c = x < 3 || !y ? 0 : (now - row - 1)[x - 3];
            int q = a + b - c, pa = abs(q - a), pb = abs(q - b), pc = abs(q - c);
            int guess[5] = {0, a, b, (a + b) / 2, pa <= pb && pa <= pc ? a : pb <= pc ? b : c};
            if (filter > 4) ok = false;
            else now[x] = (uint8_t)(now[x] + guess[filter]);
        }
        ok = ok && !memcmp(now, rgb + y * row, row);
    }
    free(p);
    return ok;
}

static void test_pixels(void) {
    static const int SIZES[][2] = {{1, 1}, {1, 7}, {7, 1}, {3, 5}, {64, 64}, {200, 131}, {256, 300}};
    unsigned filters = 0;
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        for (int kind = 0; kind < 5; kind++) {
            int w = SIZES[i][0], h = SIZES[i][1];
            size_t n = (size_t)w * (size_t)h * 3, size = 0, again_size = 0;
            uint8_t *rgb = malloc(n), *png = NULL, *again = NULL;
            fill(rgb, n, kind);
            bool ok = png_encode(rgb, w, h, NULL, 0, &png, &size, NULL) &&
                      png_encode(rgb, w, h, NULL, 0, &again, &again_size, NULL);
            test_check(ok && !memcmp(png, "\x89PNG\r\n\x1a\n", 8) &&
                           pixels_match(png, size, rgb, (size_t)w, (size_t)h, &filters),
                       "png: %d x %d of kind %d comes back", w, h, kind);
            test_check(ok && size == again_size && !memcmp(png, again, size),
                       "png: %d x %d of kind %d, the same bytes twice", w, h, kind);
            free(rgb);
            free(png);
            free(again);
        }
    }
    test_check((filters & (filters - 1)) != 0, "png: more than one filter is used");
    uint8_t pixel[3] = {0}, *out = NULL;
    size_t size;
    Error e = {0}, e2 = {0}, e3 = {0};
    test_check(!png_encode(pixel, 0, 1, NULL, 0, &out, &size, &e) && e.code == ERR_ARGUMENT,
               "png: no pixels is an error");
    test_check(!png_encode(pixel, 1, -1, NULL, 0, &out, &size, &e2) && e2.code == ERR_ARGUMENT,
               "png: -1 rows is an error");
    PngText bad = {"", "x"};
    test_check(!png_encode(pixel, 1, 1, &bad, 1, &out, &size, &e3) && e3.code == ERR_ARGUMENT,
               "png: an empty keyword is an error");
}

/* Pictures with transparency come back from our own decoder, and the program enlarges it. */
static void test_alpha(void) {
    enum { W = 13, H = 9 };
    uint8_t rgba[W * H * 4], *png = NULL, *alpha = NULL;
    size_t size = 0;
    Error e = {0};
    Image back = {0};
    for (int i = 0; i < W * H * 4; i++) rgba[i] = (uint8_t)(255 * test_uniform(9, (uint64_t)i));
    bool ok = png_encode_rgba(rgba, W, H, NULL, 0, &png, &size, &e) &&
              image_decode_alpha(png, size, "a", &back, &alpha, &e) && alpha && back.width == W && back.height == H;
    for (int i = 0; ok && i < W * H; i++)
        ok = !memcmp(rgba + 4 * i, back.rgb + 3 * i, 3) && rgba[4 * i + 3] == alpha[i];
    test_check(ok, "png: colours and transparency come back");
    test_note("%s", e.text);
    image_free(&back);
    free(alpha);
    alpha = NULL;
    ok = ok && test_check(cli_begin() && test_write(cli_path("a.png"), png, size), "a picture to enlarge");
    free(png);
    if (!ok) return;
    cli_works("b.png: 26 x 18", "upscale a.png -o b.png --filter nearest -s 2");
    FileBytes b = image_bytes(cli_path("b.png"), &e);
    ok = b.bytes && image_decode_alpha(b.bytes, b.size, "b", &back, &alpha, &e) && alpha;
    for (int i = 0; ok && i < 4 * W * H; i++) {
        const uint8_t *from = rgba + 4 * (i / (2 * W) / 2 * W + i % (2 * W) / 2);
        ok = !memcmp(from, back.rgb + 3 * i, 3) && from[3] == alpha[i];
    }
    test_check(ok, "sdc upscale keeps transparency");
    test_note("%s", e.text);
    file_bytes_free(&b);
    image_free(&back);
    free(alpha);
}

static void test_text(void) {
    static const struct {
        const char *name, *text, *type, *back; /* back NULL: the text itself */
    } CASES[] = {
        {"plain", "a cat\nSteps: 20", "tEXt", NULL},
        {"empty", "", "tEXt", NULL},
        {"Latin-1", "caf\xC3\xA9 \xC3\xBF", "tEXt", NULL},
        {"Latin-1 that is UTF-8, too", "\xC3\x83\xC2\xA9", "iTXt", NULL},
        {"beyond Latin-1", "\xE7\x8C\xAB \xF0\x9F\x90\x88 \xC4\x80", "iTXt", NULL},
        {"a lone byte", "a\xE9z", "iTXt", "a\xEF\xBF\xBDz"},
        {"a cut character", "a\xE7\x8C", "iTXt", "a\xEF\xBF\xBD"},
        {"an overlong form", "\xC0\xAF", "iTXt", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"a surrogate", "\xED\xA0\x80", "iTXt", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    uint8_t pixel[3] = {10, 20, 30};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        PngText texts[2] = {{"parameters", CASES[i].text}, {"Software", "sd.c"}};
        const char *want = CASES[i].back ? CASES[i].back : CASES[i].text;
        uint8_t *png = NULL;
        char *text = NULL, *other = NULL, *none = NULL;
        size_t size = 0, n;
        Error e = {0};
        bool ok = png_encode(pixel, 1, 1, texts, 2, &png, &size, &e);
        if (ok) text = image_said_in(png, size, "parameters", &e), other = image_said_in(png, size, "Software", &e);
        if (ok) none = image_said_in(png, size, "param", &e);
        const uint8_t *data = ok ? chunk(png, size, CASES[i].type, &n) : NULL;
        test_check(data && !memcmp(data, "parameters", 11), "text: %s goes into %s", CASES[i].name, CASES[i].type);
        test_check(*want ? text && !strcmp(text, want) : !text && !e.code, "text: %s comes back", CASES[i].name);
        test_check(other && !strcmp(other, "sd.c"), "text: %s, second text", CASES[i].name);
        test_check(ok && !e.code && !none, "text: %s, no such keyword", CASES[i].name);
        bool refused =
            true; /* a cut file gives an error or no text, and no read past its end (a sanitizer sees that) */
        for (size_t cut = 0; ok && cut < size; cut++) {
            uint8_t *copy = malloc(cut + 1);
            memcpy(copy, png, cut);
            char *t = image_said_in(copy, cut, "parameters", NULL);
            if (t) refused = refused && !strcmp(t, want);
            free(t);
            free(copy);
        }
        test_check(refused, "text: %s, a cut file never gives another text", CASES[i].name);
        free(png);
        free(text);
        free(other);
    }
    test_check(crc32_update(0, "123456789", 9) == 0xCBF43926u, "crc32 of 123456789");
    uint8_t *many = malloc(100003);
    fill(many, 100003, 1);
    test_check(crc32_update(crc32_update(0, many, 5), many + 5, 99998) == crc32_update(0, many, 100003),
               "crc32 in two pieces");
    uint32_t slow = 0;
    for (int i = 0; i < 100003; i++) slow = crc32_update(slow, many + i, 1);
    test_check(slow == crc32_update(0, many, 100003), "crc32 by bytes and by eights");
    free(many);
}

SUITE(png, .seconds = 2) {
    test_deflate();
    test_pixels();
    test_alpha();
    test_text();
}
