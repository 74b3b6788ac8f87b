/* In sd/guide/plain.c: write_png(). */
/* png.c: writing PNG files (W3C Portable Network Graphics, third edition), as much of the format as that needs.
 *
 * A signature, then chunks: length, four letters, data, CRC of letters and data. Each row of pixels is replaced by its
 * difference from a guess (zero, the pixel to the left, above, their mean, or Paeth's choice among left, above and the
 * corner), whichever has the least sum of absolute differences, and all rows are compressed together.
 *
 * Left out: other pixel formats than RGB and RGBA of 8 bits, interlacing, compressed text. */
#include "png.h"

#include "crc32.h"
#include "deflate.h"
#include "weights/files/utf8.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t SIGNATURE[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
/* In iTXt after the keyword: its end, not compressed, method, no language, no translation. */
static const char INTERNATIONAL[5] = {0, 0, 0, 0, 0};

enum { FILTERS = 5, CHUNK_MOST = 1 << 30 /* the format's limit is 2^31 - 1 */ };

/* Text */

/* Takes the code point at *s; U+FFFD for an invalid sequence. */
static uint32_t next_point(const char **s, const char *end) {
    uint32_t c;
    bool ok;
    *s += utf8_decode((const uint8_t *)*s, (size_t)(end - *s), &c, &ok);
    return c;
}

/* Writes the text as a chunk stores it, at most 3 strlen(text) bytes; returns their number. */
static size_t put_text(uint8_t *out, const char *text, bool latin1) {
    size_t n = 0;
    for (const char *end = text + strlen(text); text < end;) {
        uint32_t c = next_point(&text, end);
        if (latin1) out[n++] = (uint8_t)c;
        else n += utf8_encode(c, out + n);
    }
    return n;
}

/* Whether tEXt can hold the text: as Latin-1, which must not look like UTF-8, as which it would be read back. work: as
 * for put_text. */
static bool is_latin1(const char *text, uint8_t *work) {
    bool ascii = true;
    for (const char *p = text, *end = text + strlen(text); p < end;) {
        uint32_t c = next_point(&p, end);
        if (c > 0xFF) return false;
        if (c > 0x7F) ascii = false;
    }
    return ascii || !utf8_is_valid(work, put_text(work, text, true));
}

/* Chunks */

typedef struct {
    uint8_t *p; /* NULL: count only */
    size_t n;
} Out;

static void put(Out *o, const void *bytes, size_t n) {
    if (o->p && n) memcpy(o->p + o->n, bytes, n);
    o->n += n;
}

static void put32(Out *o, uint32_t v) {
    uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    put(o, b, 4);
}

/* A chunk whose data is head followed by data. */
static void put_chunk(Out *o, const char *type, const void *head, size_t head_n, const void *data, size_t n) {
    put32(o, (uint32_t)(head_n + n));
    size_t start = o->n;
    put(o, type, 4);
    put(o, head, head_n);
    put(o, data, n);
    put32(o, o->p ? crc32_update(0, o->p + start, o->n - start) : 0);
}

/* Pixels */

static int paeth(int left, int up, int corner) {
    int a = abs(up - corner), b = abs(left - corner), c = abs(left + up - 2 * corner);
    return a <= b && a <= c ? left : b <= c ? up : corner;
}

/* out[n] = row[n], of `pixel` bytes a pixel, minus its guess; for the first row, `above` is zeros. */
static void filter_row(uint8_t *out, const uint8_t *row, const uint8_t *above, size_t n, size_t pixel, int filter) {
    for (size_t i = 0; i < n; i++) {
        int left = i < pixel ? 0 : row[i - pixel], corner = i < pixel ? 0 : above[i - pixel], guess = 0;
        switch (filter) {
        case 1: guess = left; break;
        case 2: guess = above[i]; break;
        case 3: guess = (left + above[i]) / 2; break;
        case 4: guess = paeth(left, above[i], corner); break;
        }
        out[i] = (uint8_t)(row[i] - guess);
    }
}

/* out[h, 1 + n]: each row after the number of its filter. trial[n] is work space. */
static void filter_rows(uint8_t *out, const uint8_t *pixels, size_t n, int h, size_t pixel, uint8_t *trial,
                        const uint8_t *zeros) {
    for (int y = 0; y < h; y++, out += 1 + n) {
        const uint8_t *row = pixels + (size_t)y * n, *above = y ? row - n : zeros;
        uint64_t least = UINT64_MAX;
        for (int filter = 0; filter < FILTERS; filter++) {
            uint64_t sum = 0;
            filter_row(trial, row, above, n, pixel, filter);
            for (size_t i = 0; i < n; i++) sum += trial[i] < 128 ? trial[i] : 256u - trial[i];
            if (sum >= least) continue;
            least = sum;
            out[0] = (uint8_t)filter;
            memcpy(out + 1, trial, n);
        }
    }
}

/* pixels[h,w,channels] filtered and compressed. */
static bool compress(const uint8_t *pixels, int w, int h, int channels, uint8_t **out, size_t *size, Error *e) {
    size_t pixel = (size_t)channels, n = (size_t)w * pixel;
    uint8_t *rows = malloc((n + 1) * (size_t)h), *work = calloc(2, n);
    bool ok = rows && work;
    if (ok) {
        filter_rows(rows, pixels, n, h, pixel, work, work + n);
        ok = zlib_compress(rows, (n + 1) * (size_t)h, out, size, e);
    } else
        error_set(e, ERR_MEMORY, "cannot allocate memory to write a picture of %d x %d; free some and try again", w, h);
    free(rows);
    free(work);
    return ok;
}

static void put_file(Out *o, int w, int h, int channels, const PngText *texts, int n, const uint8_t *data, size_t size,
                     uint8_t *work) {
    uint8_t header[13] = {0};
    Out ihdr = {header, 0};
    put32(&ihdr, (uint32_t)w);
    put32(&ihdr, (uint32_t)h);
    header[8] = 8, header[9] = channels == 4 ? 6 : 2; /* bits per channel; RGBA, RGB */
    put(o, SIGNATURE, sizeof SIGNATURE);
    put_chunk(o, "IHDR", header, sizeof header, NULL, 0);
    for (int i = 0; i < n; i++) {
        bool latin1 = is_latin1(texts[i].text, work);
        size_t key = strlen(texts[i].keyword), head = key + (latin1 ? 1 : sizeof INTERNATIONAL);
        memcpy(work, texts[i].keyword, key);
        memcpy(work + key, INTERNATIONAL, head - key);
        put_chunk(o, latin1 ? "tEXt" : "iTXt", work, head, work + head, put_text(work + head, texts[i].text, latin1));
    }
    for (size_t at = 0; at < size; at += CHUNK_MOST)
        put_chunk(o, "IDAT", data + at, size - at < CHUNK_MOST ? size - at : CHUNK_MOST, NULL, 0);
    put_chunk(o, "IEND", NULL, 0, NULL, 0);
}

static bool keyword_ok(const char *s) {
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++)
        if (s[i] < ' ' || s[i] > '~') return false;
    return n >= 1 && n <= 79;
}

static bool encode(const uint8_t *pixels, int w, int h, int channels, const PngText *texts, int n, uint8_t **out,
                   size_t *size, Error *e) {
    if (w < 1 || h < 1 || (size_t)h > (SIZE_MAX / 4) / ((size_t)w * (size_t)channels + 1))
        return error_set(e, ERR_ARGUMENT, "a PNG cannot have %d x %d pixels; choose another size", w, h);
    size_t longest = 0;
    for (int i = 0; i < n; i++) {
        size_t length = strlen(texts[i].text);
        if (!keyword_ok(texts[i].keyword))
            return error_set(e, ERR_ARGUMENT, "'%s' is not a PNG keyword; use 1 to 79 printable ASCII characters",
                             texts[i].keyword);
        if (length > CHUNK_MOST / 4)
            return error_set(e, ERR_ARGUMENT, "the text '%s' is too long for a PNG; shorten it", texts[i].keyword);
        if (length > longest) longest = length;
    }
    uint8_t *data, *work = malloc(3 * longest + 128);
    size_t data_n;
    if (!work) return error_set(e, ERR_MEMORY, "cannot allocate memory for a picture's text; free some and try again");
    if (!compress(pixels, w, h, channels, &data, &data_n, e)) {
        free(work);
        return false;
    }
    Out o = {NULL, 0};
    put_file(&o, w, h, channels, texts, n, data, data_n, work);
    o = (Out){malloc(o.n), 0};
    if (o.p) put_file(&o, w, h, channels, texts, n, data, data_n, work);
    else
        error_set(e, ERR_MEMORY, "cannot allocate memory to write a picture of %d x %d; free some and try again", w, h);
    free(data);
    free(work);
    *out = o.p, *size = o.n;
    return o.p != NULL;
}

bool png_encode(const uint8_t *rgb, int w, int h, const PngText *texts, int n, uint8_t **out, size_t *size, Error *e) {
    return encode(rgb, w, h, 3, texts, n, out, size, e);
}

bool png_encode_rgba(const uint8_t *rgba, int w, int h, const PngText *texts, int n, uint8_t **out, size_t *size,
                     Error *e) {
    return encode(rgba, w, h, 4, texts, n, out, size, e);
}
