/* codec_gif.c: a GIF's blocks up to the end of its first frame, which is all that is read, and that frame's pixels; and
 * its comments, where the webui writes its text.
 *
 * What the first frame does not cover is, as in Pillow, its transparent colour or else colour 0. */
#include "bytes.h"
#include "codecs.h"
#include "sd/image/image.h"

#include <stdlib.h>
#include <string.h>

enum { EXTENSION = 0x21, COMMENT = 0xFE, CONTROL = 0xF9, IMAGE = 0x2C, TRAILER = 0x3B, CODES = 4096 };

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

/* The first frame's place, its colours, and what comes of it. */
typedef struct {
    const uint8_t *codes;
    int64_t x, y, w, h;
    bool interlaced;
    uint8_t palette[256][4];
    int clear; /* the transparent colour; -1: none */
    const ImageSink *to;
    uint8_t *rgba;    /* a row of the picture */
    int64_t at, done; /* pixels of this row, and rows */
} Frame;

/* Rows come in their order, or every 8th, every 8th from 4 on, every 4th from 2 on, and the rest. */
static int64_t next_row(const Frame *f) {
    int64_t row = f->done;
    if (!f->interlaced) return row;
    for (int pass = 0, step = 8, from = 0; pass < 4; pass++) {
        int64_t rows = f->h > from ? (f->h - from + step - 1) / step : 0;
        if (row < rows) return from + row * step;
        row -= rows;
        from = pass == 0 ? 4 : pass == 1 ? 2 : 1, step = pass == 0 ? 8 : pass == 1 ? 4 : 2;
    }
    return 0;
}

static void put_pixel(Frame *f, int index) {
    if (f->done == f->h) return; /* the last code may stand for more */
    memcpy(f->rgba + 4 * f->at, f->palette[index], 4);
    if (++f->at < f->w) return;
    f->to->put(f->to->user, f->rgba, f->y + next_row(f), f->x, 1, f->w);
    f->at = 0, f->done++;
}

/* Reads the codes of that many pixels. f NULL: only counts, by the length of each code's string. */
static const char *read_codes(const uint8_t *p, int64_t pixels, Frame *f) {
    int bits = *p++;
    if (bits < 1 || bits > 8) return "the GIF is damaged";
    int clear = 1 << bits, end = clear + 1, width = bits + 1, next = end + 1, before = -1;
    uint16_t length[CODES], prefix[CODES];
    uint8_t last[CODES], first[CODES], string[CODES];
    Codes c = {.p = p};
    for (int i = 0; i <= end; i++) length[i] = 1, last[i] = first[i] = (uint8_t)i;
    while (pixels > 0) {
        int code = next_code(&c, width);
        if (code < 0 || code == end) return "the GIF's pixels end early";
        if (code == clear) {
            next = end + 1, width = bits + 1, before = -1;
            continue;
        }
        if (code > next || (code == next && (before < 0 || next == CODES))) return "the GIF is damaged";
        if (before >= 0 && next < CODES) {
            length[next] = (uint16_t)(length[before] + 1);
            prefix[next] = (uint16_t)before;
            first[next] = first[before];
            last[next] = first[code == next ? before : code];
            if (++next == 1 << width && width < 12) width++;
        }
        int n = length[code];
        for (int i = n, k = code; f && i > 0; k = prefix[k]) string[--i] = last[k];
        for (int i = 0; f && i < n; i++) put_pixel(f, string[i]);
        pixels -= n;
        before = code;
    }
    return NULL;
}

static void take_palette(Frame *f, const uint8_t *p, size_t n) {
    memset(f->palette, 0, sizeof f->palette);
    for (size_t i = 0; i < 256; i++) f->palette[i][3] = 255;
    for (size_t i = 0; i < n / 3; i++) memcpy(f->palette[i], p + 3 * i, 3);
}

/* Finds the first frame; *end is what follows it. */
static const char *find_frame(const uint8_t *p, size_t size, Frame *f, size_t *end) {
    size_t global = colours(p[10]), at = 13 + global;
    f->clear = -1;
    while (at && at < size) {
        if (p[at] == EXTENSION) {
            if (size - at > 7 && p[at + 1] == CONTROL && p[at + 2] == 4) f->clear = p[at + 3] & 1 ? p[at + 6] : -1;
            at = skip_blocks(p, size, at + 2);
        } else if (p[at] == IMAGE && size - at > 10) {
            const uint8_t *d = p + at;
            size_t own = colours(d[9]);
            f->x = little_endian(d + 1, 2), f->y = little_endian(d + 3, 2);
            f->w = little_endian(d + 5, 2), f->h = little_endian(d + 7, 2);
            f->interlaced = d[9] & 0x40;
            at += 10 + own;
            *end = skip_blocks(p, size, at + 1);
            if (!*end) return "the GIF ends early";
            if (!own && !global) return "the GIF has no palette";
            take_palette(f, own ? d + 10 : p + 13, own ? own : global);
            f->codes = p + at;
            return NULL;
        } else if (p[at] == TRAILER) return "the GIF has no pixels";
        else break;
    }
    return at && at < size && p[at] != IMAGE ? "the GIF is damaged" : "the GIF ends early";
}

bool gif_head(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    Frame f;
    size_t end = 0;
    if (size < 13) return image_damaged(name, "the GIF ends early", e);
    out->width = little_endian(p + 6, 2), out->height = little_endian(p + 8, 2);
    if (!out->width || !out->height || out->width > IMAGE_PIXELS / out->height) return true; /* the caller refuses it */
    const char *why = find_frame(p, size, &f, &end);
    if (why) return image_damaged(name, why, e);
    if (!f.w || !f.h) return image_damaged(name, "the GIF's first frame has no pixels", e);
    if (f.x + f.w > out->width || f.y + f.h > out->height)
        return image_unsupported(name, "the GIF's first frame lies outside its picture", e);
    if ((why = read_codes(f.codes, f.w * f.h, NULL))) return image_damaged(name, why, e);
    while (end && end < size && p[end] == EXTENSION) end = skip_blocks(p, size, end + 2);
    if (end && end < size && p[end] == IMAGE) out->warning = "the GIF is animated; its first picture is used";
    return true;
}

bool gif_decode(const uint8_t *p, size_t size, const ImageHead *head, const ImageSink *to, const char **why) {
    Frame f;
    size_t end;
    if ((*why = find_frame(p, size, &f, &end))) return false;
    f.to = to, f.at = f.done = 0;
    f.rgba = malloc((size_t)head->width * 4);
    if (!f.rgba) return false;
    if (f.clear >= 0) f.palette[f.clear][3] = 0;
    const uint8_t *outside = f.palette[f.clear >= 0 ? f.clear : 0];
    for (int64_t x = 0; x < head->width; x++) memcpy(f.rgba + 4 * x, outside, 4);
    bool all = f.w == head->width && f.h == head->height;
    for (int64_t y = 0; !all && y < head->height; y++) to->put(to->user, f.rgba, y, 0, 1, head->width);
    *why = read_codes(f.codes, f.w * f.h, &f);
    free(f.rgba);
    return !*why;
}

/* --- texts --- */

/* Adds the comment whose blocks begin at *at, which moves past them. */
static bool add_comment(const uint8_t *p, size_t size, size_t *at, ImageTexts *out, Error *e) {
    size_t n = 0, end = *at;
    for (; end < size && p[end]; end += 1 + (size_t)p[end])
        if (!image_texts_fit(out, n += p[end], e)) return false;
    if (end >= size) return image_texts_damaged("the GIF's comment ends early", e);
    char *text = malloc(n + 1);
    if (!text) return image_texts_no_memory(e);
    n = 0;
    for (; p[*at]; *at += 1 + (size_t)p[*at]) {
        memcpy(text + n, p + *at + 1, p[*at]);
        n += p[*at];
    }
    ++*at;
    bool ok = image_texts_add(out, TEXT_COMMENT, sizeof TEXT_COMMENT - 1, text, n, TEXT_BYTES, e);
    free(text);
    return ok;
}

/* As far as the file goes: a text may stand before the picture, as the webui's, or after it. */
bool gif_texts(const uint8_t *p, size_t size, ImageTexts *out, Error *e) {
    if (size < 13) return image_texts_damaged("the GIF ends early", e);
    out->width = little_endian(p + 6, 2), out->height = little_endian(p + 8, 2);
    for (size_t at = 13 + colours(p[10]); at && at + 1 < size;) {
        if (p[at] == EXTENSION && p[at + 1] == COMMENT) {
            at += 2;
            if (!add_comment(p, size, &at, out, e)) return false;
        } else if (p[at] == IMAGE && size - at > 10) at = skip_blocks(p, size, at + 10 + colours(p[at + 9]) + 1);
        else if (p[at] == EXTENSION) at = skip_blocks(p, size, at + 2);
        else return true;
    }
    return true;
}
