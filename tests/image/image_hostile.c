/* image_hostile.c: broken and malicious pictures: one line each, quickly, and nothing read out of bounds
 * (AddressSanitizer sees that, since every file lies in a block of its exact size). */
#include "test_image.h"
#include "tests/harness/test.h"
#include "sd/image/codecs/codecs.h"
#include "sd/image/codecs/crc32.h"
#include "sd/image/codecs/deflate.h"
#include "sd/image/codecs/exif.h"
#include "sd/image/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether n bytes, in a block of their own, are decoded; if not, the error. */
static bool reads(const void *bytes, size_t n, Error *e) {
    Image i = {0};
    uint8_t *own = malloc(n ? n : 1);
    if (own) memcpy(own, bytes, n);
    *e = (Error){0};
    bool ok = own && image_decode(own, n, "x", IMAGE_WHITE, &i, e);
    if (ok == (e->code != ERR_NONE) || (!ok && i.rgb)) ok = !ok; /* result and error disagree: every check fails */
    image_free(&i);
    free(own);
    return ok;
}

static void refused(const char *name, const void *bytes, size_t n, const char *words) {
    Error e;
    double start = test_seconds();
    bool ok = !reads(bytes, n, &e) && strstr(e.text, words) && !strncmp(e.text, "x: ", 3);
    test_check(ok && test_seconds() - start < 2, "%s: refused with \"%s\"", name, words);
    test_note("%.2f s, %s", test_seconds() - start, e.text);
}

/* --- PNGs: any chunks, with correct checksums --- */

typedef struct {
    uint8_t p[4096];
    size_t n;
} Png;

static void chunk(Png *o, const char *type, const void *data, size_t n) {
    uint8_t *p = o->p + o->n;
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(n >> (24 - 8 * i));
    memcpy(p + 4, type, 4);
    if (n) memcpy(p + 8, data, n);
    uint32_t crc = crc32_update(0, p + 4, n + 4);
    for (int i = 0; i < 4; i++) p[8 + n + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    o->n += 12 + n;
}

static Png png_begin(uint32_t w, uint32_t h, int bits, int colour) {
    Png o = {.n = 8};
    memcpy(o.p, "\x89PNG\r\n\x1A\n", 8);
    uint8_t head[13] = {(uint8_t)(w >> 24), (uint8_t)(w >> 16), (uint8_t)(w >> 8), (uint8_t)w,    (uint8_t)(h >> 24),
                        (uint8_t)(h >> 16), (uint8_t)(h >> 8),  (uint8_t)h,        (uint8_t)bits, (uint8_t)colour};
    chunk(&o, "IHDR", head, 13);
    return o;
}

static void hostile_pngs(void) {
    static const struct {
        const char *name;
        uint32_t w, h;
        int bits, colour;
        const char *words;
    } HEADS[] = {{"65535 x 65535", 65535, 65535, 8, 2, "too many"},
                 {"2^31 wide", 0x7FFFFFFF, 1, 8, 2, "too many"},
                 {"2^32 - 1 both", 0xFFFFFFFF, 0xFFFFFFFF, 8, 6, "too many"},
                 {"no width", 0, 5, 8, 2, "no pixels"},
                 {"no height", 5, 0, 8, 2, "no pixels"},
                 {"4097 x 4096", 4097, 4096, 8, 2, "too many"},
                 {"a colour type that is none", 1, 1, 8, 5, "damaged"},
                 {"3 bits", 1, 1, 3, 0, "damaged"},
                 {"4096 x 4096 and one pixel", 4096, 4096, 8, 2, "damaged"}};
    uint8_t pixel[4] = {0, 1, 2, 3}, *z = NULL;
    size_t zn = 0;
    Error e = {0};
    zlib_compress(pixel, 4, &z, &zn, &e);
    for (size_t i = 0; i < sizeof HEADS / sizeof *HEADS; i++) {
        Png o = png_begin(HEADS[i].w, HEADS[i].h, HEADS[i].bits, HEADS[i].colour);
        chunk(&o, "IDAT", z, zn);
        chunk(&o, "IEND", NULL, 0);
        refused(HEADS[i].name, o.p, o.n, HEADS[i].words);
    }
    Png o = png_begin(1, 1, 8, 2);
    chunk(&o, "IEND", NULL, 0);
    refused("no IDAT", o.p, o.n, "no pixels");
    o = png_begin(1, 1, 8, 2);
    chunk(&o, "IDAT", z, zn);
    Error e2;
    test_check(reads(o.p, o.n, &e2), "no IEND: read, for its pixels are whole");
    o.p[o.n - 1] ^= 1;
    chunk(&o, "IEND", NULL, 0);
    refused("a wrong CRC", o.p, o.n, "CRC");
    o = png_begin(1, 1, 8, 3);
    chunk(&o, "IDAT", z, zn);
    chunk(&o, "IEND", NULL, 0);
    refused("a palette picture without palette", o.p, o.n, "no palette");
    o = png_begin(1, 1, 8, 2);
    chunk(&o, "CgBI", "\x50\0\x20\x02", 4);
    chunk(&o, "IDAT", z, 2);
    chunk(&o, "IEND", NULL, 0);
    refused("an Apple PNG", o.p, o.n, "needs 'CgBI', which is not supported");
    o = png_begin(1, 1, 8, 2);
    chunk(&o, "IDAT", z, 2);
    chunk(&o, "IEND", NULL, 0);
    refused("half a zlib stream", o.p, o.n, "ends early");
    o = png_begin(1, 1, 8, 2);
    z[zn - 1] ^= 1;
    chunk(&o, "IDAT", z, zn);
    chunk(&o, "IEND", NULL, 0);
    refused("a zlib stream with a wrong checksum", o.p, o.n, "wrong checksum");
    free(z);
    enum { BOMB = 200 << 20 };
    uint8_t *zeros = calloc(1, BOMB);
    if (zeros && zlib_compress(zeros, BOMB, &z, &zn, &e)) {
        uint8_t *file = malloc(zn + 4096);
        o = png_begin(1, 1, 8, 2);
        uint8_t n[4] = {(uint8_t)(zn >> 24), (uint8_t)(zn >> 16), (uint8_t)(zn >> 8), (uint8_t)zn}, crc[4];
        memcpy(file, o.p, o.n);
        memcpy(file + o.n, n, 4);
        memcpy(file + o.n + 4, "IDAT", 4);
        memcpy(file + o.n + 8, z, zn);
        uint32_t c = crc32_update(0, file + o.n + 4, zn + 4);
        for (int i = 0; i < 4; i++) crc[i] = (uint8_t)(c >> (24 - 8 * i));
        memcpy(file + o.n + 8 + zn, crc, 4);
        memcpy(file + o.n + 12 + zn, "\0\0\0\0IEND\xAE\x42\x60\x82", 12);
        refused("a pixel of 200 MB", file, o.n + 24 + zn, "damaged");
        free(file);
        free(z);
    }
    free(zeros);
}

static void other_files(void) {
    static const char TGA[18] = {0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, 32, 0};
    static const char GIF[] = "GIF89a\xFF\xFF\xFF\xFF\0\0\0,\0\0\0\0\xFF\xFF\xFF\xFF\0\2\1\0\0;";
    static const char BMP[54] = "BM6\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\xFF\xFF\xFF\x7F\xFF\xFF\xFF\x7F\1\0\x18";
    static const char NEGATIVE[54] = "BM6\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\1\0\0\0\0\0\0\x80\1\0\x18";
    static const char SHORT[54] = "BM6\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\1\0\0\0\1\0\0\0\1\0\x18";
    static const char OFFSET[54] = "BM6\0\0\0\0\0\0\0\xFF\xFF\xFF\xFF\x28\0\0\0\1\0\0\0\1\0\0\0\1\0\x18";
    static const char WEBP[] = "RIFF\x10\0\0\0WEBPVP8 ";
    refused("an 18-byte TGA of 2 GB", TGA, sizeof TGA, "not a picture");
    refused("nothing", "", 0, "not a picture");
    refused("text", "a lovely cat", 12, "not a picture");
    refused("Photoshop's", "8BPS\0\1\0\0\0\0\0\0\0\3\0\0\xFF\xFF\0\0\xFF\xFF\0\10\0\3", 26,
            "Photoshop pictures are not read");
    refused("a GIF of 65535 x 65535", GIF, sizeof GIF - 1, "too many");
    refused("a BMP of 2^31 x 2^31", BMP, sizeof BMP, "too many");
    refused("a BMP of -2^31 rows", NEGATIVE, sizeof NEGATIVE, "too many");
    refused("a BMP without its pixels", SHORT, sizeof SHORT, "ends early");
    refused("a BMP whose pixels lie outside", OFFSET, sizeof OFFSET, "ends early");
    refused("WebP", WEBP, sizeof WEBP - 1, "the WebP ends early");
    Image i;
    Error e = {0};
    test_check(!image_read(test_path("gone.png"), 0, &i, &e) && e.code == ERR_FILE, "a missing file");
    e = (Error){0};
    test_check(!image_read(test_dir(), 0, &i, &e) && e.code != ERR_NONE, "a folder");
    e = (Error){0};
    test_check(!image_read("/dev/zero", 0, &i, &e) && e.code == ERR_FILE, "a device");
}

/* Cut at every byte: refused. Any byte changed: read or refused, nothing worse. */
static void mutilate(const char *name) {
    char path[64];
    size_t n = 0, cut = 0, kept = 0;
    Error e;
    snprintf(path, sizeof path, "images/%s", name);
    if (strstr(name, ".jpg") && !stb_is_there()) return;
    char *bytes = image_file(path, &n);
    if (!bytes) return;
    test_check(reads(bytes, n, &e), "%s itself is read", name);
    while (cut < n && !reads(bytes, cut, &e) && e.code == ERR_FORMAT) cut++;
    size_t end = strstr(name, ".png") ? 12 : strstr(name, ".jpg") ? 2 : 0; /* what only says that the file ends */
    if (strstr(name, ".gif")) end = n - 235;                               /* the first frame's bytes are enough */
    test_check(cut == n - end, "%s cut at every byte before its end: refused", name);
    test_note("%zu of %zu bytes are enough", cut, n);
    for (size_t i = 0; i < n; i++)
        for (int flip = 1; flip < 256; flip = flip == 1 ? 0x80 : flip == 0x80 ? 0xFF : 256) {
            bytes[i] = (char)(bytes[i] ^ flip);
            kept += reads(bytes, n, &e);
            bytes[i] = (char)(bytes[i] ^ flip);
        }
    test_check(reads(bytes, n, &e), "%s with every byte changed: survived", name);
    test_note("%zu of %zu were read", kept, 3 * n);
    free(bytes);
}

/* --- EXIF --- */

static void hostile_exif(void) {
    static const struct {
        const char *name, *bytes;
        size_t size;
        int turn;
    } CASES[] = {
        {"empty", "", 0, 1},
        {"only a mark", "MM", 2, 1},
        {"a directory beyond the end", "MM\0*\xFF\xFF\xFF\xFF", 8, 1},
        {"a directory at the last byte", "MM\0*\0\0\0\7\1\1", 10, 1},
        {"65535 entries", "II*\0\10\0\0\0\xFF\xFF\1\1", 12, 1},
        {"orientation 6", "MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\6\0\0", 22, 6},
        {"the same in the other order", "II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0", 22, 6},
        {"after its name", "Exif\0\0MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\3\0\0", 28, 3},
        {"orientation 9", "MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\x9\0\0", 22, 1},
        {"orientation 0", "MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\0\0\0", 22, 1},
        {"as a long", "MM\0*\0\0\0\10\0\1\1\x12\0\4\0\0\0\1\0\6\0\0", 22, 1},
        {"two of them", "MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\2\0\6\0\0", 22, 1},
        {"cut within the entry", "MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\6\0", 21, 1},
        {"not 42", "MM\0+\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\6\0\0", 22, 1},
        {"a directory that leads to itself", "MM\0*\0\0\0\10\0\1\x87\x69\0\4\0\0\0\1\0\0\0\10", 22, 1},
        {"a comment of 4 GB", "MM\0*\0\0\0\10\0\2\x87\x69\0\4\0\0\0\1\0\0\0\10\x92\x86\0\7\xFF\xFF\xFF\xFF\0\0\0\10",
         34, 1},
        {"a comment beyond the end", "MM\0*\0\0\0\10\0\2\x87\x69\0\4\0\0\0\1\0\0\0\10\x92\x86\0\7\0\0\0\x10\0\0\0\x20",
         34, 1},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        ImageTexts texts = {0};
        Error e = {0};
        uint8_t *own = malloc(CASES[i].size + !CASES[i].size);
        if (own) memcpy(own, CASES[i].bytes, CASES[i].size);
        test_check(own && exif_orientation(own, CASES[i].size) == CASES[i].turn &&
                       exif_texts(own, CASES[i].size, &texts, &e) && !texts.count,
                   "EXIF: %s", CASES[i].name);
        free(own);
    }
}

void image_hostile(void) {
    static const char *const NAMES[] = {"rgb.png",    "adam7.png", "palette.png", "bits.png",
                                        "turned.png", "grey.jpg",  "cmyk.jpg",    "progressive.jpg",
                                        "rgb.jpg",    "grey.bmp",  "frames.gif"};
    hostile_pngs();
    other_files();
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) mutilate(NAMES[i]);
    hostile_exif();
}
