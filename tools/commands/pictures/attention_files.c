/* attention_files.c: see attention_files.h. Maps are laid over pictures as castorini/daam does (heatmap.py,
 * plot_overlay_heat_map). */
#include "attention_files.h"

#include "sd/image/image.h"
#include "weights/files/json_text.h"
#include "sd/image/interpolate.h"
#include "tools/cli/output.h"
#include "weights/files/path.h"
#include "weights/formats/safetensors.h"

#include <stdlib.h>
#include <string.h>

static bool no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for attention maps"); }

void attention_files_free(AttentionFiles *f) {
    for (int i = 0; f->words && i < f->word_count; i++) free(f->words[i]);
    free(f->words);
    free(f->maps);
    f->words = NULL;
    f->maps = NULL;
    f->word_count = 0;
}

/* --- maps.safetensors --- */

static char *list_words(const SdAttention *a) {
    JsonText t = {0};
    for (int i = 0; i < a->word_count; i++) {
        json_text(&t, i ? ", " : "[");
        json_text_quoted(&t, a->words[i].text);
    }
    json_text(&t, "]");
    if (!t.failed) return t.p;
    free(t.p);
    return NULL;
}

static size_t count(const SdAttention *a, const SdAttentionLayer *l) {
    return (size_t)a->pictures * (size_t)a->word_count * (size_t)l->width * (size_t)l->height;
}

static FileTensor tensor_of(const SdAttention *a, const SdAttentionLayer *l) {
    return (FileTensor){.name = l->name, .dtype = F32, .nd = 4, .n = {a->pictures, a->word_count, l->height, l->width}};
}

static bool write_maps(const AttentionFiles *f, const SdAttention *a, Error *e) {
    char path[OS_PATH_SIZE], *words = list_words(a);
    FileTensor *tensors = calloc((size_t)a->layer_count + 1, sizeof *tensors);
    bool ok = (words && tensors) || no_memory(e);
    ok = ok && (f->runs > 1 ? path_make(path, e, "%s/maps-%d.safetensors", f->folder, f->run + 1)
                            : path_make(path, e, "%s/maps.safetensors", f->folder));
    if (ok) tensors[0] = tensor_of(a, &a->all);
    for (int i = 0; ok && i < a->layer_count; i++) tensors[i + 1] = tensor_of(a, &a->layers[i]);
    FileMeta meta[] = {{"format", "pt"}, {"generator", "sd.c"}, {"words", words}};
    StWriter *w = ok ? st_write_begin(path, tensors, (size_t)a->layer_count + 1, meta, 3, e) : NULL;
    ok = w && st_write_data(w, a->all.values, count(a, &a->all) * sizeof(float), e);
    for (int i = 0; ok && i < a->layer_count; i++)
        ok = st_write_data(w, a->layers[i].values, count(a, &a->layers[i]) * sizeof(float), e);
    if (ok) ok = st_write_end(w, e);
    else st_write_abort(w);
    free(words);
    free(tensors);
    return ok;
}

static bool keep(AttentionFiles *f, const SdAttention *a, Error *e) {
    size_t n = count(a, &a->all);
    attention_files_free(f);
    f->width = a->all.width, f->height = a->all.height;
    f->words = calloc((size_t)a->word_count, sizeof *f->words);
    f->maps = malloc(n * sizeof *f->maps);
    if (!f->words || !f->maps) return no_memory(e);
    f->word_count = a->word_count;
    memcpy(f->maps, a->all.values, n * sizeof *f->maps);
    for (int i = 0; i < a->word_count; i++) {
        f->words[i] = malloc(strlen(a->words[i].text) + 1);
        if (!f->words[i]) return no_memory(e);
        strcpy(f->words[i], a->words[i].text);
    }
    return true;
}

bool attention_files_take(AttentionFiles *f, const SdAttention *a) {
    return write_maps(f, a, &f->error) && keep(f, a, &f->error);
}

/* --- pictures --- */

/* Where a line through these points is at x; the last one's x is 1. */
static float line(const float (*points)[2], float x) {
    while (x > points[1][0]) points++;
    return points[0][1] + (points[1][1] - points[0][1]) * (x - points[0][0]) / (points[1][0] - points[0][0]);
}

/* matplotlib's colour map "jet" (_cm.py), 0..1: from dark blue over green and yellow to dark red. */
static void colour(float x, float rgb[3]) {
    static const float RED[][2] = {{0, 0}, {0.35f, 0}, {0.66f, 1}, {0.89f, 1}, {1, 0.5f}};
    static const float GREEN[][2] = {{0, 0}, {0.125f, 0}, {0.375f, 1}, {0.64f, 1}, {0.91f, 0}, {1, 0}};
    static const float BLUE[][2] = {{0, 0.5f}, {0.11f, 1}, {0.34f, 1}, {0.65f, 0}, {1, 0}};
    rgb[0] = line(RED, x), rgb[1] = line(GREEN, x), rgb[2] = line(BLUE, x);
}

/* to = the picture where the map, from its least to its largest number, is 0, and the colour for 1 where it is 1 */
static void lay(uint8_t *to, const SdPicture *p, const float *map) {
    size_t n = (size_t)p->width * (size_t)p->height;
    float least = map[0], most = map[0];
    for (size_t i = 0; i < n; i++) {
        if (map[i] < least) least = map[i];
        if (map[i] > most) most = map[i];
    }
    for (size_t i = 0; i < n; i++) {
        float heat = (map[i] - least) / (most - least + 1e-8f), rgb[3];
        colour(heat < 1 ? heat : 1, rgb);
        for (int k = 0; k < 3; k++)
            to[3 * i + (size_t)k] =
                (uint8_t)((float)p->rgb[3 * i + (size_t)k] * (1 - heat) + 255 * rgb[k] * heat + 0.5f);
    }
}

/* The name of a file without folders and ending. */
static const char *stem(const char *name, int *length) {
    const char *base = strrchr(name, '/'), *dot;
    base = base ? base + 1 : name;
    dot = strrchr(base, '.');
    *length = (int)(dot && dot != base ? (size_t)(dot - base) : strlen(base));
    return base;
}

bool attention_files_lay(const AttentionFiles *f, int index, const SdPicture *p, const char *name, Error *e) {
    char path[OS_PATH_SIZE], word[200];
    size_t n = (size_t)p->width * (size_t)p->height, each = (size_t)f->width * (size_t)f->height;
    float *map = malloc(n * sizeof *map);
    uint8_t *rgb = malloc(n * 3);
    int length;
    const char *begin = stem(name, &length);
    bool ok = (map && rgb) || no_memory(e);
    for (int i = 0; ok && i < f->word_count; i++) {
        const float *from = f->maps + ((size_t)index * (size_t)f->word_count + (size_t)i) * each;
        output_words(word, sizeof word, f->words[i]);
        ok = interpolate(map, p->height, p->width, from, f->height, f->width, 1, INTERPOLATE_BICUBIC, e) &&
             path_make(path, e, "%s/%.*s-%02d%s%s.png", f->folder, length, begin, i + 1, *word ? "-" : "", word);
        if (ok) lay(rgb, p, map);
        ok = ok && image_write_png(rgb, p->width, p->height, NULL, path, e);
    }
    free(map);
    free(rgb);
    return ok;
}
