/* png_decode.c: the pixels of a PNG (W3C Portable Network Graphics, third edition), row by row, so that no more memory
 * is needed than for two rows and a palette. All colour types and depths, and Adam7. codec_png.c has checked the
 * chunks.
 *
 * 16-bit channels keep their high byte; a transparent colour is compared at its full depth. An index beyond the palette
 * is black, as in Pillow. */
#include "bytes.h"
#include "codecs.h"
#include "inflate.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const uint8_t *file;
    size_t size, at; /* of the next chunk to look for IDAT in */
    int64_t width, height;
    int depth, colour, channels;
    bool interlaced;
    uint8_t palette[256][4];
    bool has_key;
    uint32_t key[3]; /* the transparent colour */
} Png;

/* The next chunk of a kind from *at on; 0: none. *at moves past it. */
static const uint8_t *chunk(const Png *p, size_t *at, const char *kind, size_t *n) {
    while (p->size - *at >= 12) {
        const uint8_t *type = p->file + *at + 4;
        *n = big_endian(p->file + *at, 4);
        if (*n > p->size - *at - 12) return NULL;
        *at += 12 + *n;
        if (!memcmp(type, kind, 4)) return type + 4;
    }
    return NULL;
}

static const uint8_t *next_data(void *user, size_t *size) {
    Png *p = user;
    const uint8_t *data;
    do data = chunk(p, &p->at, "IDAT", size);
    while (data && !*size);
    return data;
}

static void open_png(Png *p, const uint8_t *file, size_t size) {
    static const int CHANNELS[] = {1, 0, 3, 1, 2, 0, 4};
    *p = (Png){.file = file, .size = size, .at = 8};
    size_t at = 8, n = 0;
    const uint8_t *head = chunk(p, &at, "IHDR", &n);
    p->width = big_endian(head, 4), p->height = big_endian(head + 4, 4);
    p->depth = head[8], p->colour = head[9], p->channels = CHANNELS[head[9]], p->interlaced = head[12];
    for (int i = 0; i < 256; i++) p->palette[i][3] = 255;
    at = 8;
    const uint8_t *palette = chunk(p, &at, "PLTE", &n);
    for (size_t i = 0; palette && i < n / 3; i++) memcpy(p->palette[i], palette + 3 * i, 3);
    at = 8;
    const uint8_t *clear = chunk(p, &at, "tRNS", &n);
    for (size_t i = 0; clear && p->colour == 3 && i < n && i < 256; i++) p->palette[i][3] = clear[i];
    p->has_key = clear && (p->colour == 0 || p->colour == 2);
    for (int i = 0; p->has_key && i < p->channels; i++) p->key[i] = big_endian(clear + 2 * i, 2);
}

static uint8_t paeth(int left, int up, int corner) {
    int a = abs(up - corner), b = abs(left - corner), c = abs(left + up - 2 * corner);
    return (uint8_t)(a <= b && a <= c ? left : b <= c ? up : corner);
}

/* Undoes a row's filter. pixel: bytes from one pixel to the next, at least 1. */
static bool unfilter(uint8_t *row, const uint8_t *above, size_t n, size_t pixel, int filter) {
    size_t i = 0;
    switch (filter) {
    case 0: return true;
    case 1:
        for (i = pixel; i < n; i++) row[i] = (uint8_t)(row[i] + row[i - pixel]);
        return true;
    case 2:
        for (; i < n; i++) row[i] = (uint8_t)(row[i] + above[i]);
        return true;
    case 3:
        for (; i < n && i < pixel; i++) row[i] = (uint8_t)(row[i] + above[i] / 2);
        for (; i < n; i++) row[i] = (uint8_t)(row[i] + (row[i - pixel] + above[i]) / 2);
        return true;
    case 4:
        for (; i < n && i < pixel; i++) row[i] = (uint8_t)(row[i] + above[i]);
        for (; i < n; i++) row[i] = (uint8_t)(row[i] + paeth(row[i - pixel], above[i], above[i - pixel]));
        return true;
    default: return false;
    }
}

static uint32_t sample(const Png *p, const uint8_t *row, size_t i) {
    if (p->depth == 16) return (uint32_t)row[2 * i] << 8 | row[2 * i + 1];
    if (p->depth == 8) return row[i];
    size_t bit = i * (size_t)p->depth;
    return (uint32_t)(row[bit / 8] >> (8 - p->depth - (int)(bit % 8)) & ((1 << p->depth) - 1));
}

static void colour_row(const Png *p, const uint8_t *row, int64_t count, uint8_t *rgba) {
    int shift = p->depth == 16 ? 8 : 0;
    uint32_t scale = p->depth < 8 ? 255u / ((1u << p->depth) - 1) : 1;
    for (int64_t x = 0; x < count; x++, rgba += 4) {
        uint32_t v[4] = {0, 0, 0, 0};
        for (int c = 0; c < p->channels; c++) v[c] = sample(p, row, (size_t)(x * p->channels + c));
        if (p->colour == 3) {
            memcpy(rgba, p->palette[v[0]], 4);
            continue;
        }
        bool clear = p->has_key && !memcmp(v, p->key, (size_t)p->channels * sizeof *v);
        int alpha = p->channels == 2 ? 1 : 3; /* where it is, if there is one */
        for (int c = 0; c < 3; c++) rgba[c] = (uint8_t)(v[p->channels < 3 ? 0 : c] * scale >> shift);
        rgba[3] = clear ? 0 : p->channels % 2 ? 255 : (uint8_t)(v[alpha] >> shift);
    }
}

/* One of Adam7's passes, or the whole picture: every dx-th pixel of every dy-th row from (x0, y0) on. */
static const char *read_pass(const Png *p, Inflate *s, const ImageSink *to, int x0, int y0, int dx, int dy,
                             uint8_t *work) {
    int64_t count = (p->width - x0 + dx - 1) / dx;
    if (p->width <= x0) return NULL;
    size_t bits = (size_t)(p->depth * p->channels), n = ((size_t)count * bits + 7) / 8, pixel = bits < 8 ? 1 : bits / 8;
    uint8_t *row = work, *above = work + n, *rgba = above + n;
    memset(above, 0, n);
    for (int64_t y = y0; y < p->height; y += dy) {
        uint8_t filter = 0;
        const char *why = NULL;
        if (inflate_read(s, &filter, 1) != 1 || inflate_read(s, row, n) != n)
            return inflate_whole(s, &why) ? "its compressed data holds fewer pixels than it should" : why;
        if (!unfilter(row, above, n, pixel, filter)) return "it has an unknown filter";
        colour_row(p, row, count, rgba);
        to->put(to->user, rgba, y, x0, dx, count);
        uint8_t *spare = above;
        above = row, row = spare;
    }
    return NULL;
}

bool png_decode(const uint8_t *bytes, size_t size, const ImageHead *head, const ImageSink *to, const char **why) {
    static const uint8_t PASSES[7][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                         {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
    static const uint8_t ONE[1][4] = {{0, 0, 1, 1}};
    (void)head;
    Png p;
    open_png(&p, bytes, size);
    /* two rows of at most 8 bytes a pixel, and one of 4 */
    uint8_t *work = malloc((size_t)p.width * 20 + 32);
    Inflate *s = work ? inflate_begin(next_data, &p, false) : NULL;
    *why = NULL;
    if (!s) return free(work), false;
    const uint8_t(*pass)[4] = p.interlaced ? PASSES : ONE;
    for (int i = 0; i < (p.interlaced ? 7 : 1) && !*why; i++)
        *why = read_pass(&p, s, to, pass[i][0], pass[i][1], pass[i][2], pass[i][3], work);
    bool ok = !*why && inflate_whole(s, why);
    inflate_end(s);
    free(work);
    return ok;
}
