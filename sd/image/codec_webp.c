/* codec_webp.c: a WebP's EXIF and XMP. Its pixels are not read. */
#include "bytes.h"
#include "codecs.h"
#include "exif.h"

#include <string.h>

bool webp_texts(const uint8_t *p, size_t size, ImageTexts *out, Error *e) {
    for (size_t at = 12; size - at >= 8;) {
        size_t n = little_endian(p + at + 4, 4);
        const uint8_t *data = p + at + 8;
        if (n > size - at - 8) return true;
        bool ok = true;
        if (!memcmp(p + at, "EXIF", 4)) ok = exif_texts(data, n, out, e);
        else if (!memcmp(p + at, "XMP ", 4))
            ok = image_texts_add(out, TEXT_XMP, sizeof TEXT_XMP - 1, data, n, TEXT_UTF8, e);
        else if (!memcmp(p + at, "VP8X", 4) && n >= 10)
            out->width = little_endian(data + 4, 3) + 1, out->height = little_endian(data + 7, 3) + 1;
        if (!ok) return false;
        at += 8 + n;
        if (n & 1 && at < size) at++;
    }
    return true;
}
