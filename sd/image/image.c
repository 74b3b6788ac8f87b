/* image.c: from a file to RGB by the table of codecs: read, check, decode, flatten, put the right way up; and back. */
#include "image.h"

#include "sd/image/codecs/codecs.h"
#include "sd/image/codecs/exif.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 1 << 28 }; /* twice 16 million pixels of 16-bit RGBA without compression */

/* The webui flattens by Pillow's paste: (over a + under (255 - a)) / 255, rounded by adding the high byte twice. */
static uint8_t blend(unsigned under, unsigned over, unsigned a) {
    unsigned v = under * (255 - a) + over * a + 128;
    return (uint8_t)((v + (v >> 8)) >> 8);
}

/* Where decoded pixels go: the right way up; with three channels without their transparency. */
typedef struct {
    uint8_t *pixels;
    int channels;
    int w, h; /* as decoded */
    int orientation;
    uint32_t background;
    bool transparent; /* some of it */
} Canvas;

/* Pixel (x, y) of the result comes from (x, y) mirrored and with its axes exchanged, as TIFF says of orientations 1 to
 * 8; so (x, y) of the file goes to where the same undone leads. */
static void put(void *user, const uint8_t *rgba, int64_t y, int64_t x, int64_t step, int64_t count) {
    Canvas *c = user;
    int o = c->orientation;
    uint8_t opaque = 255;
    bool exchange = o >= 5, right = o == 2 || o == 3 || o == 7 || o == 8, bottom = o == 3 || o == 4 || o == 6 || o == 7;
    if (bottom) y = c->h - 1 - y;
    for (int64_t i = 0; i < count; i++, x += step, rgba += 4) {
        int64_t to_x = right ? c->w - 1 - x : x;
        int64_t at = exchange ? to_x * c->h + y : y * c->w + to_x;
        uint8_t *out = c->pixels + c->channels * at;
        if (c->channels == 4) memcpy(out, rgba, 4);
        else
            for (int k = 0; k < 3; k++) out[k] = blend(c->background >> (16 - 8 * k) & 255, rgba[k], rgba[3]);
        opaque &= rgba[3];
    }
    if (opaque != 255) c->transparent = true;
}

/* codec: what was recognised, or NULL */
static bool not_read(const ImageCodec *codec, const char *name, Error *e) {
    if (codec)
        return error_set(e, ERR_FORMAT, "%s: %s pictures are not read; save it as PNG or JPEG", name, codec->name);
    return error_set(e, ERR_FORMAT, "%s: not a picture; give a PNG, JPEG, WebP, BMP or GIF file", name);
}

static bool check_size(const ImageHead *head, const char *name, Error *e) {
    if (head->width < 1 || head->height < 1) return image_damaged(name, "the picture has no pixels", e);
    bool fits = head->width <= IMAGE_SIDE && head->height <= IMAGE_SIDE && head->width <= IMAGE_PIXELS / head->height;
    return fits || error_set(e, ERR_FORMAT, "%s: %lld x %lld pixels are too many; make it smaller, 4096 x 4096 at most",
                             name, (long long)head->width, (long long)head->height);
}

static bool decode_failed(const ImageCodec *codec, const char *name, const char *why, Error *e) {
    if (!why && codec->reads && !codec->reads())
        return error_set(e, ERR_DEVICE, "%s: this build does not read %s pictures; %s", name, codec->name,
                         codec->needs);
    if (!why) return error_set(e, ERR_MEMORY, "%s: cannot allocate memory to read it; free some and try again", name);
    return error_set(e, ERR_FORMAT, "%s: the picture is damaged (%s); download it again or save it anew", name, why);
}

/* channels: 3, or 4 to keep the transparency. */
static bool decode(const uint8_t *bytes, size_t size, const char *name, uint32_t background, int channels, Image *out,
                   Error *e) {
    *out = (Image){0};
    if (e && e->code) return false;
    if (size > FILE_MOST) return error_set(e, ERR_FORMAT, "%s: is larger than 256 MiB; give a smaller picture", name);
    const ImageCodec *codec = image_codec(bytes, size);
    ImageHead head = {0};
    if (!codec || !codec->decode) return not_read(codec, name, e);
    if (!codec->head(bytes, size, name, &head, e) || !check_size(&head, name, e)) return false;
    int orientation = head.exif ? exif_orientation(head.exif, head.exif_size) : 1;
    int w = (int)head.width, h = (int)head.height;
    Canvas canvas = {malloc((size_t)w * (size_t)h * (size_t)channels), channels, w, h, orientation, background, false};
    const ImageSink to = {put, &canvas};
    const char *why = NULL;
    if (!canvas.pixels)
        return error_set(e, ERR_MEMORY, "%s: cannot allocate memory for a picture of %d x %d; free some and try again",
                         name, w, h);
    if (!codec->decode(bytes, size, &head, &to, &why)) {
        free(canvas.pixels);
        return decode_failed(codec, name, why, e);
    }
    *out = (Image){canvas.pixels, orientation >= 5 ? h : w, orientation >= 5 ? w : h, head.warning, canvas.transparent};
    return true;
}

bool image_decode(const uint8_t *bytes, size_t size, const char *name, uint32_t background, Image *out, Error *e) {
    return decode(bytes, size, name, background, 3, out, e);
}

bool image_decode_alpha(const uint8_t *bytes, size_t size, const char *name, Image *out, uint8_t **alpha, Error *e) {
    *alpha = NULL;
    if (!decode(bytes, size, name, 0, 4, out, e)) return false;
    const int64_t n = (int64_t)out->width * out->height;
    if (out->transparent && !(*alpha = malloc((size_t)n))) {
        image_free(out);
        return error_set(e, ERR_MEMORY, "%s: cannot allocate memory for its transparency; free some and try again",
                         name);
    }
    for (int64_t i = 0; i < n; i++) {
        if (*alpha) (*alpha)[i] = out->rgb[4 * i + 3];
        memmove(out->rgb + 3 * i, out->rgb + 4 * i, 3);
    }
    return true;
}

/* Pillow's convert("L"). */
static uint8_t luminance(const uint8_t *rgb) {
    return (uint8_t)((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
}

bool image_decode_mask(const uint8_t *bytes, size_t size, const char *name, bool round, Image *out, Error *e) {
    if (!decode(bytes, size, name, 0, 4, out, e)) return false;
    for (int64_t i = 0; i < (int64_t)out->width * out->height; i++) {
        const uint8_t *p = out->rgb + 4 * i;
        uint8_t alpha = (uint8_t)(!round ? p[3] : p[3] > 128 ? 255 : 0);
        out->rgb[i] = out->transparent ? alpha : luminance(p);
    }
    return true;
}

const char *image_lossy(const uint8_t *bytes, size_t size) {
    const ImageCodec *c = image_codec(bytes, size);
    return c && c->lossy && c->lossy(bytes, size) ? c->name : NULL;
}

void image_free(Image *i) {
    free(i->rgb);
    *i = (Image){0};
}

static bool begins(const char *name, const void *first, size_t size, Error *e) {
    return image_codec(first, size) || not_read(NULL, name, e);
}

FileBytes image_bytes(const char *path, Error *e) {
    static const FileWanted WANTED = {.most = FILE_MOST, .advice = "name a picture", .begins = begins};
    return file_bytes(path, &WANTED, e);
}

bool image_read(const char *path, uint32_t background, Image *out, Error *e) {
    *out = (Image){0};
    FileBytes b = image_bytes(path, e);
    bool ok = b.bytes && image_decode(b.bytes, b.size, file_shown(path), background, out, e);
    file_bytes_free(&b);
    return ok;
}

bool image_read_mask(const char *path, bool round, Image *out, Error *e) {
    *out = (Image){0};
    FileBytes b = image_bytes(path, e);
    bool ok = b.bytes && image_decode_mask(b.bytes, b.size, file_shown(path), round, out, e);
    file_bytes_free(&b);
    return ok;
}

static bool texts_of(const uint8_t *bytes, size_t size, const char *name, bool hidden, ImageTexts *out, Error *e) {
    const ImageCodec *codec = image_codec(bytes, size);
    Error own = {0};
    *out = (ImageTexts){0};
    if (e && e->code) return false;
    if (!codec || !codec->texts) return not_read(codec, name, e);
    bool (*read)(const uint8_t *, size_t, ImageTexts *, Error *) = hidden ? codec->hidden : codec->texts;
    return !read || read(bytes, size, out, &own) || error_set(e, own.code, "%s: %s", name, own.text);
}

bool image_texts(const uint8_t *bytes, size_t size, const char *name, ImageTexts *out, Error *e) {
    return texts_of(bytes, size, name, false, out, e);
}

bool image_hidden(const uint8_t *bytes, size_t size, const char *name, ImageTexts *out, Error *e) {
    return texts_of(bytes, size, name, true, out, e);
}

static bool write_with(const ImageCodec *codec, const uint8_t *rgb, int width, int height, const char *text,
                       int quality, const char *path, Error *e) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    if ((e && e->code) || !codec ||
        !codec->encode(rgb, width, height, text, quality > 0 ? quality : IMAGE_QUALITY, &bytes, &size, e))
        return false;
    bool ok = atomic_write_file(path, bytes, size, e);
    free(bytes);
    return ok;
}

bool image_write_check(const char *path, Error *e) { return image_codec_for(path, e) != NULL; }

bool image_write_fits(const char *path, int width, int height, size_t text, Error *e) {
    const ImageCodec *codec = image_codec_for(path, e);
    if (!codec) return false;
    if (codec->side_most && (width > codec->side_most || height > codec->side_most))
        return error_set(e, ERR_ARGUMENT, "%.200s: a %s has %d pixels along a side at most; name it .png", path,
                         codec->name, codec->side_most);
    return !codec->text_most || text <= codec->text_most ||
           error_set(e, ERR_ARGUMENT, "%.200s: its text, with the prompts, is too long for a %s; name it .png", path,
                     codec->name);
}

bool image_write(const uint8_t *rgb, int width, int height, const char *text, int quality, const char *path, Error *e) {
    return write_with(image_codec_for(path, e), rgb, width, height, text, quality, path, e);
}

bool image_write_png(const uint8_t *rgb, int width, int height, const char *text, const char *path, Error *e) {
    return write_with(image_codec_row(0), rgb, width, height, text, IMAGE_QUALITY, path, e);
}
