/* codec_webp.c: a WebP's EXIF. Its pixels are not read. */
#include "bytes.h"
#include "codecs.h"

#include <string.h>

bool webp_head(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    (void)name, (void)e;
    for (size_t at = 12; size - at >= 8;) {
        size_t n = little_endian(p + at + 4, 4);
        if (n > size - at - 8) return true;
        if (!memcmp(p + at, "EXIF", 4)) out->exif = p + at + 8, out->exif_size = n;
        at += 8 + n;
        if (n & 1 && at < size) at++;
    }
    return true;
}
