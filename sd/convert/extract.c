#include "extract.h"
#include "weights/files/files_below.h"
#include "thin_svd.h"
#include "sd/load/weights.h"

#include "sd/sd.h"
#include "tensor/row_ops.h"
#include "weights/formats/file_range.h"
#include "weights/formats/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RANK = 1024, EACH = 3 /* tensors of a layer */ };

typedef struct {
    ExtractLayer own;
    Weight *a, *b;
    int rank;
    int64_t columns, taps;
} Layer;

typedef struct {
    const SdExtract *how;
    SdExtracted *done;
    const char *out;
    SdModel *a, *b;
    Layer *layers;
    size_t count, capacity;
    void *scratch[2];
    DType type;
    double all, kept; /* squares of what differs, and of what the file has */
} Extract;

static bool no_memory(const Extract *x, Error *e) {
    return error_set(e, ERR_MEMORY, "%s: out of memory for a difference of models", x->out);
}

/* --- which layers --- */

static int64_t columns_of(const Weight *w) { return tensor_count(w->t) / w->t.n[0]; }

/* Whether rows [first, first + rows) differ. */
static bool differ(const Extract *x, Weight *a, Weight *b, int64_t first, int64_t rows) {
    int64_t most = model_most_rows(a), n;
    for (int64_t at = 0; at < rows; at += n) {
        n = rows - at < most ? rows - at : most;
        const float *p = model_changed_rows(x->a, a, first + at, n, x->scratch[0]);
        const float *q = model_changed_rows(x->b, b, first + at, n, x->scratch[1]);
        if (memcmp(p, q, (size_t)(n * columns_of(a)) * sizeof *p)) return true;
    }
    return false;
}

static bool add(Extract *x, Layer l, Error *e) {
    if (!list_grow(&x->layers, &x->capacity, x->count, sizeof *x->layers)) return no_memory(x, e);
    x->layers[x->count++] = l;
    return true;
}

static bool plan_weight(Extract *x, Part part, Weight *a, Weight *b, Error *e) {
    ExtractLayer own[3];
    bool of_lora = part == PART_UNET || part == PART_TEXT || part == PART_TEXT_2;
    int n = of_lora ? extract_names(x->a, part, a, own) : 0;
    if (!n) x->done->left += differ(x, a, b, 0, a->t.n[0]);
    for (int i = 0; i < n; i++) {
        int64_t columns = columns_of(a), taps = a->kind == WEIGHT_CONV ? a->t.n[1] * a->t.n[2] : 1;
        int64_t rank = taps > 1 ? x->how->conv_rank : x->how->rank;
        if (!differ(x, a, b, own[i].first, own[i].rows)) continue;
        rank = rank < own[i].rows ? rank : own[i].rows;
        rank = rank < columns ? rank : columns;
        if (!rank) x->done->left++;
        else if (!add(x, (Layer){own[i], a, b, (int)rank, columns, taps}, e)) return false;
    }
    return true;
}

static bool same_weight(const Weight *a, const Weight *b) {
    return !strcmp(a->name, b->name) && a->kind == b->kind && tensor_same_shape(a->t, b->t);
}

static bool plan(Extract *x, Error *e) {
    static const Part PARTS[] = {PART_TEXT, PART_TEXT_2, PART_UNET, PART_DECODER, PART_ENCODER};
    for (size_t p = 0; p < sizeof PARTS / sizeof *PARTS; p++) {
        const WeightList *a = &x->a->lists[PARTS[p]], *b = &x->b->lists[PARTS[p]];
        for (int64_t i = 0; i < a->count; i++) {
            if (i >= b->count || !same_weight(a->w[i], b->w[i]))
                return error_set(e, ERR_FORMAT, "%s: %s is not as in %s; give two models of one kind",
                                 x->b->checkpoint->path, a->w[i]->name, x->a->checkpoint->path);
            if (!plan_weight(x, PARTS[p], a->w[i], b->w[i], e)) return false;
        }
    }
    x->done->modules = (int64_t)x->count;
    return x->count ||
           error_set(e, ERR_FORMAT, "%s: no layer that a LoRA can change differs from %s's; nothing to write",
                     x->b->checkpoint->path, x->a->checkpoint->path);
}

/* --- one layer --- */

typedef struct {
    float *m, *turned, *up, *down, *left;
    double *values;
} Room;

static void room_free(Room *r) {
    free(r->m), free(r->turned), free(r->up), free(r->down), free(r->left), free(r->values);
    *r = (Room){0};
}

static bool room_init(Room *r, const Layer *l) {
    size_t all = (size_t)(l->own.rows * l->columns), rank = (size_t)l->rank;
    r->m = malloc(all * sizeof(float)), r->turned = malloc(all * sizeof(float));
    r->up = malloc((size_t)l->own.rows * rank * sizeof(float)),
    r->left = malloc((size_t)l->own.rows * rank * sizeof(float));
    r->down = malloc((size_t)l->columns * rank * sizeof(float)), r->values = malloc(rank * sizeof(double));
    return r->m && r->turned && r->up && r->left && r->down && r->values;
}

/* b - a; the sum of its squares. */
static double read_difference(const Extract *x, const Layer *l, Room *r) {
    int64_t most = model_most_rows(l->a), n;
    double squares = 0;
    for (int64_t at = 0; at < l->own.rows; at += n) {
        n = l->own.rows - at < most ? l->own.rows - at : most;
        const float *p = model_changed_rows(x->a, l->a, l->own.first + at, n, x->scratch[0]);
        const float *q = model_changed_rows(x->b, l->b, l->own.first + at, n, x->scratch[1]);
        for (int64_t i = 0; i < n * l->columns; i++) {
            float d = r->m[at * l->columns + i] = q[i] - p[i];
            squares += (double)d * (double)d;
        }
    }
    for (int64_t o = 0; o < l->own.rows; o++)
        for (int64_t c = 0; c < l->columns; c++) r->turned[c * l->own.rows + o] = r->m[o * l->columns + c];
    return squares;
}

/* up [rows][rank] and down [rank][columns], each with the root of the singular values. */
static void share_values(const Layer *l, Room *r) {
    for (int k = 0; k < l->rank; k++) {
        double root = sqrt(r->values[k]);
        for (int64_t o = 0; o < l->own.rows; o++)
            r->up[o * l->rank + k] = (float)(root * (double)r->left[k * l->own.rows + o]);
        for (int64_t c = 0; c < l->columns; c++)
            r->down[k * l->columns + c] = (float)(root * (double)r->down[k * l->columns + c]);
    }
}

static bool decompose(Extract *x, const Layer *l, Room *r, Error *e) {
    double all = read_difference(x, l, r);
    if (!isfinite(all))
        return error_set(e, ERR_FORMAT, "%s: %s differs by what is infinite or NaN; use other copies of the models",
                         x->b->checkpoint->path, l->a->name);
    ThinSvd svd = {.m = r->m,
                   .turned = r->turned,
                   .rows = l->own.rows,
                   .columns = l->columns,
                   .values = r->values,
                   .left = r->left,
                   .right = r->down,
                   .rank = l->rank};
    if (!thin_svd(&svd, x->a->pool)) return no_memory(x, e);
    x->all += all;
    for (int k = 0; k < l->rank; k++) x->kept += r->values[k] * r->values[k];
    share_values(l, r);
    return true;
}

/* --- the file --- */

static bool write_numbers(const Extract *x, StWriter *w, const float *from, int64_t count, Error *e) {
    enum { SOME = 4096 };
    char some[SOME * sizeof(float)];
    for (int64_t n; count; count -= n, from += n) {
        n = count < SOME ? count : SOME;
        for (int64_t i = 0; i < n; i++)
            if (fabs((double)from[i]) > dtype_largest(x->type))
                return error_set(e, ERR_FORMAT, "%s: %.7g is more than %s holds; use --dtype f32", x->out,
                                 (double)from[i], dtype_name(x->type));
        cpu_row_ops()->narrow(some, from, x->type, n);
        if (!st_write_data(w, some, dtype_bytes(x->type, n), e)) return false;
    }
    return true;
}

static bool write_layer(Extract *x, const Layer *l, StWriter *w, Error *e) {
    Room r = {0};
    const float alpha = (float)l->rank;
    bool ok = (room_init(&r, l) || no_memory(x, e)) && decompose(x, l, &r, e) && write_numbers(x, w, &alpha, 1, e) &&
              write_numbers(x, w, r.down, l->rank * l->columns, e) &&
              write_numbers(x, w, r.up, l->own.rows * l->rank, e);
    room_free(&r);
    return ok;
}

/* In torch's shapes: of a convolution, down has its taps. */
static void shapes(const Layer *l, DType type, FileTensor out[EACH], char *names) {
    static const char *const ENDS[EACH] = {"alpha", "lora_down.weight", "lora_up.weight"};
    bool conv = l->a->kind == WEIGHT_CONV, four = conv || l->a->pointwise;
    for (int i = 0; i < EACH; i++) {
        snprintf(names + i * (EXTRACT_NAME + 20), EXTRACT_NAME + 20, "%s.%s", l->own.name, ENDS[i]);
        out[i] = (FileTensor){.name = names + i * (EXTRACT_NAME + 20), .dtype = type, .nd = !i ? 0 : four ? 4 : 2};
        for (int k = 2; k < 4; k++) out[i].n[k] = i == 1 && conv ? l->a->t.n[k - 1] : 1;
    }
    out[1].n[0] = l->rank, out[1].n[1] = l->columns / l->taps;
    out[2].n[0] = l->own.rows, out[2].n[1] = l->rank;
}

static const char *base_version(const SdModel *m) {
    bool second = !strcmp(m->config.family, "SD 2.x") || !strcmp(m->config.family, "SD-Turbo");
    return m->config.encoders > 1 ? "sdxl_base_v1-0" : second ? "sd_v2" : "sd_v1";
}

static bool write_file(Extract *x, Error *e) {
    size_t count = EACH * x->count;
    FileTensor *list = calloc(count, sizeof *list);
    char *names = malloc(count * (EXTRACT_NAME + 20)), dim[16], args[64];
    const char *slash = strrchr(x->out, '/'), *file = slash ? slash + 1 : x->out, *version = base_version(x->a);
    char *name = text_copy(file, file_stem(file));
    snprintf(dim, sizeof dim, "%d", x->how->rank);
    snprintf(args, sizeof args, "{\"conv_dim\": %d, \"conv_alpha\": %d}", x->how->conv_rank, x->how->conv_rank);
    const FileMeta META[] = {{"format", "pt"},
                             {"ss_network_module", "networks.lora"},
                             {"ss_network_dim", dim},
                             {"ss_network_alpha", dim},
                             {"ss_network_args", args},
                             {"ss_base_model_version", version},
                             {"ss_v2", strcmp(version, "sd_v2") ? "False" : "True"},
                             {"ss_output_name", name}};
    bool ok = (list && names && name) || no_memory(x, e);
    for (size_t i = 0; ok && i < x->count; i++)
        shapes(&x->layers[i], x->type, list + EACH * i, names + EACH * i * (EXTRACT_NAME + 20));
    StWriter *w = ok ? st_write_begin(x->out, list, count, META, sizeof META / sizeof *META, e) : NULL;
    ok = w != NULL;
    for (size_t i = 0; ok && i < x->count; i++) ok = write_layer(x, &x->layers[i], w, e);
    if (ok) ok = st_write_end(w, e);
    else st_write_abort(w);
    free(list), free(names), free(name);
    return ok;
}

/* --- all of it --- */

static bool check(const char *a, const char *b, const char *out, const SdExtract *how, Error *e) {
    if (!a || !*a || !b || !*b || !out || !*out)
        return error_set(e, ERR_ARGUMENT, "extract: a name is empty; give two models and a file to write");
    if (how->rank < 1 || how->rank > MOST_RANK || how->conv_rank < 0 || how->conv_rank > MOST_RANK)
        return error_set(e, ERR_ARGUMENT, "extract: rank %d, of convolutions %d: not in 1..%d, 0..%d", how->rank,
                         how->conv_rank, MOST_RANK, MOST_RANK);
    return true;
}

static bool read_type(const char *name, DType *out, Error *e) {
    static const struct {
        const char *name;
        DType type;
    } TYPES[] = {{"f16", F16}, {"f32", F32}, {"bf16", BF16}};
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (!strcmp(name ? name : "f16", TYPES[i].name)) return *out = TYPES[i].type, true;
    return error_set(e, ERR_ARGUMENT, "extract: type '%.20s' is none of f16, f32, bf16", name);
}

static bool open_both(Extract *x, const char *a, const char *b, Error *e) {
    const SdOptions options = {.prediction = SD_PREDICTION_EPS}; /* it is not asked, which would run the U-Net */
    x->a = sd_open(a, &options, e);
    x->b = x->a ? sd_open(b, &options, e) : NULL;
    if (!x->b) return false;
    for (int i = 0; i < 2; i++)
        if (checkpoint_has_file((i ? x->b : x->a)->checkpoint, x->out))
            return error_set(e, ERR_ARGUMENT, "%s: is a file of a model that is read; name another one", x->out);
    return !strcmp(x->a->config.family, x->b->config.family) ||
           error_set(e, ERR_FORMAT, "%s: is %s, and %s is %s; give two models of one family", b, x->b->config.family, a,
                     x->a->config.family);
}

bool sd_extract(const char *a, const char *b, const char *out, const SdExtract *how, SdExtracted *done, Error *e) {
    SdExtracted own;
    Error none = {0};
    if (!e) e = &none;
    Extract x = {.how = how, .done = done ? done : &own, .out = out};
    *x.done = (SdExtracted){0};
    if (e->code || !check(a, b, out, how, e)) return false;
    if (!read_type(how->dtype, &x.type, e)) return false;
    for (int i = 0; i < 2; i++) x.scratch[i] = malloc(SCRATCH_BYTES);
    bool ok = ((x.scratch[0] && x.scratch[1]) || no_memory(&x, e)) && open_both(&x, a, b, e) && plan(&x, e) &&
              write_file(&x, e);
    if (ok) x.done->share = x.all > 0 ? x.kept / x.all : 1;
    free(x.scratch[0]), free(x.scratch[1]);
    free(x.layers);
    sd_close(x.a), sd_close(x.b);
    return ok;
}
