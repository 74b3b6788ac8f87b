/* embedding_picture.c: vectors in PNG files, as the webui's training writes them into its previews
 * (modules/textual_inversion/image_embedding.py). */
#include "embedding_file.h"

#include "weights/files/files_below.h"
#include "sd/image/codecs/codecs.h"
#include "sd/image/image.h"
#include "sd/image/codecs/inflate.h"
#include "weights/files/json.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_TEXT = 8 << 20 };

static bool no_memory(const char *path, Error *e) {
    return error_set(e, ERR_MEMORY, "%s: out of memory for an embedding", path);
}

static bool no_vectors(const char *path, Error *e) {
    return error_set(e, ERR_FORMAT, "%s: its text holds no vectors of equal width; save the embedding anew", path);
}

/* --- JSON --- */

/* A tensor of two dimensions: {"TORCHTENSOR": [[...], ...]}. */
static bool take_vectors(const char *path, const Json *j, const JsonNode *list, EmbeddingFile *out, Error *e) {
    if (!list || list->type != JSON_ARRAY || list->count < 1) return no_vectors(path, e);
    int64_t width = j->nodes[list->child].type == JSON_ARRAY ? j->nodes[list->child].count : 0, at = 0;
    if (width < 1 || width > EMBEDDING_MOST / list->count) return no_vectors(path, e);
    out->parts = 1, out->vectors = list->count, out->width[0] = width;
    out->numbers[0] = malloc((size_t)(list->count * width) * sizeof *out->numbers[0]);
    if (!out->numbers[0]) return no_memory(path, e);
    for (int32_t v = list->child; v >= 0; v = j->nodes[v].next) {
        if (j->nodes[v].type != JSON_ARRAY || j->nodes[v].count != width) return no_vectors(path, e);
        for (int32_t i = j->nodes[v].child; i >= 0; i = j->nodes[i].next) {
            double number;
            if (!json_double(&j->nodes[i], &number)) return no_vectors(path, e);
            out->numbers[0][at++] = (float)number;
        }
    }
    return true;
}

static bool take_json(const char *path, const char *text, size_t size, EmbeddingFile *out, Error *e) {
    Json *j = json_parse_python(path, text, size, e);
    if (!j) return false;
    const JsonNode *terms = json_get(j, j->nodes, "string_to_param"), *name = json_get(j, j->nodes, "name"),
                   *step = json_get(j, j->nodes, "step");
    bool ok = true;
    if (!terms || terms->type != JSON_OBJECT || terms->count != 1)
        ok = error_set(e, ERR_FORMAT, "%s: its text has not one string_to_param; save the embedding anew", path);
    if (ok && name && name->type == JSON_STRING && *name->text) {
        out->name = text_copy(name->text, strlen(name->text));
        ok = out->name || no_memory(path, e);
    }
    double number;
    if (step && json_double(step, &number) && number >= 1 && number <= 1e15) out->step = (int64_t)number;
    ok = ok && take_vectors(path, j, json_get(j, &j->nodes[terms->child], "TORCHTENSOR"), out, e);
    json_free(j);
    return ok;
}

/* --- a text chunk --- */

/* As Python's base64.b64decode: other characters are passed over, "=" ends it. out has room for 3/4 of the text. */
static size_t base64(const char *text, char *out) {
    static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0;
    unsigned bits = 0, value = 0;
    for (; *text && *text != '='; text++) {
        const char *letter = strchr(LETTERS, *text);
        if (!letter) continue;
        value = (value << 6 | (unsigned)(letter - LETTERS)) & 0xFFFF;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        out[n++] = (char)(value >> bits);
    }
    return n;
}

static bool read_chunk(const char *path, const char *text, EmbeddingFile *out, Error *e) {
    char *json = malloc(strlen(text) + 1);
    if (!json) return no_memory(path, e);
    bool ok = take_json(path, json, base64(text, json), out, e);
    free(json);
    return ok;
}

/* --- pixels --- */

typedef struct {
    uint8_t *rgb; /* [height][width][3] */
    int64_t width, height;
} Pixels;

static void put(void *user, const uint8_t *rgba, int64_t y, int64_t x, int64_t step, int64_t count) {
    const Pixels *p = user;
    for (int64_t i = 0; i < count; i++, x += step, rgba += 4) memcpy(p->rgb + 3 * (y * p->width + x), rgba, 3);
}

static const uint8_t *pixel(const Pixels *p, int64_t y, int64_t x) { return p->rgb + 3 * (y * p->width + x); }

/* Rows or columns [*first, *end) of which some pixel has no channel at 0; all where there is no such pixel. */
static void bounds(const Pixels *p, bool rows, int64_t *first, int64_t *end) {
    int64_t n = rows ? p->height : p->width, across = rows ? p->width : p->height;
    *first = -1, *end = n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < across; k++) {
            const uint8_t *c = rows ? pixel(p, i, k) : pixel(p, k, i);
            if (!c[0] || !c[1] || !c[2]) continue;
            if (*first < 0) *first = i;
            *end = i + 1;
            break;
        }
    if (*first < 0) *first = 0;
}

typedef struct {
    int64_t top, bottom, left, right; /* the picture without its black edges; */
    int64_t left_end, right_begin;    /* the first column without low bits in it, after the last one */
} Columns;

static bool find_columns(const Pixels *p, Columns *k) {
    int64_t found = 0;
    bounds(p, true, &k->top, &k->bottom);
    bounds(p, false, &k->left, &k->right);
    for (int64_t x = k->left; x < k->right; x++) {
        int low = 0;
        for (int64_t y = k->top; y < k->bottom && !low; y++) {
            const uint8_t *c = pixel(p, y, x);
            low = (c[0] | c[1] | c[2]) & 15;
        }
        if (low) continue;
        if (!found++) k->left_end = x;
        k->right_begin = x + 1;
    }
    return found > 1 && k->left_end > k->left && k->left_end - k->left == k->right - k->right_begin;
}

/* A byte's low half is on the left and its high half on the right, each under the low bits of a sequence of its own:
 * s = 1664525 s + 1013904223 modulo 2^32, of which s modulo 255 counts. */
static void join_halves(const Pixels *p, const Columns *k, uint8_t *out) {
    uint32_t s = 0;
    for (int64_t y = k->top; y < k->bottom; y++)
        for (int64_t x = k->left, right = k->right_begin; x < k->left_end; x++, right++)
            for (int c = 0; c < 3; c++) {
                s = 1664525u * s + 1013904223u;
                unsigned mask = s % 255 & 15;
                unsigned low = (pixel(p, y, x)[c] & 15) ^ mask, high = (pixel(p, y, right)[c] & 15) ^ mask;
                *out++ = (uint8_t)(high << 4 | low);
            }
}

/* A picture whose pixels unfold to nothing is a picture. */
static bool read_columns(const char *path, const Pixels *p, EmbeddingFile *out, Error *e) {
    Columns k;
    if (!find_columns(p, &k)) return true;
    size_t n = (size_t)((k.bottom - k.top) * (k.left_end - k.left)) * 3, size = 0;
    uint8_t *packed = malloc(n);
    char *text = NULL;
    Error own = {0};
    if (!packed) return no_memory(path, e);
    join_halves(p, &k, packed);
    bool found = inflate_string(packed, n, false, MOST_TEXT, &text, &size, &own);
    free(packed);
    bool ok = found ? take_json(path, text, size, out, e) : own.code != ERR_MEMORY || no_memory(path, e);
    free(text);
    return ok;
}

static bool read_pixels(const char *path, const uint8_t *bytes, size_t size, EmbeddingFile *out, Error *e) {
    ImageHead head = {0};
    const char *why = NULL;
    if (image_codec(bytes, size) != image_codec_row(0)) return true; /* another format under that name */
    if (!png_head(bytes, size, path, &head, e)) return false;
    if (head.width < 1 || head.height < 1 || head.width > IMAGE_PIXELS / head.height) return true;
    Pixels p = {malloc((size_t)(head.width * head.height) * 3), head.width, head.height};
    const ImageSink to = {put, &p};
    bool ok = p.rgb || no_memory(path, e);
    if (ok && !png_decode(bytes, size, &head, &to, &why))
        ok = why ? error_set(e, ERR_FORMAT, "%s: the picture is damaged (%s); download it again", path, why)
                 : no_memory(path, e);
    ok = ok && read_columns(path, &p, out, e);
    free(p.rgb);
    return ok;
}

bool embedding_picture_of(const char *path, const uint8_t *bytes, size_t size, EmbeddingFile *out, Error *e) {
    ImageTexts texts = {0};
    bool ok = image_texts(bytes, size, path, &texts, e);
    const char *text = ok ? image_text(&texts, "sd-ti-embedding") : NULL;
    if (ok) ok = text ? read_chunk(path, text, out, e) : read_pixels(path, bytes, size, out, e);
    image_texts_free(&texts);
    return ok;
}
