#include "grid.h"

#include <stddef.h>
#include <string.h>

static int least(int a, int b) { return a < b ? a : b; }

/* How many tiles cover n pixels. */
static int count(int n, int tile, int overlap) {
    int step = tile - overlap;
    return n > tile ? (n - overlap + step - 1) / step : 1;
}

Grid grid_make(int width, int height, int tile_w, int tile_h, int overlap) {
    Grid g = {width, height, least(tile_w, width), least(tile_h, height), overlap, 0, 0};
    g.columns = count(width, g.tile_w, overlap), g.rows = count(height, g.tile_h, overlap);
    return g;
}

static int place(int n, int tile, int tiles, int i) {
    int at = tiles > 1 ? (int)(i * ((double)(n - tile) / (tiles - 1))) : 0;
    return at + tile >= n ? n - tile : at;
}

int grid_x(const Grid *g, int i) { return place(g->width, g->tile_w, g->columns, i); }
int grid_y(const Grid *g, int i) { return place(g->height, g->tile_h, g->rows, i); }

/* Pillow's paste with a mask: (over m + under (255 - m)) / 255, rounded. */
static void blend(uint8_t *to, const uint8_t *over, unsigned mask, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned v = over[i] * mask + to[i] * (255 - mask) + 128;
        to[i] = (uint8_t)((v + (v >> 8)) >> 8);
    }
}

/* The weight of the later tile i pixels into the overlap; the quotient in f32, truncated. */
static unsigned weight(int i, int overlap) { return (unsigned)((float)i * 255.0f / (float)overlap); }

void grid_put(const Grid *g, int scale, int row, int column, const uint8_t *tile, uint8_t *line, uint8_t *to) {
    const int w = g->tile_w * scale, h = g->tile_h * scale, overlap = g->overlap * scale, x = grid_x(g, column) * scale;
    const size_t wide = (size_t)g->width * (size_t)scale * 3;
    for (int i = 0; i < h; i++) {
        uint8_t *at = line + (size_t)i * wide + (size_t)x * 3;
        const uint8_t *from = tile + (size_t)i * (size_t)w * 3;
        int mixed = x ? overlap : 0;
        for (int k = 0; k < mixed; k++) blend(at + 3 * k, from + 3 * k, weight(k, overlap), 3);
        memcpy(at + 3 * mixed, from + 3 * mixed, (size_t)(w - mixed) * 3);
    }
    if (column + 1 < g->columns) return;
    const int y = grid_y(g, row) * scale;
    for (int i = 0; i < h; i++) {
        uint8_t *at = to + (size_t)(y + i) * wide;
        if (y && i < overlap) blend(at, line + (size_t)i * wide, weight(i, overlap), wide);
        else memcpy(at, line + (size_t)i * wide, wide);
    }
}
