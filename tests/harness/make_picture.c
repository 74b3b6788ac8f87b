/* make_picture.c: see make_picture.h. */
#include "make_picture.h"

#include "sd/image/codecs/crc32.h"
#include "sd/image/codecs/deflate.h"

#include <stdlib.h>
#include <string.h>

void file_add(PictureFile *f, const void *bytes, size_t n) {
    if (f->n + n > f->capacity) {
        f->capacity = 2 * (f->n + n) + 256;
        f->p = realloc(f->p, f->capacity);
        if (!f->p) abort();
    }
    if (n) memcpy(f->p + f->n, bytes, n);
    f->n += n;
}

void file_clear(PictureFile *f) { f->n = 0; }

static void add32(PictureFile *f, uint32_t v) {
    const uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    file_add(f, b, 4);
}

void file_chunk(PictureFile *f, const char *type, const void *data, size_t n) {
    add32(f, (uint32_t)n);
    size_t at = f->n;
    file_add(f, type, 4);
    file_add(f, data, n);
    add32(f, crc32_update(0, f->p + at, n + 4));
}

void file_png(PictureFile *f, uint32_t w, uint32_t h, int bits, int colour, int interlace) {
    const uint8_t head[13] = {(uint8_t)(w >> 24),
                              (uint8_t)(w >> 16),
                              (uint8_t)(w >> 8),
                              (uint8_t)w,
                              (uint8_t)(h >> 24),
                              (uint8_t)(h >> 16),
                              (uint8_t)(h >> 8),
                              (uint8_t)h,
                              (uint8_t)bits,
                              (uint8_t)colour,
                              0,
                              0,
                              (uint8_t)interlace};
    file_add(f, "\x89PNG\r\n\x1A\n", 8);
    file_chunk(f, "IHDR", head, 13);
}

void file_deflated(PictureFile *f, const char *type, const void *head, size_t head_n, const void *data, size_t n) {
    uint8_t *z;
    size_t size;
    PictureFile all = {NULL, 0, 0};
    if (!zlib_compress(data, n, &z, &size, NULL)) abort();
    file_add(&all, head, head_n);
    file_add(&all, z, size);
    file_chunk(f, type, all.p, all.n);
    free(all.p);
    free(z);
}

void file_text_png(PictureFile *f, const char *keyword, const void *text, size_t n) {
    PictureFile all = {NULL, 0, 0};
    file_png(f, 1, 1, 8, 2, 0);
    file_add(&all, keyword, strlen(keyword) + 1);
    file_add(&all, text, n);
    file_chunk(f, "tEXt", all.p, all.n);
    file_deflated(f, "IDAT", NULL, 0, "\0\1\2\3", 4);
    file_chunk(f, "IEND", NULL, 0);
    free(all.p);
}

void file_segment(PictureFile *f, int marker, const void *data, size_t n) {
    const uint8_t head[4] = {0xFF, (uint8_t)marker, (uint8_t)((n + 2) >> 8), (uint8_t)(n + 2)};
    file_add(f, head, 4);
    file_add(f, data, n);
}
