/* codec_png.c: what a PNG says of itself: its structure, its EXIF, its text; and writing one with such a text. */
#include "bytes.h"
#include "codecs.h"
#include "crc32.h"
#include "png.h"
#include "weights/utf8.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN "download it again or save it anew"

enum { SIGNATURE_SIZE = 8 };

static bool png_header(const uint8_t *p, size_t n, const char *name, ImageHead *out, Error *e) {
    if (n != 13) return image_damaged(name, "the PNG's header has a wrong length", e);
    out->width = big_endian(p, 4), out->height = big_endian(p + 4, 4);
    return true;
}

bool png_head(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    bool data = false;
    for (size_t at = 8, count = 0;; count++) {
        if (size - at < 12) return image_damaged(name, "the PNG ends early", e);
        const uint8_t *chunk = p + at + 8;
        size_t n = big_endian(p + at, 4);
        if (n > size - at - 12) return image_damaged(name, "the PNG ends within a chunk", e);
        bool critical = !(p[at + 4] & 32), exif = !memcmp(p + at + 4, "eXIf", 4);
        if (!count != !memcmp(p + at + 4, "IHDR", 4))
            return image_damaged(name, "the PNG does not begin with its header", e);
        if ((critical || exif) && crc32_update(0, p + at + 4, n + 4) != big_endian(chunk + n, 4)) {
            if (critical) return image_damaged(name, "the PNG is damaged (CRC)", e);
            exif = false;
        }
        if (!count && !png_header(chunk, n, name, out, e)) return false;
        if (exif) out->exif = chunk, out->exif_size = n;
        data |= !memcmp(p + at + 4, "IDAT", 4);
        if (!memcmp(p + at + 4, "IEND", 4)) break;
        at += 12 + n;
    }
    return data || image_damaged(name, "the PNG has no pixels", e);
}

/* --- text --- */

/* n bytes of a chunk's text, Latin-1 or UTF-8, as a new UTF-8 string up to its first NUL. */
static char *text_of(const uint8_t *p, size_t n, bool latin1) {
    char *text = malloc(2 * n + 1);
    size_t k = 0;
    for (size_t i = 0; text && i < n && p[i]; i++) {
        if (latin1) k += utf8_encode(p[i], (uint8_t *)text + k);
        else text[k++] = (char)p[i];
    }
    if (text) text[k] = 0;
    return text;
}

bool png_read_text(const uint8_t *png, size_t size, const char *keyword, char **text, Error *e) {
    size_t key = strlen(keyword) + 1; /* with its NUL */
    *text = NULL;
    if (size < SIGNATURE_SIZE || memcmp(png, "\x89PNG\r\n\x1A\n", SIGNATURE_SIZE))
        return error_set(e, ERR_FORMAT, "not a PNG; name a PNG file");
    for (size_t at = SIGNATURE_SIZE; size - at >= 12;) {
        const uint8_t *type = png + at + 4, *p = type + 4, *end = p;
        size_t n = big_endian(png + at, 4);
        if (n > size - at - 12) return error_set(e, ERR_FORMAT, "the PNG ends within a chunk; " AGAIN);
        end += n;
        at += 12 + n;
        if (!memcmp(type, "IEND", 4)) return true;
        bool latin1 = !memcmp(type, "tEXt", 4);
        if (!latin1 && memcmp(type, "iTXt", 4)) continue;
        if (n < key || memcmp(p, keyword, key)) continue;
        if (crc32_update(0, type, n + 4) != big_endian(end, 4))
            return error_set(e, ERR_FORMAT, "the PNG's text is damaged (CRC); " AGAIN);
        p += key;
        if (!latin1) {
            if (end - p < 2) return error_set(e, ERR_FORMAT, "the PNG's text chunk is too short; " AGAIN);
            if (p[0])
                return error_set(e, ERR_FORMAT,
                                 "the PNG's text is compressed, which is not supported; save it with plain text");
            p += 2;
            for (int i = 0; i < 2; i++) { /* language, translated keyword */
                p = memchr(p, 0, (size_t)(end - p));
                if (!p++) return error_set(e, ERR_FORMAT, "the PNG's text chunk is too short; " AGAIN);
            }
        }
        *text = text_of(p, (size_t)(end - p), latin1);
        return *text ||
               error_set(e, ERR_MEMORY, "cannot allocate memory for a picture's text; free some and try again");
    }
    return true;
}

bool png_text(const uint8_t *png, size_t size, const char *name, const char *keyword, char **text, Error *e) {
    Error own = {0};
    return png_read_text(png, size, keyword, text, &own) || error_set(e, own.code, "%s: %s", name, own.text);
}

bool png_write(const uint8_t *rgb, int width, int height, const char *text, uint8_t **out, size_t *size, Error *e) {
    const PngText parameters = {"parameters", text};
    return png_encode(rgb, width, height, &parameters, text != NULL, out, size, e);
}
