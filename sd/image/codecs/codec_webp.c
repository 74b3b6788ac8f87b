/* codec_webp.c: a WebP's structure, EXIF and XMP; its pixels by libwebp, which is loaded when it is needed (Debian:
 * libwebp7). Source: "WebP Container Specification", Google; libwebp's decode.h and encode.h. */
#include "bytes.h"
#include "codecs.h"
#include "exif.h"
#include "exif_write.h"
#include "sd/image/image.h"
#include "tensor/os.h"

#include <stdlib.h>
#include <string.h>

enum { RIFF = 12, CHUNK = 8, ANIMATED = 2, HAS_EXIF = 8, LOSSLESS = 100 };

/* --- the library --- */

static void *library(void) {
    static const char *const NAMES[] = {"libwebp.so.7", "libwebp.so.6", "libwebp.so", "libwebp.7.dylib",
                                        "/opt/homebrew/opt/webp/lib/libwebp.dylib"};
    void *found = NULL;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES && !found; i++) found = os_library_open(NAMES[i], NULL, NULL);
    return found;
}

bool webp_is_there(void) { return library() != NULL; }

/* --- the container --- */

typedef struct {
    const uint8_t *kind, *data;
    size_t n;
} Chunk;

/* The chunk at *at, which moves past it; false: none is whole. */
static bool next_chunk(const uint8_t *p, size_t size, size_t *at, Chunk *c) {
    if (*at > size || size - *at < CHUNK) return false;
    size_t n = little_endian(p + *at + 4, 4);
    if (n > size - *at - CHUNK) return false;
    *c = (Chunk){p + *at, p + *at + CHUNK, n};
    *at += CHUNK + n + (n & 1);
    return true;
}

/* The size that a chunk of pixels says; false: it is none. */
static bool pixels_of(const Chunk *c, int64_t *w, int64_t *h) {
    if (!memcmp(c->kind, "VP8 ", 4)) {
        if (c->n < 10 || c->data[0] & 1 || memcmp(c->data + 3, "\x9D\x01\x2A", 3)) return *w = *h = 0, true;
        *w = little_endian(c->data + 6, 2) & 0x3FFF, *h = little_endian(c->data + 8, 2) & 0x3FFF;
        return true;
    }
    if (memcmp(c->kind, "VP8L", 4)) return false;
    if (c->n < 5 || c->data[0] != 0x2F) return *w = *h = 0, true;
    uint32_t bits = little_endian(c->data + 1, 4);
    *w = (bits & 0x3FFF) + 1, *h = (bits >> 14 & 0x3FFF) + 1;
    return true;
}

bool webp_is_lossy(const uint8_t *p, size_t size) {
    Chunk c;
    for (size_t at = RIFF; next_chunk(p, size, &at, &c);)
        if (!memcmp(c.kind, "VP8 ", 4)) return true;
    return false;
}

bool webp_head(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    size_t end = (size_t)little_endian(p + 4, 4) + CHUNK, at = RIFF;
    int64_t w = 0, h = 0, canvas_w = 0, canvas_h = 0;
    Chunk c;
    if (end > size || end < RIFF) return image_damaged(name, "the WebP ends early", e);
    while (at < end) {
        if (!next_chunk(p, end, &at, &c)) return image_damaged(name, "the WebP ends within a chunk", e);
        if (!memcmp(c.kind, "VP8X", 4)) {
            if (c.n < 10) return image_damaged(name, "the WebP's header is damaged", e);
            if (c.data[0] & ANIMATED) return image_unsupported(name, "the WebP is animated, which is not read", e);
            canvas_w = (int64_t)little_endian(c.data + 4, 3) + 1, canvas_h = (int64_t)little_endian(c.data + 7, 3) + 1;
        } else if (!memcmp(c.kind, "EXIF", 4) && !out->exif) out->exif = c.data, out->exif_size = c.n;
        else if (w) continue;
        else if (pixels_of(&c, &w, &h) && (!w || !h)) return image_damaged(name, "the WebP's pixels are damaged", e);
    }
    if (!w) return image_damaged(name, "the WebP has no pixels", e);
    if (canvas_w && (canvas_w != w || canvas_h != h)) return image_damaged(name, "the WebP contradicts itself", e);
    out->width = w, out->height = h;
    return true;
}

bool webp_texts(const uint8_t *p, size_t size, ImageTexts *out, Error *e) {
    Chunk c;
    for (size_t at = RIFF; next_chunk(p, size, &at, &c);) {
        bool ok = true;
        int64_t w, h;
        if (!memcmp(c.kind, "EXIF", 4)) ok = exif_texts(c.data, c.n, out, e);
        else if (!memcmp(c.kind, "XMP ", 4))
            ok = image_texts_add(out, TEXT_XMP, sizeof TEXT_XMP - 1, c.data, c.n, TEXT_UTF8, e);
        else if (!memcmp(c.kind, "VP8X", 4) && c.n >= 10)
            out->width = little_endian(c.data + 4, 3) + 1, out->height = little_endian(c.data + 7, 3) + 1;
        else if (!out->width && pixels_of(&c, &w, &h)) out->width = w, out->height = h;
        if (!ok) return false;
    }
    return true;
}

/* --- pixels --- */

bool webp_decode(const uint8_t *bytes, size_t size, const ImageHead *head, const ImageSink *to, const char **why) {
    typedef uint8_t *Decode(const uint8_t *data, size_t size, uint8_t *out, size_t out_size, int stride);
    void *webp = library();
    Decode *decode = webp ? (Decode *)os_library_function(webp, "WebPDecodeRGBAInto") : NULL;
    size_t row = (size_t)head->width * 4, all = row * (size_t)head->height;
    uint8_t *pixels = decode ? malloc(all) : NULL;
    *why = NULL;
    if (!pixels) return false;
    bool ok = decode(bytes, size, pixels, all, (int)row) == pixels;
    if (!ok) *why = "its pixels are damaged";
    for (int64_t y = 0; ok && y < head->height; y++) to->put(to->user, pixels + (size_t)y * row, y, 0, 1, head->width);
    free(pixels);
    return ok;
}

static void put(uint8_t **p, const void *bytes, size_t n) {
    memcpy(*p, bytes, n);
    *p += n;
}

static void put_little(uint8_t **p, uint32_t v, int bytes) {
    for (int i = 0; i < bytes; i++) *(*p)++ = (uint8_t)(v >> (8 * i));
}

static void put_chunk(uint8_t **p, const char *kind, const uint8_t *data, size_t n) {
    put(p, kind, 4);
    put_little(p, (uint32_t)n, 4);
    put(p, data, n);
    if (n & 1) put_little(p, 0, 1);
}

/* A simple file's chunk of pixels in an extended one with the text. */
static bool with_text(const uint8_t *webp, size_t n, int w, int h, const char *text, uint8_t **out, size_t *size,
                      Error *e) {
    Chunk pixels, each;
    uint8_t *exif = NULL, header[10] = {HAS_EXIF}, *at = header + 4;
    size_t exif_n = 0;
    bool found = false;
    for (size_t k = RIFF; !found && next_chunk(webp, n, &k, &each);) {
        found = !memcmp(each.kind, "VP8 ", 4) || !memcmp(each.kind, "VP8L", 4);
        pixels = each;
    }
    if (!found) return error_set(e, ERR_FILE, "libwebp wrote what is no WebP; name it .png");
    if (text && !exif_make(text, &exif, &exif_n, e)) return false;
    put_little(&at, (uint32_t)w - 1, 3);
    put_little(&at, (uint32_t)h - 1, 3);
    size_t body = 4 + CHUNK + pixels.n + (pixels.n & 1);
    if (text) body += CHUNK + sizeof header + CHUNK + exif_n + (exif_n & 1);
    uint8_t *p = malloc(body + CHUNK);
    *out = p, *size = body + CHUNK;
    if (p) {
        put(&p, "RIFF", 4);
        put_little(&p, (uint32_t)body, 4);
        put(&p, "WEBP", 4);
        if (text) put_chunk(&p, "VP8X", header, sizeof header);
        put_chunk(&p, (const char *)pixels.kind, pixels.data, pixels.n);
        if (text) put_chunk(&p, "EXIF", exif, exif_n);
    }
    free(exif);
    return *out || error_set(e, ERR_MEMORY, "cannot allocate memory to write a WebP; free some and try again");
}

bool webp_write(const uint8_t *rgb, int width, int height, const char *text, int quality, uint8_t **out, size_t *size,
                Error *e) {
    typedef size_t Encode(const uint8_t *rgb, int width, int height, int stride, float quality, uint8_t **out);
    typedef size_t Lossless(const uint8_t *rgb, int width, int height, int stride, uint8_t **out);
    typedef void Release(void *bytes);
    void *webp = library();
    Encode *encode = webp ? (Encode *)os_library_function(webp, "WebPEncodeRGB") : NULL;
    Lossless *lossless = webp ? (Lossless *)os_library_function(webp, "WebPEncodeLosslessRGB") : NULL;
    Release *release = webp ? (Release *)os_library_function(webp, "WebPFree") : NULL;
    if (!encode || !lossless || !release)
        return error_set(e, ERR_DEVICE, "WebP files are written by libwebp7; install it");
    uint8_t *made = NULL;
    size_t n = quality == LOSSLESS ? lossless(rgb, width, height, width * 3, &made)
                                   : encode(rgb, width, height, width * 3, (float)quality, &made);
    bool ok =
        (n && made) || error_set(e, ERR_MEMORY, "cannot allocate memory to write a WebP; free some and try again");
    ok = ok && with_text(made, n, width, height, text, out, size, e);
    if (made) release(made);
    return ok;
}
