/* image_head.c: walks through PNG chunks, JPEG segments, GIF blocks and a BMP's header. Everything that a decoder would
 * find missing at the end is found here first, and so is what stb_image 2.27 trusts without looking: Huffman tables of
 * more than 256 codes. */
#include "image_head.h"

#include "crc32.h"
#include "image.h"

#include <string.h>

enum { SCANS = 40 }; /* of a JPEG: real ones have a dozen; each costs a pass over the whole picture */

static uint32_t big(const uint8_t *p, int bytes) {
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++) v = v << 8 | p[i];
    return v;
}

static uint32_t little(const uint8_t *p, int bytes) {
    uint32_t v = 0;
    for (int i = bytes - 1; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

ImageKind image_kind(const uint8_t *p, size_t size) {
    if (size >= 8 && !memcmp(p, "\x89PNG\r\n\x1A\n", 8)) return IMAGE_PNG;
    if (size >= 3 && !memcmp(p, "\xFF\xD8\xFF", 3)) return IMAGE_JPEG;
    if (size >= 6 && (!memcmp(p, "GIF87a", 6) || !memcmp(p, "GIF89a", 6))) return IMAGE_GIF;
    if (size >= 12 && !memcmp(p, "RIFF", 4) && !memcmp(p + 8, "WEBP", 4)) return IMAGE_WEBP;
    if (size >= 2 && !memcmp(p, "BM", 2)) return IMAGE_BMP;
    return IMAGE_NONE;
}

static bool bad(const char *name, const char *what, Error *e) { return error_set(e, ERR_FORMAT, "%s: %s", name, what); }

/* --- PNG --- */

static bool png_header(const uint8_t *p, size_t n, const char *name, ImageHead *out, Error *e) {
    if (n != 13) return bad(name, "the PNG's header has a wrong length", e);
    out->width = big(p, 4), out->height = big(p + 4, 4);
    return true;
}

static bool head_png(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    bool data = false;
    for (size_t at = 8, count = 0;; count++) {
        if (size - at < 12) return bad(name, "the PNG ends early", e);
        const uint8_t *chunk = p + at + 8;
        size_t n = big(p + at, 4);
        if (n > size - at - 12) return bad(name, "the PNG ends within a chunk", e);
        bool critical = !(p[at + 4] & 32), exif = !memcmp(p + at + 4, "eXIf", 4);
        if (!count != !memcmp(p + at + 4, "IHDR", 4)) return bad(name, "the PNG does not begin with its header", e);
        if ((critical || exif) && crc32_update(0, p + at + 4, n + 4) != big(chunk + n, 4)) {
            if (critical) return bad(name, "the PNG is damaged (CRC)", e);
            exif = false;
        }
        if (!count && !png_header(chunk, n, name, out, e)) return false;
        if (exif) out->exif = chunk, out->exif_size = n;
        data |= !memcmp(p + at + 4, "IDAT", 4);
        if (!memcmp(p + at + 4, "IEND", 4)) break;
        at += 12 + n;
    }
    return data || bad(name, "the PNG has no pixels", e);
}

/* --- JPEG --- */

static bool frame_header(const uint8_t *p, size_t n, const char *name, ImageHead *out, Error *e) {
    if (out->width) return bad(name, "the JPEG has two frames", e);
    if (n < 6 || n != 6 + 3 * (size_t)p[5]) return bad(name, "the JPEG's header has a wrong length", e);
    if (p[0] != 8) return bad(name, "the JPEG's samples are not 8-bit", e);
    if (p[5] != 1 && p[5] != 3 && p[5] != 4) return bad(name, "the JPEG is neither grey, colour nor CMYK", e);
    out->height = big(p + 1, 2), out->width = big(p + 3, 2);
    return true;
}

static bool huffman_tables(const uint8_t *p, size_t n, const char *name, Error *e) {
    while (n) {
        size_t codes = 0;
        for (size_t i = 1; i <= 16 && i < n; i++) codes += p[i];
        if (n < 17 || codes > 256 || codes > n - 17) return bad(name, "the JPEG's Huffman tables are damaged", e);
        p += 17 + codes, n -= 17 + codes;
    }
    return true;
}

static bool head_jpeg(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    int scans = 0, components = 0;
    bool adobe = false;
    for (size_t at = 2;;) {
        while (at + 1 < size && p[at] == 0xFF && p[at + 1] == 0xFF) at++;
        if (size - at < 2) return bad(name, "the JPEG ends early", e);
        if (p[at] != 0xFF) return bad(name, "the JPEG is damaged", e);
        int marker = p[at + 1];
        at += 2;
        if (marker == 0xD9) break;
        if (marker == 1 || (marker >= 0xD0 && marker <= 0xD8)) continue;
        size_t n = size - at < 2 ? 0 : big(p + at, 2);
        if (n > size - at) return bad(name, "the JPEG ends within a segment", e);
        if (n < 2) return bad(name, "the JPEG is damaged", e);
        const uint8_t *segment = p + at + 2;
        at += n, n -= 2;
        if (marker == 0xC4) {
            if (!huffman_tables(segment, n, name, e)) return false;
        } else if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC8 && marker != 0xCC) {
            if (marker > 0xC2) return bad(name, "JPEGs that are lossless or arithmetically coded are not read", e);
            if (!frame_header(segment, n, name, out, e)) return false;
            components = segment[5];
        } else if (marker == 0xE1 && n > 6 && !memcmp(segment, "Exif\0\0", 6) && !out->exif)
            out->exif = segment, out->exif_size = n;
        else if (marker == 0xEE && n >= 12 && !memcmp(segment, "Adobe", 5)) adobe = true;
        if (marker != 0xDA) continue;
        if (!out->width || ++scans > SCANS) return bad(name, "the JPEG's scans make no sense", e);
        while (at + 1 < size && (p[at] != 0xFF || !p[at + 1] || (p[at + 1] >= 0xD0 && p[at + 1] <= 0xD7))) at++;
    }
    if (components == 4 && !adobe) return bad(name, "a CMYK JPEG that does not say how; save it as RGB", e);
    return scans > 0 || bad(name, "the JPEG has no pixels", e);
}

/* --- GIF, BMP, WebP --- */

/* Data in pieces of at most 255 bytes, to an empty piece; 0: beyond the end. */
static size_t skip_blocks(const uint8_t *p, size_t size, size_t at) {
    while (at < size && p[at]) at += 1 + (size_t)p[at];
    return at < size ? at + 1 : 0;
}

static bool head_gif(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    if (size < 13) return bad(name, "the GIF ends early", e);
    out->width = little(p + 6, 2), out->height = little(p + 8, 2);
    size_t at = 13 + (p[10] & 0x80 ? (size_t)6 << (p[10] & 7) : 0);
    while (at && at < size) {
        if (p[at] == 0x21) at = skip_blocks(p, size, at + 2);
        else if (p[at] == 0x2C && size - at > 10) { /* the first frame: all that is read */
            at += 10 + (p[at + 9] & 0x80 ? (size_t)6 << (p[at + 9] & 7) : 0) + 1;
            return skip_blocks(p, size, at) || bad(name, "the GIF ends early", e);
        } else if (p[at] == 0x3B) return bad(name, "the GIF has no pixels", e);
        else break;
    }
    return bad(name, at && at < size && p[at] != 0x2C ? "the GIF is damaged" : "the GIF ends early", e);
}

static bool head_bmp(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    if (size < 26) return bad(name, "the BMP ends early", e);
    uint32_t offset = little(p + 10, 4), header = little(p + 14, 4), bits;
    if (header == 12) {
        out->width = little(p + 18, 2), out->height = little(p + 20, 2), bits = little(p + 24, 2);
    } else {
        if (header < 40 || size < 54) return bad(name, "the BMP's header is not known", e);
        int64_t height = (int32_t)little(p + 22, 4);
        out->width = (int32_t)little(p + 18, 4), out->height = height < 0 ? -height : height; /* < 0: from the top */
        bits = little(p + 28, 2);
    }
    if (bits > 32 || out->width < 1 || out->height < 1 || out->width > IMAGE_PIXELS || out->height > IMAGE_PIXELS)
        return true; /* said below */
    uint64_t row = ((uint64_t)out->width * bits + 31) / 32 * 4;
    if (offset > size || row * (uint64_t)out->height > size - offset) return bad(name, "the BMP ends early", e);
    return true;
}

static void exif_of_webp(const uint8_t *p, size_t size, ImageHead *out) {
    for (size_t at = 12; size - at >= 8;) {
        size_t n = little(p + at + 4, 4);
        if (n > size - at - 8) return;
        if (!memcmp(p + at, "EXIF", 4)) out->exif = p + at + 8, out->exif_size = n;
        at += 8 + n;
        if (n & 1 && at < size) at++;
    }
}

bool image_head(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    *out = (ImageHead){.kind = image_kind(p, size)};
    bool ok = true;
    switch (out->kind) {
    case IMAGE_PNG: ok = head_png(p, size, name, out, e); break;
    case IMAGE_JPEG: ok = head_jpeg(p, size, name, out, e); break;
    case IMAGE_GIF: ok = head_gif(p, size, name, out, e); break;
    case IMAGE_BMP: ok = head_bmp(p, size, name, out, e); break;
    case IMAGE_WEBP: exif_of_webp(p, size, out); return true;
    case IMAGE_NONE: return bad(name, "this is no picture; PNG, JPEG, BMP and GIF are read", e);
    }
    if (!ok) return false;
    if (out->width < 1 || out->height < 1) return bad(name, "the picture has no pixels", e);
    if (out->width > IMAGE_PIXELS / out->height)
        return error_set(e, ERR_FORMAT, "%s: %lld x %lld pixels are too many; make it smaller, 4096 x 4096 at most",
                         name, (long long)out->width, (long long)out->height);
    return true;
}
