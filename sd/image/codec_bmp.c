/* codec_bmp.c: a BMP's header, and whether the file holds the pixels that it announces. */
#include "bytes.h"
#include "codecs.h"
#include "image.h"

bool bmp_head(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    if (size < 26) return image_damaged(name, "the BMP ends early", e);
    uint32_t offset = little_endian(p + 10, 4), header = little_endian(p + 14, 4), bits;
    if (header == 12) {
        out->width = little_endian(p + 18, 2), out->height = little_endian(p + 20, 2), bits = little_endian(p + 24, 2);
    } else {
        if (header < 40 || size < 54) return image_unsupported(name, "the BMP's header is of an unknown kind", e);
        int64_t height = (int32_t)little_endian(p + 22, 4);
        out->width = (int32_t)little_endian(p + 18, 4),
        out->height = height < 0 ? -height : height; /* < 0: from the top */
        bits = little_endian(p + 28, 2);
    }
    if (bits > 32 || out->width < 1 || out->height < 1 || out->width > IMAGE_PIXELS || out->height > IMAGE_PIXELS)
        return true; /* the caller refuses such sizes */
    uint64_t row = ((uint64_t)out->width * bits + 31) / 32 * 4;
    if (offset > size || row * (uint64_t)out->height > size - offset)
        return image_damaged(name, "the BMP ends early", e);
    return true;
}
