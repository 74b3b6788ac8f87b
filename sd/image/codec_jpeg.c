/* codec_jpeg.c: a JPEG's segments up to its end, and what stb_image 2.27 takes on trust: that a Huffman table has at
 * most 256 codes. */
#include "bytes.h"
#include "codecs.h"

#include <string.h>

enum { SCANS = 40 }; /* real files have a dozen; each costs a pass over the whole picture */

static bool frame_header(const uint8_t *p, size_t n, const char *name, ImageHead *out, Error *e) {
    if (out->width) return image_damaged(name, "the JPEG has two frames", e);
    if (n < 6 || n != 6 + 3 * (size_t)p[5]) return image_damaged(name, "the JPEG's header has a wrong length", e);
    if (p[0] != 8) return image_unsupported(name, "the JPEG's samples are not 8-bit", e);
    if (p[5] != 1 && p[5] != 3 && p[5] != 4)
        return image_unsupported(name, "the JPEG is neither grey, colour nor CMYK", e);
    out->height = big_endian(p + 1, 2), out->width = big_endian(p + 3, 2);
    return true;
}

static bool huffman_tables(const uint8_t *p, size_t n, const char *name, Error *e) {
    while (n) {
        size_t codes = 0;
        for (size_t i = 1; i <= 16 && i < n; i++) codes += p[i];
        if (n < 17 || codes > 256 || codes > n - 17)
            return image_damaged(name, "the JPEG's Huffman tables are damaged", e);
        p += 17 + codes, n -= 17 + codes;
    }
    return true;
}

bool jpeg_head(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    int scans = 0, components = 0;
    bool adobe = false;
    for (size_t at = 2;;) {
        while (at + 1 < size && p[at] == 0xFF && p[at + 1] == 0xFF) at++;
        if (size - at < 2) return image_damaged(name, "the JPEG ends early", e);
        if (p[at] != 0xFF) return image_damaged(name, "the JPEG is damaged", e);
        int marker = p[at + 1];
        at += 2;
        if (marker == 0xD9) break;
        if (marker == 1 || (marker >= 0xD0 && marker <= 0xD8)) continue;
        size_t n = size - at < 2 ? 0 : big_endian(p + at, 2);
        if (n > size - at) return image_damaged(name, "the JPEG ends within a segment", e);
        if (n < 2) return image_damaged(name, "the JPEG is damaged", e);
        const uint8_t *segment = p + at + 2;
        at += n, n -= 2;
        if (marker == 0xC4) {
            if (!huffman_tables(segment, n, name, e)) return false;
        } else if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC8 && marker != 0xCC) {
            if (marker > 0xC2)
                return image_unsupported(name, "lossless and arithmetically coded JPEGs are not read", e);
            if (!frame_header(segment, n, name, out, e)) return false;
            components = segment[5];
        } else if (marker == 0xE1 && n > 6 && !memcmp(segment, "Exif\0\0", 6) && !out->exif)
            out->exif = segment, out->exif_size = n;
        else if (marker == 0xEE && n >= 12 && !memcmp(segment, "Adobe", 5)) adobe = true;
        if (marker != 0xDA) continue;
        if (!out->width || ++scans > SCANS) return image_damaged(name, "the JPEG's scans make no sense", e);
        while (at + 1 < size && (p[at] != 0xFF || !p[at + 1] || (p[at + 1] >= 0xD0 && p[at + 1] <= 0xD7))) at++;
    }
    if (components == 4 && !adobe) return image_unsupported(name, "a CMYK JPEG that does not say which kind", e);
    return scans > 0 || image_damaged(name, "the JPEG has no pixels", e);
}
