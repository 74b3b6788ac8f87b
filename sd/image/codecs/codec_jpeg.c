/* codec_jpeg.c: a JPEG's segments up to its end and the data of its scans, so that the decoder meets a whole picture;
 * and the texts before them. */
#include "bytes.h"
#include "codecs.h"
#include "exif.h"
#include "sd/image/image.h"
#include "jpeg_scan.h"

#include <stdlib.h>
#include <string.h>

enum { SCANS = 40 }; /* real files have a dozen; each costs a pass over the whole picture */

static const uint8_t END[2] = {0xFF, 0xD9};

static bool is_frame(int marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/* A marker and its segment, without the length; *at moves past them. Markers without a segment have n 0. */
typedef struct {
    int marker;
    const uint8_t *p;
    size_t n;
} Segment;

static bool next_segment(const uint8_t *p, size_t size, size_t *at, Segment *s, const char **why) {
    while (*at + 1 < size && p[*at] == 0xFF && p[*at + 1] == 0xFF) ++*at;
    *why = "the JPEG ends early";
    if (size - *at < 2) return false;
    *why = "the JPEG is damaged";
    if (p[*at] != 0xFF) return false;
    *s = (Segment){p[*at + 1], NULL, 0};
    *at += 2;
    if (s->marker == 1 || (s->marker >= 0xD0 && s->marker <= 0xD9)) return true;
    size_t n = size - *at < 2 ? 0 : big_endian(p + *at, 2);
    if (n == 1) return false;
    *why = "the JPEG ends within a segment";
    if (n < 2 || n > size - *at) return false;
    s->p = p + *at + 2, s->n = n - 2;
    *at += n;
    return true;
}

static bool frame(const Segment *s, const char *name, ImageHead *out, JpegScans *scans, Error *e) {
    const uint8_t *p = s->p;
    const char *why;
    if (s->marker > 0xC2)
        return image_unsupported(name, "lossless, hierarchical and arithmetically coded JPEGs are not read", e);
    if (out->width) return image_damaged(name, "the JPEG has two frames", e);
    if (s->n < 6 || s->n != 6 + 3 * (size_t)p[5]) return image_damaged(name, "the JPEG's header has a wrong length", e);
    if (p[0] != 8) return image_unsupported(name, "the JPEG's samples are not 8-bit", e);
    if (p[5] != 1 && p[5] != 3 && p[5] != 4)
        return image_unsupported(name, "the JPEG is neither grey, colour nor CMYK", e);
    out->height = big_endian(p + 1, 2), out->width = big_endian(p + 3, 2);
    if (!out->width || !out->height || out->width > IMAGE_PIXELS / out->height) return true; /* the caller refuses it */
    if (jpeg_frame(scans, p, s->marker == 0xC2, &why)) return true;
    return why ? error_set(e, ERR_FORMAT, "%s: the JPEG is damaged: %s; save it anew", name, why)
               : error_set(e, ERR_MEMORY, "%s: cannot allocate memory to read it; free some and try again", name);
}

/* At the end marker, or where the file ends without one. */
static bool finish(const JpegScans *scans, bool adobe, const char *name, ImageHead *out, bool marked, Error *e) {
    if (scans->count == 4 && !adobe) return image_unsupported(name, "a CMYK JPEG that does not say which kind", e);
    if (!jpeg_any(scans)) return image_damaged(name, marked ? "the JPEG has no pixels" : "the JPEG ends early", e);
    if (marked) return true;
    if (!jpeg_all(scans)) return image_damaged(name, "the JPEG ends early", e);
    out->warning = "the JPEG lacks its end marker; its pixels are whole";
    return true;
}

static bool walk(const uint8_t *p, size_t size, const char *name, ImageHead *out, JpegScans *scans, Error *e) {
    int count = 0;
    bool adobe = false;
    for (size_t at = 2;;) {
        Segment s;
        const char *why;
        if (!next_segment(p, size, &at, &s, &why)) {
            if (size - at < 2 && count) return finish(scans, adobe, name, out, false, e);
            return image_damaged(name, why, e);
        }
        if (s.marker == 0xD9) return finish(scans, adobe, name, out, true, e);
        if (s.marker == 0xC4 && !jpeg_codes(scans, s.p, s.n, &why))
            return image_damaged(name, "the JPEG's Huffman tables are damaged", e);
        if (is_frame(s.marker)) {
            if (!frame(&s, name, out, scans, e)) return false;
            if (!scans->width) return true; /* too large, or nothing at all */
        }
        if (s.marker == 0xDD && s.n >= 2) scans->restart = (int)big_endian(s.p, 2);
        if (s.marker == 0xE1 && s.n > 6 && !memcmp(s.p, "Exif\0\0", 6) && !out->exif)
            out->exif = s.p, out->exif_size = s.n;
        if (s.marker == 0xEE && s.n >= 12 && !memcmp(s.p, "Adobe", 5)) adobe = true;
        if (s.marker != 0xDA) continue;
        if (!scans->width || ++count > SCANS) return image_damaged(name, "the JPEG's scans make no sense", e);
        size_t n = jpeg_scan(scans, s.p, s.n, p + at, size - at, &why);
        if (!n)
            return error_set(e, ERR_FORMAT, "%s: the JPEG is damaged: %s; download it again or save it anew", name,
                             why);
        at += n;
        while (at + 1 < size && (p[at] != 0xFF || !p[at + 1])) at++; /* padding */
    }
}

bool jpeg_head(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    JpegScans *scans = calloc(1, sizeof *scans);
    if (!scans) return error_set(e, ERR_MEMORY, "%s: cannot allocate memory to read it; free some and try again", name);
    bool ok = walk(p, size, name, out, scans, e);
    jpeg_scans_free(scans);
    free(scans);
    return ok;
}

/* Lossless ones are not read. */
bool jpeg_is_lossy(const uint8_t *p, size_t size) { return (void)p, (void)size, true; }

bool jpeg_texts(const uint8_t *p, size_t size, ImageTexts *out, Error *e) {
    static const char XMP[] = "http://ns.adobe.com/xap/1.0/", NAMED[] = "parameters";
    Segment s;
    const char *why;
    for (size_t at = 2;;) {
        if (!next_segment(p, size, &at, &s, &why)) return out->count > 0 || image_texts_damaged(why, e);
        if (s.marker == 0xD9 || s.marker == 0xDA) return true;
        bool ok = true;
        if (is_frame(s.marker) && s.n >= 5) out->height = big_endian(s.p + 1, 2), out->width = big_endian(s.p + 3, 2);
        if (s.marker == 0xE1 && s.n > 6 && !memcmp(s.p, "Exif\0\0", 6)) ok = exif_texts(s.p, s.n, out, e);
        else if (s.marker == 0xE1 && s.n > sizeof XMP && !memcmp(s.p, XMP, sizeof XMP))
            ok = image_texts_add(out, TEXT_XMP, sizeof TEXT_XMP - 1, s.p + sizeof XMP, s.n - sizeof XMP, TEXT_UTF8, e);
        else if (s.marker == 0xFE && s.n > sizeof NAMED && !memcmp(s.p, NAMED, sizeof NAMED)) /* stable-diffusion.cpp */
            ok = image_texts_add(out, NAMED, sizeof NAMED - 1, s.p + sizeof NAMED, s.n - sizeof NAMED, TEXT_BYTES, e);
        else if (s.marker == 0xFE)
            ok = image_texts_add(out, TEXT_COMMENT, sizeof TEXT_COMMENT - 1, s.p, s.n, TEXT_BYTES, e);
        if (!ok) return false;
    }
}

bool jpeg_decode(const uint8_t *bytes, size_t size, const ImageHead *head, const ImageSink *to, const char **why) {
    if (!head->warning) return stb_decode(bytes, size, head, to, why);
    uint8_t *whole = malloc(size + sizeof END); /* stb_image wants the marker */
    *why = NULL;
    if (!whole) return false;
    memcpy(whole, bytes, size);
    memcpy(whole + size, END, sizeof END);
    bool ok = stb_decode(whole, size + sizeof END, head, to, why);
    free(whole);
    return ok;
}
