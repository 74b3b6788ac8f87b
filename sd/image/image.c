/* image.c: from a file to RGB by the table of codecs: read, check, decode, flatten, put the right way up; and back. */
#include "image.h"

#include "codecs.h"
#include "exif.h"
#include "weights/atomic_file.h"
#include "weights/file_read.h"
#include "weights/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 1 << 28 }; /* twice 16 million pixels of 16-bit RGBA without compression */

/* The webui flattens by Pillow's paste: (over a + under (255 - a)) / 255, rounded by adding the high byte twice. */
static uint8_t blend(unsigned under, unsigned over, unsigned a) {
    unsigned v = under * (255 - a) + over * a + 128;
    return (uint8_t)((v + (v >> 8)) >> 8);
}

/* Puts [h][w] RGBA the right way up while it flattens it: pixel (x, y) of the result comes from (x, y) mirrored and
 * with its axes exchanged, as TIFF says of orientations 1 to 8. */
static void flatten(uint8_t *out, const uint8_t *rgba, int w, int h, int orientation, uint32_t background) {
    int o = orientation;
    bool exchange = o >= 5, right = o == 2 || o == 3 || o == 7 || o == 8, bottom = o == 3 || o == 4 || o == 6 || o == 7;
    int width = exchange ? h : w, height = exchange ? w : h;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, out += 3) {
            int sx = exchange ? y : x, sy = exchange ? x : y;
            if (right) sx = w - 1 - sx;
            if (bottom) sy = h - 1 - sy;
            const uint8_t *p = rgba + 4 * ((size_t)sy * (size_t)w + (size_t)sx);
            for (int c = 0; c < 3; c++) out[c] = blend(background >> (16 - 8 * c) & 255, p[c], p[3]);
        }
}

/* codec: what was recognised, or NULL */
static bool not_read(const ImageCodec *codec, const char *name, Error *e) {
    if (codec)
        return error_set(e, ERR_FORMAT, "%s: %s pictures are not read; save it as PNG or JPEG", name, codec->name);
    return error_set(e, ERR_FORMAT, "%s: not a picture; give a PNG, JPEG, BMP or GIF file", name);
}

static bool check_size(const ImageHead *head, const char *name, Error *e) {
    if (head->width < 1 || head->height < 1) return image_damaged(name, "the picture has no pixels", e);
    return head->width <= IMAGE_PIXELS / head->height ||
           error_set(e, ERR_FORMAT, "%s: %lld x %lld pixels are too many; make it smaller, 4096 x 4096 at most", name,
                     (long long)head->width, (long long)head->height);
}

static bool decode_failed(const ImageCodec *codec, const char *name, const char *why, Error *e) {
    if (!why)
        return error_set(e, ERR_DEVICE, "%s: this build does not read %s pictures; install %s and build again", name,
                         codec->name, codec->needs);
    return error_set(e, ERR_FORMAT, "%s: the picture is damaged (%s); download it again or save it anew", name, why);
}

bool image_decode(const uint8_t *bytes, size_t size, const char *name, uint32_t background, Image *out, Error *e) {
    *out = (Image){0};
    if (e && e->code) return false;
    if (size > FILE_MOST) return error_set(e, ERR_FORMAT, "%s: is larger than 256 MiB; give a smaller picture", name);
    const ImageCodec *codec = image_codec(bytes, size);
    ImageHead head = {0};
    if (!codec || !codec->decode) return not_read(codec, name, e);
    if (!codec->head(bytes, size, name, &head, e) || !check_size(&head, name, e)) return false;
    const char *why;
    uint8_t *rgba = codec->decode(bytes, size, &head, &why);
    if (!rgba) return decode_failed(codec, name, why, e);
    int orientation = head.exif ? exif_orientation(head.exif, head.exif_size) : 1;
    int w = (int)head.width, h = (int)head.height;
    uint8_t *rgb = malloc((size_t)w * (size_t)h * 3);
    if (rgb) flatten(rgb, rgba, w, h, orientation, background);
    codec->release(rgba);
    if (!rgb)
        return error_set(e, ERR_MEMORY, "%s: cannot allocate memory for a picture of %d x %d; free some and try again",
                         name, w, h);
    *out = (Image){rgb, orientation >= 5 ? h : w, orientation >= 5 ? w : h};
    return true;
}

void image_free(Image *i) {
    free(i->rgb);
    *i = (Image){0};
}

static bool begins(const char *name, const void *first, size_t size, Error *e) {
    return image_codec(first, size) || not_read(NULL, name, e);
}

static uint8_t *read_file(const char *path, size_t *size, Error *e) {
    static const FileWanted WANTED = {.most = FILE_MOST, .advice = "name a picture", .begins = begins};
    return (uint8_t *)file_read(path, &WANTED, size, e);
}

bool image_read(const char *path, uint32_t background, Image *out, Error *e) {
    *out = (Image){0};
    size_t size;
    uint8_t *bytes = read_file(path, &size, e);
    bool ok = bytes && image_decode(bytes, size, path, background, out, e);
    free(bytes);
    return ok;
}

/* Files may hold anything; callers get valid UTF-8. */
static bool clean(char **text, Error *e) {
    char *out = utf8_valid(*text, strlen(*text));
    free(*text);
    *text = out;
    return out || error_set(e, ERR_MEMORY, "cannot allocate memory for a picture's text; free some and try again");
}

bool image_read_text(const char *path, const char *keyword, char **text, Error *e) {
    *text = NULL;
    size_t size;
    uint8_t *bytes = read_file(path, &size, e);
    if (!bytes) return false;
    const ImageCodec *codec = image_codec(bytes, size);
    ImageHead head = {0};
    bool ok = codec->head || not_read(codec, path, e);
    if (ok && codec->text) ok = codec->text(bytes, size, path, keyword, text, e);
    if (ok && !*text && !strcmp(keyword, "parameters")) {
        /* A format with a text of its own was searched already: damage further on means no EXIF, no more. */
        bool whole = codec->head(bytes, size, path, &head, codec->text ? NULL : e);
        ok = whole ? !head.exif || exif_user_comment(head.exif, head.exif_size, text, e) : codec->text != NULL;
    }
    free(bytes);
    return ok && (!*text || clean(text, e));
}

static bool write_with(const ImageCodec *codec, const uint8_t *rgb, int width, int height, const char *text,
                       const char *path, Error *e) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    if ((e && e->code) || !codec || !codec->encode(rgb, width, height, text, &bytes, &size, e)) return false;
    bool ok = atomic_write_file(path, bytes, size, e);
    free(bytes);
    return ok;
}

bool image_write_check(const char *path, Error *e) { return image_codec_for(path, e) != NULL; }

bool image_write(const uint8_t *rgb, int width, int height, const char *text, const char *path, Error *e) {
    return write_with(image_codec_for(path, e), rgb, width, height, text, path, e);
}

bool image_write_png(const uint8_t *rgb, int width, int height, const char *text, const char *path, Error *e) {
    return write_with(image_codec_row(0), rgb, width, height, text, path, e);
}
