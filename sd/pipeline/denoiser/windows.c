#include "windows.h"

#include "sd/pipeline/planes.h"
#include "sd/noise/math64.h"

#include <stdlib.h>

static int least(int a, int b) { return a < b ? a : b; }

/* How much a row or column i of n counts: a bell around `middle` of variance 0.01 n^2. */
static double bell(int i, int n, double middle) {
    const double variance = 0.01, pi = 0x1.921fb54442d18p+1, d = i - middle;
    return exp64(-d * d / ((double)n * n) / (2 * variance)) / sqrt(2 * pi * variance);
}

static float weight(const Windows *k, int y, int x) { return k->weights ? k->weights[y * k->grid.tile_w + x] : 1; }

static void add_weights(Windows *k) {
    const Grid *g = &k->grid;
    for (int i = 0; i < k->count; i++)
        for (int y = 0; y < g->tile_h; y++) {
            float *row = k->total + (int64_t)(grid_y(g, i / g->columns) + y) * g->width + grid_x(g, i % g->columns);
            for (int x = 0; x < g->tile_w; x++) row[x] += weight(k, y, x);
        }
}

bool windows_begin(Windows *k, const SdRequest *r, int w, int h, Error *e) {
    const int wide = least(r->tile_width, w), high = least(r->tile_height, h), most = least(wide, high) - 4;
    const int overlap = least(r->tile_overlap, most > 0 ? most : 0);
    *k = (Windows){.grid = grid_make(w, h, w, h, 0), .count = 1};
    if (r->tiled_diffusion == SD_TILED_NONE || (wide == w && high == h)) return true;
    k->grid = grid_make(w, h, wide, high, overlap);
    k->count = k->grid.columns * k->grid.rows;
    bool bells = r->tiled_diffusion == SD_TILED_MIXTURE;
    k->total = calloc((size_t)w * (size_t)h, sizeof *k->total);
    if (bells) k->weights = malloc((size_t)wide * (size_t)high * sizeof *k->weights);
    if (!k->total || (bells && !k->weights)) return error_set(e, ERR_MEMORY, "out of memory for the windows' weights");
    for (int y = 0; bells && y < high; y++)
        for (int x = 0; x < wide; x++)
            k->weights[y * wide + x] = (float)(bell(y, high, high / 2.0) * bell(x, wide, (wide - 1) / 2.0));
    add_weights(k);
    return true;
}

void windows_end(Windows *k) {
    free(k->weights);
    free(k->total);
    *k = (Windows){0};
}

int64_t windows_area(const Windows *k) { return (int64_t)k->grid.tile_w * k->grid.tile_h; }

size_t windows_bytes(const Windows *k) {
    if (k->count == 1) return 0;
    size_t n = (size_t)k->grid.width * (size_t)k->grid.height + (k->weights ? (size_t)windows_area(k) : 0);
    return n * sizeof(float);
}

/* Where row y of window i begins in a plane. */
static int64_t row_of(const Windows *k, int i, int y) {
    const Grid *g = &k->grid;
    return (int64_t)(grid_y(g, i / g->columns) + y) * g->width + grid_x(g, i % g->columns);
}

void windows_cut(const Windows *k, int i, float *pixels, int64_t wide, const float *planes, int64_t channels,
                 float scale) {
    const Grid *g = &k->grid;
    const int64_t area = (int64_t)g->width * g->height;
    if (k->count == 1) {
        planes_to_pixels(pixels, wide, planes, channels, area, scale);
        return;
    }
    for (int64_t c = 0; c < channels; c++)
        for (int y = 0; y < g->tile_h; y++) {
            const float *from = planes + c * area + row_of(k, i, y);
            float *to = pixels + (int64_t)y * g->tile_w * wide + c;
            for (int x = 0; x < g->tile_w; x++) to[x * wide] = scale * from[x];
        }
}

void windows_add(const Windows *k, int i, float *planes, const float *pixels, int64_t channels) {
    const Grid *g = &k->grid;
    const int64_t area = (int64_t)g->width * g->height;
    if (k->count == 1) {
        pixels_to_planes(planes, pixels, channels, area);
        return;
    }
    for (int64_t c = 0; c < channels; c++)
        for (int y = 0; y < g->tile_h; y++) {
            const int64_t at = row_of(k, i, y);
            const float *from = pixels + (int64_t)y * g->tile_w * channels + c;
            float *to = planes + c * area + at;
            for (int x = 0; x < g->tile_w; x++) {
                float share = k->weights ? weight(k, y, x) * (1 / k->total[at + x]) : 1;
                to[x] += from[x * channels] * share;
            }
        }
}

void windows_finish(const Windows *k, float *planes, int64_t channels) {
    const int64_t area = (int64_t)k->grid.width * k->grid.height;
    if (k->count == 1 || k->weights) return;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < area; i++) planes[c * area + i] /= k->total[i];
}
