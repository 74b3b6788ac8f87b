/* codec_png.c: what a PNG says of itself: its structure, its EXIF, its text; and writing one with such a text. */
#include "bytes.h"
#include "codecs.h"
#include "crc32.h"
#include "exif.h"
#include "inflate.h"
#include "png.h"

#include <stdlib.h>
#include <string.h>

enum { SIGNATURE_SIZE = 8 };

static bool png_header(const uint8_t *p, size_t n, const char *name, ImageHead *out, Error *e) {
    static const uint32_t DEPTHS[7] = {1 << 1 | 1 << 2 | 1 << 4 | 1 << 8 | 1 << 16,
                                       0,
                                       1 << 8 | 1 << 16,
                                       1 << 1 | 1 << 2 | 1 << 4 | 1 << 8,
                                       1 << 8 | 1 << 16,
                                       0,
                                       1 << 8 | 1 << 16};
    if (n != 13) return image_damaged(name, "the PNG's header has a wrong length", e);
    out->width = big_endian(p, 4), out->height = big_endian(p + 4, 4);
    if (p[9] > 6 || p[8] > 16 || !(DEPTHS[p[9]] >> p[8] & 1) || p[10] || p[11] || p[12] > 1)
        return image_damaged(name, "the PNG's header is damaged", e);
    return true;
}

/* What must hold between chunks: the kinds that have come, and the colour type. */
typedef struct {
    bool palette, data, data_ended, transparent, animated;
    int colour, depth;
} Seen;

static bool see_chunk(Seen *s, const char *kind, size_t n, const char *name, Error *e) {
    if (!memcmp(kind, "IDAT", 4)) {
        if (s->data_ended) return image_damaged(name, "the PNG's pixels lie in several places", e);
        if (s->colour == 3 && !s->palette) return image_damaged(name, "the PNG has no palette before its pixels", e);
        s->data = true;
        return true;
    }
    s->data_ended = s->data;
    if (!memcmp(kind, "PLTE", 4)) {
        if (s->palette || s->data || !n || n % 3 || n > 768 || (s->colour == 3 && n / 3 > 1u << s->depth))
            return image_damaged(name, "the PNG's palette is damaged", e);
        s->palette = true;
    } else if (!memcmp(kind, "tRNS", 4)) {
        size_t wanted = s->colour == 0 ? 2 : s->colour == 2 ? 6 : 0;
        if (s->transparent || s->data || (s->colour == 3 ? !s->palette || n > 256 : wanted && n != wanted))
            return image_damaged(name, "the PNG's transparency is damaged", e);
        s->transparent = true;
    } else if (!memcmp(kind, "acTL", 4)) s->animated = true;
    else if (!(kind[0] & 32) && memcmp(kind, "IHDR", 4) && memcmp(kind, "IEND", 4))
        return error_set(e, ERR_FORMAT, "%s: the PNG needs '%.4s', which is not supported; save it anew", name, kind);
    return true;
}

bool png_head(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    Seen seen = {0};
    for (size_t at = SIGNATURE_SIZE, count = 0;; count++) {
        size_t left = size - at, n = left < 12 ? 0 : big_endian(p + at, 4);
        bool whole = left >= 12 && n <= left - 12, data = left >= 8 && !memcmp(p + at + 4, "IDAT", 4);
        if (!whole && seen.data && !data) { /* cut after the last IDAT: the decoder finds out about the pixels */
            out->warning = "the PNG lacks its end; its pixels are whole";
            break;
        }
        if (!whole) return image_damaged(name, left < 12 ? "the PNG ends early" : "the PNG ends within a chunk", e);
        const uint8_t *chunk = p + at + 8;
        const char *kind = (const char *)p + at + 4;
        bool critical = !(*kind & 32), exif = !memcmp(kind, "eXIf", 4);
        if (!count != !memcmp(kind, "IHDR", 4)) return image_damaged(name, "the PNG does not begin with its header", e);
        if ((critical || exif || !memcmp(kind, "tRNS", 4)) &&
            crc32_update(0, p + at + 4, n + 4) != big_endian(chunk + n, 4)) {
            if (!exif) return image_damaged(name, "the PNG is damaged (CRC)", e);
            exif = false;
        }
        if (!count && !png_header(chunk, n, name, out, e)) return false;
        if (!count) seen.depth = chunk[8], seen.colour = chunk[9];
        if (exif) out->exif = chunk, out->exif_size = n;
        if (!see_chunk(&seen, kind, n, name, e)) return false;
        if (!memcmp(kind, "IEND", 4)) break;
        at += 12 + n;
    }
    if (seen.animated && !out->warning) out->warning = "the PNG is animated; its first picture is used";
    return seen.data || image_damaged(name, "the PNG has no pixels", e);
}

/* --- text --- */

/* p[n] after the compression method of a text chunk. */
static bool add_compressed(ImageTexts *out, const uint8_t *key, size_t key_n, const uint8_t *p, size_t n, TextKind kind,
                           Error *e) {
    char *text;
    size_t size;
    Error own = {0};
    if (!inflate_string(p, n, false, IMAGE_TEXT_MOST, &text, &size, &own))
        return error_set(e, own.code, "its compressed text '%.40s' is not read: %s", (const char *)key, own.text);
    bool ok = image_texts_add(out, (const char *)key, key_n, text, size, kind, e);
    free(text);
    return ok;
}

/* p[n] is a chunk tEXt (W3C PNG 11.3.3.2), zTXt (11.3.3.3) or iTXt (11.3.3.4). */
static bool add_text(ImageTexts *out, char type, const uint8_t *p, size_t n, Error *e) {
    const uint8_t *key = p, *end = p + n, *nul = n ? memchr(p, 0, n) : NULL;
    if (!nul) return image_texts_damaged("the PNG's text chunk is too short", e);
    size_t key_n = (size_t)(nul - key);
    p = nul + 1;
    if (type == 't') return image_texts_add(out, (const char *)key, key_n, p, (size_t)(end - p), TEXT_BYTES, e);
    bool international = type == 'i', compressed = true;
    if (end - p < 1 + international) return image_texts_damaged("the PNG's text chunk is too short", e);
    if (international) compressed = *p++ != 0;
    if (compressed && *p)
        return error_set(e, ERR_FORMAT, "the PNG's text is compressed by an unknown method, number %d; save it anew",
                         *p);
    p++;
    for (int i = 0; international && i < 2; i++) { /* language, translated keyword */
        p = p < end ? memchr(p, 0, (size_t)(end - p)) : NULL;
        if (!p++) return image_texts_damaged("the PNG's text chunk is too short", e);
    }
    TextKind kind = international ? TEXT_UTF8 : TEXT_BYTES;
    if (compressed) return add_compressed(out, key, key_n, p, (size_t)(end - p), kind, e);
    return image_texts_add(out, (const char *)key, key_n, p, (size_t)(end - p), kind, e);
}

/* W3C PNG 5.3 */
static bool four_letters(const uint8_t *type) {
    for (int i = 0; i < 4; i++)
        if ((type[i] | 32) < 'a' || (type[i] | 32) > 'z') return false;
    return true;
}

bool png_texts(const uint8_t *p, size_t size, ImageTexts *out, Error *e) {
    for (size_t at = SIGNATURE_SIZE; size - at >= 12;) {
        const uint8_t *type = p + at + 4, *data = type + 4;
        size_t n = big_endian(p + at, 4);
        if (!four_letters(type)) return image_texts_damaged("the PNG has a chunk without a name", e);
        if (n > size - at - 12) return image_texts_damaged("the PNG ends within a chunk", e);
        at += 12 + n;
        if (!memcmp(type, "IEND", 4)) return true;
        if (!memcmp(type, "IHDR", 4) && n >= 8) out->width = big_endian(data, 4), out->height = big_endian(data + 4, 4);
        bool text = !memcmp(type, "tEXt", 4) || !memcmp(type, "zTXt", 4) || !memcmp(type, "iTXt", 4);
        if (!text && memcmp(type, "eXIf", 4)) continue;
        if (!image_texts_fit(out, n, e)) return false;
        if (crc32_update(0, type, n + 4) != big_endian(data + n, 4)) {
            if (!text) continue; /* as its orientation is then ignored */
            return image_texts_damaged("the PNG's text is damaged (CRC)", e);
        }
        if (!(text ? add_text(out, (char)*type, data, n, e) : exif_texts(data, n, out, e))) return false;
    }
    return true;
}

bool png_write(const uint8_t *rgb, int width, int height, const char *text, int quality, uint8_t **out, size_t *size,
               Error *e) {
    (void)quality;
    const PngText parameters = {"parameters", text};
    return png_encode(rgb, width, height, &parameters, text != NULL, out, size, e);
}
