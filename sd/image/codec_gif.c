/* codec_gif.c: a GIF's blocks up to the end of its first frame, which is all that is read, and whether that frame has
 * all of its pixels; and its comments, where the webui writes its text. */
#include "bytes.h"
#include "codecs.h"
#include "image.h"

#include <stdlib.h>
#include <string.h>

enum { EXTENSION = 0x21, COMMENT = 0xFE, IMAGE = 0x2C, TRAILER = 0x3B, CODES = 4096 };

/* Past data in blocks of at most 255 bytes, which an empty one ends; 0: the file ends first. */
static size_t skip_blocks(const uint8_t *p, size_t size, size_t at) {
    while (at < size && p[at]) at += 1 + (size_t)p[at];
    return at < size ? at + 1 : 0;
}

static size_t colours(uint8_t flags) { return flags & 0x80 ? (size_t)6 << (flags & 7) : 0; }

/* --- the first frame's pixels --- */

typedef struct {
    const uint8_t *p; /* whole blocks */
    int left;         /* bytes of this block */
    uint32_t bits;
    int held;
} Codes;

/* -1: no more bytes. */
static int next_code(Codes *c, int width) {
    for (; c->held < width; c->held += 8) {
        if (!c->left && !(c->left = *c->p++)) return c->p--, -1;
        c->bits |= (uint32_t)*c->p++ << c->held;
        c->left--;
    }
    int code = (int)(c->bits & ((1u << width) - 1));
    c->bits >>= width, c->held -= width;
    return code;
}

/* Counts the pixels that the codes stand for, which takes no more than the length of each code's string. */
static const char *read_codes(const uint8_t *p, int64_t pixels) {
    int bits = *p++;
    if (bits < 1 || bits > 11) return "the GIF is damaged";
    int clear = 1 << bits, end = clear + 1, width = bits + 1, next = -1, before = -1;
    int32_t length[CODES];
    Codes c = {.p = p};
    for (int i = 0; i < end + 1; i++) length[i] = 1;
    while (pixels > 0) {
        int code = next_code(&c, width);
        if (code < 0 || code == end) return "the GIF's pixels end early";
        if (code == clear) {
            next = end + 1, width = bits + 1, before = -1;
            continue;
        }
        if (next < 0) next = end + 1; /* the first clear code may be missing */
        if (code > next || (code == next && (before < 0 || next == CODES))) return "the GIF is damaged";
        if (before >= 0 && next < CODES) {
            length[next] = length[before] + 1;
            if (++next == 1 << width && width < 12) width++;
        }
        pixels -= length[code];
        before = code;
    }
    return NULL;
}

/* The frame whose descriptor is p[10]; its colours and codes follow. */
static bool frame(const uint8_t *p, const uint8_t *codes, bool has_colours, const char *name, const ImageHead *head,
                  Error *e) {
    int64_t x = little_endian(p + 1, 2), y = little_endian(p + 3, 2);
    int64_t w = little_endian(p + 5, 2), h = little_endian(p + 7, 2);
    if (!w || !h) return image_damaged(name, "the GIF's first frame has no pixels", e);
    if (x + w > head->width || y + h > head->height)
        return image_unsupported(name, "the GIF's first frame lies outside its picture", e);
    if (!has_colours) return image_damaged(name, "the GIF has no palette", e);
    const char *why = read_codes(codes, w * h);
    return !why || image_damaged(name, why, e);
}

bool gif_head(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    if (size < 13) return image_damaged(name, "the GIF ends early", e);
    out->width = little_endian(p + 6, 2), out->height = little_endian(p + 8, 2);
    if (!out->width || !out->height || out->width > IMAGE_PIXELS / out->height) return true; /* the caller refuses it */
    size_t global = colours(p[10]), at = 13 + global;
    while (at && at < size) {
        if (p[at] == EXTENSION) at = skip_blocks(p, size, at + 2);
        else if (p[at] == IMAGE && size - at > 10) { /* the first frame: all that is read */
            const uint8_t *descriptor = p + at;
            size_t own = colours(descriptor[9]);
            at += 10 + own;
            size_t end = skip_blocks(p, size, at + 1);
            if (!end) return image_damaged(name, "the GIF ends early", e);
            if (!frame(descriptor, p + at, global || own, name, out, e)) return false;
            while (end && end < size && p[end] == EXTENSION) end = skip_blocks(p, size, end + 2);
            if (end && end < size && p[end] == IMAGE) out->warning = "the GIF is animated; its first picture is used";
            return true;
        } else if (p[at] == TRAILER) return image_damaged(name, "the GIF has no pixels", e);
        else break;
    }
    return image_damaged(name, at && at < size && p[at] != IMAGE ? "the GIF is damaged" : "the GIF ends early", e);
}

/* --- texts --- */

static bool add_comment(const uint8_t *p, size_t at, size_t end, ImageTexts *out, Error *e) {
    char *text = malloc(end - at);
    size_t n = 0;
    if (!text) return error_set(e, ERR_MEMORY, "cannot allocate memory for a picture's text; free some and try again");
    for (; p[at]; at += 1 + (size_t)p[at]) {
        memcpy(text + n, p + at + 1, p[at]);
        n += p[at];
    }
    bool ok = image_texts_add(out, TEXT_COMMENT, sizeof TEXT_COMMENT - 1, text, n, TEXT_BYTES, e);
    free(text);
    return ok;
}

/* As far as the file goes: a text may stand before the picture, as the webui's, or after it. */
bool gif_texts(const uint8_t *p, size_t size, ImageTexts *out, Error *e) {
    if (size < 13) return error_set(e, ERR_FORMAT, "the GIF ends early; download it again or save it anew");
    out->width = little_endian(p + 6, 2), out->height = little_endian(p + 8, 2);
    for (size_t at = 13 + colours(p[10]); at && at + 1 < size;) {
        size_t data = at + 2;
        bool comment = p[at] == EXTENSION && p[at + 1] == COMMENT;
        if (p[at] == IMAGE && size - at > 10) data = at + 10 + colours(p[at + 9]) + 1;
        else if (p[at] != EXTENSION) return true;
        at = skip_blocks(p, size, data);
        if (!comment) continue;
        if (!at) return error_set(e, ERR_FORMAT, "the GIF's comment ends early; download it again or save it anew");
        if (!add_comment(p, data, at, out, e)) return false;
    }
    return true;
}
