/* image_head.h: what can be known of a picture file without decoding it. */
#ifndef SD_IMAGE_IMAGE_HEAD_H
#define SD_IMAGE_IMAGE_HEAD_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

typedef enum { IMAGE_NONE, IMAGE_PNG, IMAGE_JPEG, IMAGE_BMP, IMAGE_GIF, IMAGE_WEBP } ImageKind;

typedef struct {
    ImageKind kind;
    int64_t width, height;
    const uint8_t *exif; /* NULL: none */
    size_t exif_size;
} ImageHead;

/* By the first bytes; 12 are enough. */
ImageKind image_kind(const uint8_t *p, size_t size);

/* Walks through the whole structure of bytes[size]: sizes, order and ends of chunks and segments, PNG's checksums, and
 * what decoders are known to trust. ERR_FORMAT with `name` in front. WebP: only its EXIF is looked for. */
bool image_head(const uint8_t *bytes, size_t size, const char *name, ImageHead *out, Error *e);

/* stb_image behind a wall (image_stb.c): RGBA bytes of a file that image_head found good, in a new buffer that
 * image_stb_free releases; NULL with *why in words. most: bytes it may hold at once. */
uint8_t *image_stb_decode(const uint8_t *bytes, size_t size, int64_t width, int64_t height, size_t most,
                          const char **why);
void image_stb_free(uint8_t *rgba);

#endif
