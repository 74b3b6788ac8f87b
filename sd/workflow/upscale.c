/* upscale.c: a picture is enlarged by a network, as often as its new size needs, and resized to that. */
#include "sd/image/draw/grid.h"
#include "sd/image/resize.h"
#include "sd/load/upscaler.h"
#include "sd/load/weights.h"
#include "sd/pipeline/plan.h"
#include "sd/pipeline/planes.h"
#include "upscale.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TILE_LEAST = CONV_ROWS_LEAST,
    TILE_MOST = 4096,
    ROWS_BEST = 48, /* of the network's input at once: more are slower, and take more memory */
    RUNS = 3,
    PIXELS_MOST = 1 << 28,
};

typedef struct {
    uint8_t *rgb; /* [h][w][3] */
    int w, h;
} Bytes;

/* One run of the network over a picture or a tile of it. */
typedef struct {
    SdUpscaler *u;
    const SdUpscale *how;
    const uint8_t *rgb; /* of the picture: rows `pitch` bytes apart */
    size_t pitch;
    int w, h;
    int64_t rows; /* at once */
    uint8_t *to;  /* [h * scale][w * scale][3] */
    int done, of; /* tiles before it, and all of them */
} Run;

SdUpscale sd_upscale_defaults(void) { return (SdUpscale){.tile = 192, .overlap = 8}; }

const char *sd_upscaler_device(const SdUpscaler *u) { return u ? sd_device(u->m) : ""; }

static const EsrganConfig *config_of(const Run *r) { return &r->u->m->upscaler.config; }

static int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

/* Beyond the picture's right and lower edge, where squares of pixels are gathered: it is mirrored. */
static int mirrored(int64_t i, int n) {
    if (i < n) return (int)i;
    int64_t at = 2 * (int64_t)n - 2 - i;
    return at < 0 ? 0 : (int)at;
}

/* The network's input: bytes / 255; of squares of pixels their colours are channels, by colour, row, column. */
static void fill_input(const Run *r, Tensor x) {
    int g = config_of(r)->gather;
    float *out = x.data;
    for (int64_t y = 0; y < x.n[1]; y++)
        for (int64_t column = 0; column < x.n[2]; column++)
            for (int c = 0; c < 3; c++)
                for (int k = 0; k < g * g; k++) {
                    size_t row = (size_t)mirrored(y * g + k / g, r->h), at = (size_t)mirrored(column * g + k % g, r->w);
                    int colour = r->how->bgr ? 2 - c : c;
                    *out++ = (float)(r->rgb[row * r->pitch + 3 * at + (size_t)colour] / 255.0);
                }
}

/* A number of 0..1 as a byte, to the nearest, ties to even. */
static uint8_t byte_of(float v) {
    float scaled = 255.0f * (v < 0 ? 0 : v > 1 ? 1 : v);
    int low = (int)scaled;
    float rest = scaled - (float)low;
    return (uint8_t)(low + (rest > 0.5f || (rest == 0.5f && low % 2)));
}

/* The output's rows become pixels; the compact network's are differences from the input read at its size. */
static void take_rows(Ctx *c, void *user, Tensor rows, int64_t from) {
    const Run *r = user;
    const EsrganConfig *k = config_of(r);
    if (ctx_plans(c) || c->err.code) return;
    Tensor t = tensor_pull(c, rows);
    const int s = esrgan_shuffle(k), channels = 3 * s * s;
    const int64_t wide = (int64_t)r->w * k->scale, high = (int64_t)r->h * k->scale;
    if (!all_finite(t.data, tensor_count(t))) {
        error_set(&c->err, ERR_NUMERIC, "%s: its numbers stopped being finite; %s", r->u->m->checkpoint->path,
                  c->type == F16 ? "they exceed f16: use --precision f32" : "the file is damaged");
        return;
    }
    for (int64_t i = 0; i < t.n[1] * s; i++) {
        int64_t y = from * s + i;
        for (int64_t x = 0; y < high && x < wide; x++)
            for (int colour = 0; colour < 3; colour++) {
                const float *at = (const float *)t.data + ((i / s) * t.n[2] + x / s) * channels;
                float v = at[colour * s * s + i % s * s + x % s];
                int plane = r->how->bgr ? 2 - colour : colour;
                if (k->names == ESRGAN_COMPACT)
                    v += (float)(r->rgb[(size_t)(y / s) * r->pitch + (size_t)(3 * (x / s) + plane)] / 255.0);
                r->to[(y * wide + x) * 3 + plane] = byte_of(v);
            }
    }
}

static bool block_done(void *user, int steps, int of) {
    const Run *r = user;
    return !r->how->progress || r->how->progress(r->how->user, r->done * of + steps, r->of * of);
}

static void forward(Ctx *c, Run *r) {
    const EsrganConfig *k = config_of(r);
    size_t scope = scope_begin(c);
    int64_t g = k->gather, h = round_up(r->h, g) / g, w = round_up(r->w, g) / g;
    Tensor x = tensor_new(c, 4, SHAPE(1, h, w, esrgan_inputs(k)));
    if (!ctx_plans(c)) fill_input(r, tensor_host(c, x));
    tensor_push(c, x);
    int64_t rows = round_up(r->rows / g, 4);
    if (rows < CONV_ROWS_LEAST) rows = CONV_ROWS_LEAST;
    if (rows >= h || !r->u->m->ops->rows_independent) rows = h;
    esrgan_forward(c, &r->u->m->upscaler, x, rows, &(EsrganSink){take_rows, block_done, r});
    scope_end(c, scope);
}

/* --- memory --- */

static size_t peak(Run *r) {
    const SdModel *m = r->u->m;
    Arena arena = {0};
    Ctx c = {.op = plan_ops(), .precision = m->precision, .type = m->ops->type, .arena = &arena};
    forward(&c, r);
    return arena.peak;
}

/* What the process has in memory in the first run, or the one whose picture is larger. tiles: by tiles. */
static size_t need(const Run *r, const Grid *g) {
    const SdModel *m = r->u->m;
    size_t scale = (size_t)config_of(r)->scale,
           bytes = plan_process(m, false) + model_part_bytes(m, PART_UPSCALER, false);
    Run one = *r;
    if (g) one.w = g->tile_w, one.h = g->tile_h, one.rows = one.h;
    bytes += peak(&one);
    if (m->gpu) return bytes;
    size_t in = (size_t)r->w * (size_t)r->h * 3, out = in * scale * scale;
    size_t tile = g ? (size_t)g->tile_h * scale * 3 * (size_t)(g->tile_w + g->width) * scale : 0;
    return bytes + 2 * in + out + tile; /* the caller's picture, and the one before */
}

/* The rows at once that the limit allows; 0: none. *bytes: what that takes, or the least. */
static int64_t choose_rows(Run *r, size_t limit, size_t *bytes) {
    const int64_t low = (int64_t)TILE_LEAST * config_of(r)->gather, best = (int64_t)ROWS_BEST * config_of(r)->gather;
    int64_t rows = r->how->tile < low ? low : r->how->tile < best ? round_up(r->how->tile, 4) : best;
    for (;; rows = low) {
        r->rows = rows;
        *bytes = need(r, NULL);
        if (*bytes <= limit) return rows;
        if (rows == low || !r->u->m->ops->rows_independent) return 0;
    }
}

/* --- one run --- */

static bool run_one(Run *r, Error *e) {
    SdModel *m = r->u->m;
    Arena arena = {0};
    bool ok = arena_init_on(&arena, m->ops, m->gpu, peak(r), e);
    Ctx c = {.op = m->ops, .precision = m->precision, .type = m->ops->type, .pool = m->pool, .arena = &arena};
    if (ok) forward(&c, r);
    arena_free(&arena);
    return ok && error_pass(e, &c.err);
}

static bool run_tiles(const Run *r, const Grid *g, Error *e) {
    size_t scale = (size_t)config_of(r)->scale, rows = (size_t)g->tile_h * scale * 3;
    uint8_t *tile = malloc(rows * (size_t)g->tile_w * scale), *line = malloc(rows * (size_t)g->width * scale);
    bool ok = (tile && line) || error_set(e, ERR_MEMORY, "out of memory for an enlarged picture's tiles");
    for (int i = 0; ok && i < g->columns * g->rows; i++) {
        Run one = *r;
        one.w = g->tile_w, one.h = g->tile_h, one.rows = one.h, one.to = tile, one.done = i,
        one.of = g->columns * g->rows;
        one.rgb += (size_t)grid_y(g, i / g->columns) * r->pitch + (size_t)grid_x(g, i % g->columns) * 3;
        ok = run_one(&one, e);
        if (ok) grid_put(g, (int)scale, i / g->columns, i % g->columns, tile, line, r->to);
    }
    free(tile);
    free(line);
    return ok;
}

/* How a run over r's picture fits the limit: *whole, or by tiles of *grid; *bytes: what the process takes. */
static bool fits(Run *r, Grid *grid, bool *whole, size_t *bytes, Error *e) {
    const SdModel *m = r->u->m;
    const SdUpscale *how = r->how;
    const int scale = config_of(r)->scale;
    if ((int64_t)r->w * scale * r->h * scale > PIXELS_MOST)
        return error_set(e, ERR_ARGUMENT, "upscale: %d x %d times %d is more than 268 million pixels; make it smaller",
                         r->w, r->h, scale);
    size_t limit = plan_limit(m);
    *grid = grid_make(r->w, r->h, how->tile, how->tile, how->overlap);
    *whole = choose_rows(r, limit, bytes) > 0;
    if (*whole) return true;
    char tiles[40] = "";
    size_t least = how->whole ? *bytes : need(r, grid);
    if (least < *bytes) *bytes = least;
    if (!how->whole) snprintf(tiles, sizeof tiles, " with tiles of %d", how->tile);
    return *bytes <= limit ||
           error_set(e, ERR_MEMORY, "memory: enlarging %d x %d needs %zu MiB%s, but %s %zu MiB; %s", r->w, r->h,
                     (*bytes >> 20) + 1, tiles, m->memory_limit == limit ? "the limit is" : "this machine has",
                     limit >> 20, how->whole ? "allow more, or enlarge a smaller picture" : "make tiles smaller");
}

/* `from`, enlarged by the network. */
static bool run_network(SdUpscaler *u, const SdUpscale *how, const Bytes *from, Bytes *to, SdUpscaled *out, Error *e) {
    SdModel *m = u->m;
    const int scale = m->upscaler.config.scale;
    Run r = {.u = u, .how = how, .rgb = from->rgb, .pitch = (size_t)from->w * 3, .w = from->w, .h = from->h, .of = 1};
    Grid grid;
    bool whole;
    size_t bytes;
    if (!fits(&r, &grid, &whole, &bytes, e)) return false;
    if (bytes > out->process) out->process = bytes;
    *to = (Bytes){malloc((size_t)from->w * (size_t)from->h * 3 * (size_t)(scale * scale)), from->w * scale,
                  from->h * scale};
    r.to = to->rgb;
    if (!to->rgb) return error_set(e, ERR_MEMORY, "out of memory for a picture of %d x %d", to->w, to->h);
    if (!whole) out->tiles += grid.columns * grid.rows;
    bool ok = model_load(m, PART_UPSCALER, e) && (whole ? run_one(&r, e) : run_tiles(&r, &grid, e));
    if (!ok) free(to->rgb), *to = (Bytes){0};
    return ok;
}

/* --- the whole way --- */

static bool check(const SdUpscaler *u, const SdUpscale *how, const SdUpscaled *out, Error *e) {
    if (!how || !out) return error_set(e, ERR_ARGUMENT, "upscale: the request or the place for its result is NULL");
    if (!how->rgb || how->width < 1 || how->height < 1 || (int64_t)how->width * how->height > PIXELS_MOST)
        return error_set(e, ERR_ARGUMENT, "upscale: needs a picture of 1 to 268 million pixels; name one");
    if (how->tile < TILE_LEAST || how->tile > TILE_MOST)
        return error_set(e, ERR_ARGUMENT, "tile: %d is not in %d..%d", how->tile, TILE_LEAST, TILE_MOST);
    if (how->overlap < 0 || how->overlap >= how->tile)
        return error_set(e, ERR_ARGUMENT, "overlap: %d is not in 0..%d, below the tile's side", how->overlap,
                         how->tile - 1);
    bool sized = how->to_width >= 1 && how->to_height >= 1;
    if (!sized && (!u || how->to_width || how->to_height))
        return error_set(e, ERR_ARGUMENT, "upscale: a result of %d x %d pixels; give both sides", how->to_width,
                         how->to_height);
    return !sized || (int64_t)how->to_width * how->to_height <= PIXELS_MOST ||
           error_set(e, ERR_ARGUMENT, "upscale: %d x %d is more than 268 million pixels; make it smaller",
                     how->to_width, how->to_height);
}

/* To the size that is asked for. */
static bool fit(Bytes *b, const SdUpscale *how, SdFilter filter, Error *e) {
    const ResizeFilter as[] = {RESIZE_NEAREST, RESIZE_BILINEAR, RESIZE_BICUBIC, RESIZE_LANCZOS};
    Bytes to = {malloc((size_t)how->to_width * (size_t)how->to_height * 3), how->to_width, how->to_height};
    bool ok = to.rgb || error_set(e, ERR_MEMORY, "out of memory for a picture of %d x %d", to.w, to.h);
    ok = ok && resize_rgb(b->rgb, b->w, b->h, to.rgb, to.w, to.h, as[filter], e);
    free(ok ? b->rgb : to.rgb);
    if (ok) *b = to;
    return ok;
}

/* Whether the network need not run an i-th time. */
static bool is_enough(const SdUpscale *how, int i, int w, int h) {
    return i && how->to_width > 0 && w >= how->to_width && h >= how->to_height;
}

bool upscale_plan(SdUpscaler *u, const SdUpscale *how, size_t *process, Error *e) {
    const int scale = u->m->upscaler.config.scale, runs = how->to_width > 0 && scale > 1 ? RUNS : 1;
    Run r = {.u = u, .how = how, .w = how->width, .h = how->height, .of = 1};
    *process = 0;
    for (int i = 0; i < runs && !is_enough(how, i, r.w, r.h); i++, r.w *= scale, r.h *= scale) {
        Grid grid;
        bool whole;
        size_t bytes;
        if (!fits(&r, &grid, &whole, &bytes, e)) return false;
        if (bytes > *process) *process = bytes;
    }
    return true;
}

bool sd_upscale(SdUpscaler *u, const SdUpscale *how, SdFilter filter, SdUpscaled *out, Error *e) {
    if (out) *out = (SdUpscaled){0};
    if ((e && e->code) || !check(u, how, out, e)) return false;
    size_t bytes = (size_t)how->width * (size_t)how->height * 3;
    bool sized = how->to_width > 0, grows = true;
    Bytes now = {malloc(bytes), how->width, how->height};
    bool ok = now.rgb || error_set(e, ERR_MEMORY, "out of memory for a picture of %d x %d", now.w, now.h);
    if (ok) memcpy(now.rgb, how->rgb, bytes);
    for (int i = 0; ok && u && grows && i < RUNS; i++) {
        Bytes next = {0};
        if (is_enough(how, i, now.w, now.h)) break;
        ok = run_network(u, how, &now, &next, out, e);
        if (ok) free(now.rgb), now = next;
        grows = sized && u->m->upscaler.config.scale > 1;
    }
    if (u) model_release(u->m, PART_UPSCALER);
    ok = ok && (!sized || (now.w == how->to_width && now.h == how->to_height) || fit(&now, how, filter, e));
    if (!ok) free(now.rgb);
    else out->picture = (SdPicture){.rgb = now.rgb, .width = now.w, .height = now.h};
    return ok;
}
