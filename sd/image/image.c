/* image.c: from a file to RGB: read, looked through, decoded, flattened, turned. */
#include "image.h"

#include "exif.h"
#include "image_head.h"
#include "png.h"
#include "weights/file_read.h"
#include "weights/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 1 << 28 }; /* 16 million pixels of 16-bit RGBA that no compression helps are half of that */

/* The webui flattens by Pillow's paste: (over a + under (255 - a)) / 255, rounded by adding the high byte twice. */
static uint8_t blend(unsigned under, unsigned over, unsigned a) {
    unsigned v = under * (255 - a) + over * a + 128;
    return (uint8_t)((v + (v >> 8)) >> 8);
}

/* Turns [h][w] RGBA by an orientation of 1..8 while it flattens: pixel (x, y) of the result comes from (x, y) mirrored
 * and with its axes exchanged as TIFF says. */
static void flatten(uint8_t *out, const uint8_t *rgba, int w, int h, int turn, uint32_t background) {
    bool exchange = turn >= 5, right = turn == 2 || turn == 3 || turn == 7 || turn == 8,
         bottom = turn == 3 || turn == 4 || turn == 6 || turn == 7;
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

bool image_decode(const uint8_t *bytes, size_t size, const char *name, uint32_t background, Image *out, Error *e) {
    *out = (Image){0};
    if (e && e->code) return false;
    ImageHead head;
    if (size > FILE_MOST) return error_set(e, ERR_FORMAT, "%s: the file is too large for a picture", name);
    if (!image_head(bytes, size, name, &head, e)) return false;
    if (head.kind == IMAGE_WEBP)
        return error_set(e, ERR_FORMAT, "%s: WebP pictures are not read; save it as PNG or JPEG", name);
    if (!image_supported())
        return error_set(e, ERR_DEVICE,
                         "%s: this build reads no pictures; install libstb-dev (stb_image.h) and build again", name);
    /* A JPEG's parts, in blocks of up to 32 x 32, and 16-bit RGBA come to less than 24 bytes a pixel; the file's
     * compressed data is gathered in a buffer that doubles. */
    size_t most = (size_t)(head.width + 64) * (size_t)(head.height + 64) * 24 + 4 * size + (1 << 20);
    const char *why;
    uint8_t *rgba = image_stb_decode(bytes, size, head.width, head.height, most, &why);
    if (!rgba) return error_set(e, ERR_FORMAT, "%s: the picture is damaged (%s)", name, why);
    int turn = head.exif ? exif_orientation(head.exif, head.exif_size) : 1, w = (int)head.width, h = (int)head.height;
    uint8_t *rgb = malloc((size_t)w * (size_t)h * 3);
    if (rgb) flatten(rgb, rgba, w, h, turn, background);
    image_stb_free(rgba);
    if (!rgb) return error_set(e, ERR_MEMORY, "%s: out of memory for a picture of %d x %d", name, w, h);
    *out = (Image){rgb, turn >= 5 ? h : w, turn >= 5 ? w : h};
    return true;
}

void image_free(Image *i) {
    free(i->rgb);
    *i = (Image){0};
}

static bool begins(const char *name, const void *first, size_t size, Error *e) {
    return image_kind(first, size) != IMAGE_NONE ||
           error_set(e, ERR_FORMAT, "%s: this is no picture; PNG, JPEG, BMP and GIF are read", name);
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

/* Files may hold anything; what is handed out is valid UTF-8. */
static bool clean(char **text, Error *e) {
    char *out = utf8_valid(*text, strlen(*text));
    free(*text);
    *text = out;
    return out || error_set(e, ERR_MEMORY, "out of memory while reading a picture's text");
}

bool image_read_text(const char *path, const char *keyword, char **text, Error *e) {
    *text = NULL;
    size_t size;
    uint8_t *bytes = read_file(path, &size, e);
    if (!bytes) return false;
    ImageHead head;
    Error own = {0};
    ImageKind kind = image_kind(bytes, size);
    bool ok = true;
    if (kind == IMAGE_PNG && !png_read_text(bytes, size, keyword, text, &own)) ok = false;
    else if (!*text && !strcmp(keyword, "parameters") &&
             (kind != IMAGE_PNG || image_head(bytes, size, path, &head, NULL)))
        ok = image_head(bytes, size, path, &head, e) &&
             (!head.exif || exif_user_comment(head.exif, head.exif_size, text, e));
    if (own.code) error_set(e, own.code, "%s: %s", path, own.text);
    free(bytes);
    return ok && (!*text || clean(text, e));
}
