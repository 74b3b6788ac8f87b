/* test_upscalers.c: RRDBNet and SRVGGNetCompact against spandrel's, in any number of rows at once; from files under
 * every name; and pictures made by them, whole, in strips and in tiles. */
#include "sd/models/esrgan.h"
#include "sd/image/draw/grid.h"
#include "sd/image/image.h"
#include "sd/image/codecs/png.h"
#include "sd/sd.h"
#include "tools/ledger/generated.h"
#include "weights/files/atomic_file.h"
#include "weights/formats/safetensors.h"
#include "tests/harness/cli.h"
#include "tests/harness/golden.h"
#include "tests/harness/planned.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name;
    EsrganNames names;
    int h, w;
    EsrganConfig k;
} UpscalerCase;

enum { OLD = ESRGAN_OLD, MID = ESRGAN_MID, NEW = ESRGAN_NEW };

static const UpscalerCase CASES[] = {
#define RRDBNET(name, names_, h, w, channels_, growth_, blocks_, ups_, gather_)                                        \
    {#name,                                                                                                            \
     (EsrganNames)names_,                                                                                              \
     h,                                                                                                                \
     w,                                                                                                                \
     {.names = (EsrganNames)names_,                                                                                    \
      .channels = channels_,                                                                                           \
      .growth = growth_,                                                                                               \
      .blocks = blocks_,                                                                                               \
      .ups = ups_,                                                                                                     \
      .gather = gather_,                                                                                               \
      .scale = (1 << ups_) / gather_}},
#define COMPACT(name, h, w, channels_, convs_, scale_)                                                                 \
    {#name,                                                                                                            \
     ESRGAN_COMPACT,                                                                                                   \
     h,                                                                                                                \
     w,                                                                                                                \
     {.names = ESRGAN_COMPACT, .channels = channels_, .blocks = convs_, .gather = 1, .scale = scale_}},
#include "tools/ledger/upscaler_cases.h"
};

enum { CASE_COUNT = sizeof CASES / sizeof *CASES };

typedef struct {
    Esrgan net;
    const UpscalerCase *k;
    int64_t rows;
    const float *x; /* the picture in torch's order */
    float *y;       /* the result [H][W][3] */
} Work;

static void *need(size_t bytes) {
    void *p = malloc(bytes);
    if (!p) abort();
    return p;
}

/* Reflected at the right and lower edge. */
static int64_t inside(int64_t i, int64_t n) { return i < n ? i : 2 * n - 2 - i; }

static float at_of(const Work *w, int64_t y, int64_t x, int c) {
    return w->x[((int64_t)c * w->k->h + inside(y, w->k->h)) * w->k->w + inside(x, w->k->w)];
}

/* Written out by the definition of torch's pixel_shuffle and nearest interpolation. */
static void collect(Ctx *c, void *user, Tensor rows, int64_t from) {
    const Work *w = user;
    const int s = esrgan_shuffle(&w->net.config), scale = w->k->k.scale;
    if (ctx_plans(c) || c->err.code) return;
    for (int64_t i = 0; i < rows.n[1] * s; i++)
        for (int64_t j = 0; j < rows.n[2] * s; j++)
            for (int colour = 0; colour < 3; colour++) {
                int64_t y = from * s + i;
                if (y >= w->k->h * scale || j >= w->k->w * scale) continue;
                const float *pixel = (const float *)rows.data + ((i / s) * rows.n[2] + j / s) * rows.n[3];
                float v = pixel[(colour * s + i % s) * s + j % s];
                if (w->k->names == ESRGAN_COMPACT) v += at_of(w, y / s, j / s, colour);
                w->y[(y * w->k->w * scale + j) * 3 + colour] = v;
            }
}

static void forward(Ctx *c, const void *network, Tensor out, const Tensor *in) {
    Work w = *(const Work *)network;
    const int g = w.k->k.gather;
    size_t scope = scope_begin(c);
    int64_t h = (w.k->h + g - 1) / g, wide = (w.k->w + g - 1) / g;
    Tensor x = tensor_new(c, 4, SHAPE(1, h, wide, esrgan_inputs(&w.net.config)));
    for (int64_t i = 0; !ctx_plans(c) && i < tensor_count(x); i++) {
        int64_t channel = i % x.n[3], pixel = i / x.n[3], y = pixel / wide, column = pixel % wide;
        int inner = (int)(channel % (g * g));
        ((float *)x.data)[i] = at_of(&w, y * g + inner / g, column * g + inner % g, (int)(channel / (g * g)));
    }
    esrgan_forward(c, &w.net, x, w.rows < h ? w.rows : h, &(EsrganSink){.rows = collect, .user = &w});
    scope_end(c, scope);
    (void)out, (void)in;
}

static const Ops *widest(void) {
    const Ops *tables[4];
    return tables[cpu_ops_list(tables, 4) - 1];
}

/* The network's weights as a file that others could have written. */
static bool write_file(const char *path, const WeightList *l, Error *e) {
    FileTensor *tensors = need((size_t)l->count * sizeof *tensors);
    float *numbers = NULL;
    for (int64_t i = 0; i < l->count; i++) {
        tensors[i] = (FileTensor){.name = strchr(l->w[i]->name, '.') + 1, .dtype = F32};
        tensors[i].nd = gen_torch_shape(l->w[i], tensors[i].n);
    }
    StWriter *w = st_write_begin(path, tensors, (size_t)l->count, NULL, 0, e);
    bool ok = w != NULL;
    for (int64_t i = 0; ok && i < l->count; i++) {
        int64_t n[MAX_DIMS], count = tensor_count(l->w[i]->t);
        int nd = gen_torch_shape(l->w[i], n);
        numbers = need((size_t)count * sizeof *numbers);
        gen_weight(numbers, l->w[i]->name, nd, n, 0, count);
        ok = st_write_data(w, numbers, (size_t)count * sizeof *numbers, e);
        free(numbers);
    }
    free(tensors);
    if (!ok) st_write_abort(w);
    return ok && st_write_end(w, e);
}

static uint8_t byte_of(float v) { return (uint8_t)nearbyintf(255.0f * (v < 0 ? 0 : v > 1 ? 1 : v)); }

/* Through the file: the bytes are those of the numbers, of any tile and limit. */
static void check_file(const Work *w, const WeightList *l) {
    const UpscalerCase *k = w->k;
    Error e = {0};
    int64_t in = (int64_t)k->h * k->w * 3, out = in * k->k.scale * k->k.scale;
    Work own = *w;
    float *x = need((size_t)in * sizeof *x);
    uint8_t *rgb = need((size_t)in);
    for (int64_t i = 0; i < in; i++) rgb[i] = byte_of(w->x[i % 3 * in / 3 + i / 3]);
    for (int64_t i = 0; i < in; i++) x[i % 3 * in / 3 + i / 3] = (float)(rgb[i] / 255.0);
    own.x = x;
    SdUpscaler *u = write_file(test_path("upscaler.safetensors"), l, &e)
                        ? sd_upscaler_open(test_path("upscaler.safetensors"), NULL, &e)
                        : NULL;
    test_check(u && sd_upscaler_scale(u) == k->k.scale, "%s: its file is found out", k->name);
    test_note("%s", e.text);
    bool ran = run_planned(k->name, widest(), 0, forward, &own, (Tensor){0}, NULL);
    for (int tile = 24; u && ran && tile <= 192; tile *= 8) {
        SdUpscale how = sd_upscale_defaults();
        SdUpscaled done;
        how.rgb = rgb, how.width = k->w, how.height = k->h, how.tile = tile;
        bool ok = sd_upscale(u, &how, SD_FILTER_LANCZOS, &done, &e);
        int64_t wrong = 0;
        for (int64_t i = 0; ok && i < out; i++) wrong += done.picture.rgb[i] != byte_of(own.y[i]);
        test_check(ok && !wrong && !done.tiles && done.picture.width == k->w * k->k.scale, "%s: its picture, tile %d",
                   k->name, tile);
        test_note("%lld bytes differ %s", (long long)wrong, e.text);
        free(done.picture.rgb);
    }
    sd_upscaler_close(u);
    free(x);
    free(rgb);
}

static void check_case(const Golden *golden, const UpscalerCase *k) {
    Error e = {0};
    Work w = {.k = k, .rows = k->h};
    WeightList l = {.err = &e};
    EsrganConfig config = k->k;
    int64_t h = (int64_t)k->h * k->k.scale, wide = (int64_t)k->w * k->k.scale, in = (int64_t)k->h * k->w * 3;
    char name[64];
    snprintf(config.prefix, sizeof config.prefix, "%s.", k->name);
    snprintf(name, sizeof name, "%s.x", k->name);
    bool ok = esrgan_bind(&w.net, &config, &l) && gen_fill_all(&l, F32);
    float *x = need((size_t)in * sizeof *x), *y = need((size_t)(h * wide * 3) * sizeof *y),
          *again = need((size_t)(h * wide * 3) * sizeof *y);
    gen_input(x, name, in, 1, 0);
    for (int64_t i = 0; i < in; i++) x[i] = x[i] / 6 + 0.5f;
    w.x = x, w.y = y;
    if (ok && run_planned(k->name, widest(), 0, forward, &w, (Tensor){0}, NULL)) {
        float *planes = need((size_t)(h * wide * 3) * sizeof *planes);
        to_channels_first(planes, y, 1, 3, h * wide);
        golden_check_within(golden, k->name, planes, 4, SHAPE(1, 3, h, wide), (Bound){1e-5, 5e-5, false}, k->name);
        free(planes);
        w.y = again;
        w.rows = CONV_ROWS_LEAST;
        bool ran = run_planned(k->name, widest(), 0, forward, &w, (Tensor){0}, NULL);
        test_check(ran && !memcmp(y, again, (size_t)(h * wide * 3) * sizeof *y), "%s: the same bits in strips",
                   k->name);
        check_file(&w, &l);
    }
    free(x);
    free(y);
    free(again);
    gen_free_all(&l);
    weight_list_free(&l);
    esrgan_free(&w.net);
}

/* By the webui's rule (modules/images.py, split_grid, combine_grid), of a row and a column of two tiles. */
static void check_grid(void) {
    Grid g = grid_make(13, 5, 8, 8, 3);
    uint8_t tiles[2][5 * 8 * 3], line[5 * 13 * 3], to[5 * 13 * 3];
    memset(tiles[0], 90, sizeof tiles[0]);
    memset(tiles[1], 200, sizeof tiles[1]);
    bool ok = g.columns == 2 && g.rows == 1 && g.tile_h == 5 && grid_x(&g, 1) == 5;
    for (int i = 0; i < 2; i++) grid_put(&g, 1, 0, i, tiles[i], line, to);
    static const uint8_t WANT[13] = {90, 90, 90, 90, 90, 90, 127, 163, 200, 200, 200, 200, 200};
    for (int i = 0; i < 5 * 13 * 3; i++) ok = ok && to[i] == WANT[i / 3 % 13];
    test_check(ok, "tiles are joined as the webui does");
    Grid many = grid_make(1000, 700, 192, 192, 8);
    test_check(many.columns == 6 && many.rows == 4 && grid_x(&many, 1) == 161 && grid_y(&many, 3) == 508,
               "tiles lie where the webui's do");
}

static void check_joined(void) {
    Error e = {0};
    const UpscalerCase *k = &CASES[1];
    Esrgan net;
    WeightList l = {.err = &e};
    EsrganConfig config = k->k;
    snprintf(config.prefix, sizeof config.prefix, "%s.", k->name);
    bool ok = esrgan_bind(&net, &config, &l) && write_file(test_path("tiles.safetensors"), &l, &e);
    static uint8_t rgb[200 * 700 * 3];
    for (size_t i = 0; i < sizeof rgb; i++) rgb[i] = (uint8_t)(i / 3 * 7);
    SdUpscale how = sd_upscale_defaults();
    SdUpscaled done = {0};
    how.rgb = rgb, how.width = 700, how.height = 200, how.tile = 24, how.overlap = 4;
    SdUpscaler *u =
        ok ? sd_upscaler_open(test_path("tiles.safetensors"), &(SdOptions){.memory_limit = 55 << 20, .threads = 1}, &e)
           : NULL;
    how.to_width = 90, how.to_height = 30;
    ok = u && sd_upscale(u, &how, SD_FILTER_NEAREST, &done, &e);
    test_check(ok && done.tiles == 350 && done.process <= 55 << 20 && done.picture.width == 90,
               "where memory is short, a picture is joined of tiles");
    test_note("%d tiles, %zu bytes, %s", done.tiles, done.process, e.text);
    free(done.picture.rgb);
    e = (Error){0};
    how.whole = true;
    test_check(u && !sd_upscale(u, &how, SD_FILTER_NEAREST, &done, &e) && e.code == ERR_MEMORY &&
                   !strstr(e.text, "tiles"),
               "unless it has to be whole");
    test_note("%s", e.text);
    e = (Error){0};
    how.whole = false;
    sd_upscaler_close(u);
    u = sd_upscaler_open(test_path("tiles.safetensors"), &(SdOptions){.memory_limit = 20 << 20, .threads = 1}, &e);
    test_check(u && !sd_upscale(u, &how, SD_FILTER_NEAREST, &done, &e) && e.code == ERR_MEMORY, "or refused");
    sd_upscaler_close(u);
    weight_list_free(&l);
    esrgan_free(&net);
}

/* `sdc upscale` to each format: its size, its texts; white where JPEG and WebP cannot be transparent. */
static void check_formats(void) {
    enum { SIDE = 8, TO = 2 * SIDE };
    static const char *const NAMES[] = {"large.png", "large.jpg", "large.webp"};
    uint8_t rgba[SIDE * SIDE * 4], *bytes;
    size_t size;
    Error e = {0};
    const PngText text = {"parameters", "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 8x8"};
    for (int i = 0; i < SIDE * SIDE * 4; i++) rgba[i] = i % 4 < 3 ? 40 : i < SIDE * SIDE * 2 ? 0 : 255;
    bool ok = png_encode_rgba(rgba, SIDE, SIDE, &text, 1, &bytes, &size, &e) && cli_begin() &&
              atomic_write_file(cli_path("small.png"), bytes, size, &e);
    free(bytes);
    if (!test_check(ok, "a picture that is half transparent")) return;
    for (int i = 0; i < 3; i++) {
        Image out = {0};
        if (!image_write_check(NAMES[i], &e)) { /* its library is not there */
            e = (Error){0};
            continue;
        }
        cli_works("", "upscale -q --filter nearest -s 2 %s -o %s", cli_path("small.png"), cli_path(NAMES[i]));
        cli_works(i ? "a cat|Postprocess upscale" : "a cat", "png-info %s", cli_path(NAMES[i]));
        ok = image_read(cli_path(NAMES[i]), IMAGE_WHITE, &out, &e);
        const uint8_t *last = ok ? out.rgb + 3 * (TO * TO - 1) : NULL;
        test_check(ok && out.width == TO && out.height == TO && out.rgb[0] > 245 && last[0] > 30 && last[0] < 50,
                   "%s: white above, dark below", NAMES[i]);
        test_note("%s", e.text);
        image_free(&out);
    }
    cli_fails(2, "PNG, JPEG or WebP", "upscale --filter nearest -s 2 %s -o %s", cli_path("small.png"),
              cli_path("large.tiff"));
}

SUITE(upscalers, .seconds = 3, .blas = true) {
    Golden *golden = golden_open("upscalers");
    for (int i = 0; golden && i < CASE_COUNT; i++) check_case(golden, &CASES[i]);
    check_grid();
    check_joined();
    check_formats();
    golden_close(golden);
}
