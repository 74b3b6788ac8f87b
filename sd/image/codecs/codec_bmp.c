/* codec_bmp.c: BMPs of every header since OS/2's: palettes, 16, 24 and 32 bits, bit masks, run lengths. Row by row.
 *
 * As Pillow, and so the webui, has it: 32 bits have no alpha unless a mask says where it is, an index beyond the
 * palette is black, and pixels that run lengths skip are those of index 0. */
#include "bytes.h"
#include "codecs.h"
#include "sd/image/image.h"

#include <stdlib.h>
#include <string.h>

enum { RGB = 0, RLE8 = 1, RLE4 = 2, MASKS = 3, FILE_HEADER = 14 };

typedef struct {
    int64_t width, height;
    bool from_top;
    int bits, compression;
    uint32_t mask[4]; /* red, green, blue, alpha; 0: none */
    uint32_t colours; /* in the palette */
    size_t palette, palette_entry, pixels;
} Bmp;

/* What is wrong, or NULL. Sizes are not judged. */
static const char *read_header(Bmp *b, const uint8_t *p, size_t size, bool *unsupported) {
    *b = (Bmp){0};
    *unsupported = false;
    if (size < 26) return "the BMP ends early";
    uint32_t header = little_endian(p + 14, 4);
    b->pixels = little_endian(p + 10, 4);
    b->palette = FILE_HEADER + (size_t)header, b->palette_entry = header == 12 ? 3 : 4;
    *unsupported = true;
    if (header != 12 && header != 40 && header != 52 && header != 56 && header != 64 && header != 108 && header != 124)
        return "the BMP's header is of an unknown kind";
    if (size < FILE_HEADER + (size_t)header) return *unsupported = false, "the BMP ends early";
    if (header == 12) {
        b->width = little_endian(p + 18, 2), b->height = little_endian(p + 20, 2);
        b->bits = (int)little_endian(p + 24, 2);
    } else {
        int64_t height = (int32_t)little_endian(p + 22, 4);
        b->width = (int32_t)little_endian(p + 18, 4), b->height = height < 0 ? -height : height;
        b->from_top = height < 0, b->bits = (int)little_endian(p + 28, 2);
        b->compression = (int)little_endian(p + 30, 4), b->colours = little_endian(p + 46, 4);
    }
    bool paletted = b->bits == 1 || b->bits == 4 || b->bits == 8;
    if (!paletted && b->bits != 16 && b->bits != 24 && b->bits != 32) return "the BMP's bit depth is not read";
    bool fits = b->compression == RGB || (b->compression == RLE8 && b->bits == 8) ||
                (b->compression == RLE4 && b->bits == 4) || (b->compression == MASKS && b->bits >= 16);
    if (!fits) return "the BMP's compression is not read";
    static const uint32_t USUAL[2][3] = {{0x7C00, 0x3E0, 0x1F}, {0xFF0000, 0xFF00, 0xFF}};
    memcpy(b->mask, USUAL[b->bits != 16], sizeof USUAL[0]);
    if (b->compression == MASKS) {
        size_t masks = header < 56 ? 3 : 4, at = FILE_HEADER + 40;
        if (header == 40) b->palette += 12;
        if (size < at + 4 * masks) return *unsupported = false, "the BMP ends early";
        for (size_t i = 0; i < masks; i++) b->mask[i] = little_endian(p + at + 4 * i, 4);
        if (!(b->mask[0] | b->mask[1] | b->mask[2])) return "the BMP has no colours";
    }
    if (!paletted) b->colours = 0;
    else if (!b->colours || b->colours > 256) b->colours = 1u << b->bits;
    return NULL;
}

static size_t row_bytes(const Bmp *b) { return ((size_t)b->width * (size_t)b->bits + 31) / 32 * 4; }

bool bmp_head(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    Bmp b;
    bool unsupported;
    const char *why = read_header(&b, p, size, &unsupported);
    if (why) return unsupported ? image_unsupported(name, why, e) : image_damaged(name, why, e);
    out->width = b.width, out->height = b.height;
    if (b.width < 1 || b.height < 1 || b.width > IMAGE_PIXELS || b.height > IMAGE_PIXELS)
        return true; /* the caller refuses such sizes */
    size_t need = b.compression == RLE8 || b.compression == RLE4 ? 0 : row_bytes(&b) * (size_t)b.height;
    if (b.pixels > size || need > size - b.pixels || b.palette + b.colours * b.palette_entry > size)
        return image_damaged(name, "the BMP ends early", e);
    return true;
}

/* --- pixels --- */

typedef struct {
    Bmp b;
    uint8_t palette[256][4];
    const ImageSink *to;
    uint8_t *rgba;
} Reader;

static void put_row(const Reader *r, int64_t y) {
    r->to->put(r->to->user, r->rgba, r->b.from_top ? y : r->b.height - 1 - y, 0, 1, r->b.width);
}

/* A channel of a pixel as 8 bits, from as many as its mask has. */
static uint8_t channel(uint32_t pixel, uint32_t mask, uint8_t without) {
    if (!mask) return without;
    uint32_t low = mask & (0u - mask), most = mask / low;
    return (uint8_t)((uint64_t)((pixel & mask) / low) * 255 / most);
}

static void colour_row(const Reader *r, const uint8_t *row) {
    const Bmp *b = &r->b;
    for (int64_t x = 0; x < b->width; x++) {
        uint8_t *out = r->rgba + 4 * x;
        if (b->bits <= 8) {
            size_t bit = (size_t)x * (size_t)b->bits;
            int index = row[bit / 8] >> (8 - b->bits - (int)(bit % 8)) & ((1 << b->bits) - 1);
            memcpy(out, r->palette[index], 4);
            continue;
        }
        int bytes = b->bits / 8;
        uint32_t pixel = little_endian(row + x * bytes, bytes);
        for (int c = 0; c < 4; c++) out[c] = channel(pixel, b->mask[c], c == 3 ? 255 : 0);
    }
}

/* Run lengths (Microsoft's BI_RLE8 and BI_RLE4): a count and a byte; or 0 and 0: the row ends, 1: the picture, 2: skip
 * to the right and up, N: N pixels as they are. */
static const char *read_runs(const Reader *r, const uint8_t *p, const uint8_t *end) {
    static const char EARLY[] = "the BMP's pixels end early", BAD[] = "its run lengths are damaged";
    const Bmp *b = &r->b;
    bool nibbles = b->compression == RLE4;
    int64_t x = 0, y = 0;
    for (int64_t i = 0; i < b->width; i++) memcpy(r->rgba + 4 * i, r->palette[0], 4);
    while (y < b->height) {
        if (end - p < 2) return EARLY;
        int count = p[0], value = p[1], right = 0, up = 0;
        p += 2;
        if (!count && value == 1) return y == b->height - 1 && x == b->width ? put_row(r, y), NULL : EARLY;
        if (!count && value == 2) {
            if (end - p < 2) return EARLY;
            right = p[0], up = p[1], p += 2;
            if (x + right > b->width) return BAD;
            x += right;
        } else if (!count && !value) up = 1, right = -1;
        else {
            int n = count ? count : value;
            ptrdiff_t bytes = count ? 0 : ((nibbles ? (n + 1) / 2 : n) + 1) / 2 * 2; /* padded to 16 bits */
            if (bytes > end - p) return EARLY;
            for (int i = 0; i < n && x < b->width; i++, x++) {
                int byte = count ? value : p[nibbles ? i / 2 : i];
                int index = !nibbles ? byte : i % 2 ? byte & 15 : byte >> 4;
                memcpy(r->rgba + 4 * x, r->palette[index], 4);
            }
            p += bytes;
        }
        for (; up && y < b->height; up--) {
            put_row(r, y++);
            for (int64_t i = 0; i < b->width; i++) memcpy(r->rgba + 4 * i, r->palette[0], 4);
        }
        if (right < 0) x = 0;
    }
    return NULL;
}

bool bmp_decode(const uint8_t *p, size_t size, const ImageHead *head, const ImageSink *to, const char **why) {
    Reader r = {.to = to};
    bool unsupported;
    (void)head;
    if ((*why = read_header(&r.b, p, size, &unsupported))) return false;
    r.rgba = malloc((size_t)r.b.width * 4);
    if (!r.rgba) return false;
    for (uint32_t i = 0; i < 256; i++) r.palette[i][3] = 255;
    for (uint32_t i = 0; i < r.b.colours; i++)
        for (int c = 0; c < 3; c++) r.palette[i][c] = p[r.b.palette + i * r.b.palette_entry + (size_t)(2 - c)];
    if (r.b.compression == RLE8 || r.b.compression == RLE4) *why = read_runs(&r, p + r.b.pixels, p + size);
    else
        for (int64_t y = 0; y < r.b.height; y++) {
            colour_row(&r, p + r.b.pixels + (size_t)y * row_bytes(&r.b));
            put_row(&r, y);
        }
    free(r.rgba);
    return !*why;
}
