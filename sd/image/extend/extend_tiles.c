/* extend_tiles.c: "Poor man's outpainting": tiles of the extended picture, of which those that show only what was there
 * are not drawn. */
#include "extend_internal.h"
#include "sd/image/draw/grid.h"

#include <stdlib.h>

enum { MOST_TILES = 4096 };

/* By how many pixels tiles overlap. */
static int overlap_of(const Extend *x) {
    const int sides[] = {x->asked.left, x->asked.top, x->asked.right, x->asked.bottom};
    int most = 0;
    for (int i = 0; i < 4; i++) most = sides[i] > most ? sides[i] : most;
    return most;
}

static Grid grid_of(const Extend *x) {
    int w, h;
    extend_whole(x, &w, &h);
    return grid_make(w, h, x->window_w, x->window_h, overlap_of(x));
}

const char *extend_tiles_wrong(const Extend *x, int w, int h) {
    int overlap = overlap_of(x);
    if ((x->window_w < w && overlap >= x->window_w) || (x->window_h < h && overlap >= x->window_h))
        return "more pixels than a window has, by which windows overlap; extend by less, or enlarge width and height";
    const Grid g = grid_of(x);
    if ((int64_t)g.columns * g.rows > MOST_TILES)
        return "more than 4096 windows; enlarge width and height, or extend by less";
    return NULL;
}

/* Whether a tile has nothing but the picture. */
static bool is_inside(const Extend *x, const Grid *g, int column, int row) {
    Sides s = extend_sides(x);
    int left = grid_x(g, column), top = grid_y(g, row);
    return left >= s.left && left + g->tile_w <= s.left + x->width && top >= s.top &&
           top + g->tile_h <= s.top + x->height;
}

/* Row and column of part i of all tiles. */
static bool tile_of(const Extend *x, const Grid *g, int i, int *column, int *row) {
    for (int k = 0; k < g->columns * g->rows; k++) {
        *column = k % g->columns, *row = k / g->columns;
        if (!is_inside(x, g, *column, *row) && i-- == 0) return true;
    }
    return false;
}

/* What is kept where the sides that are extended take so many pixels of the picture. A box's end lies outside; the
 * webui's rectangle has one more pixel, but not beyond the picture. */
static MaskBox kept(const Extend *x, int inset) {
    Sides s = extend_sides(x);
    MaskBox b = {s.left + (s.left ? inset : 0), s.top + (s.top ? inset : 0), s.left + x->width, s.top + x->height};
    if (s.right && inset) b.right -= inset - 1;
    if (s.bottom && inset) b.bottom -= inset - 1;
    return b;
}

typedef struct {
    uint8_t *canvas, *mask, *latents;                  /* of the whole */
    uint8_t *image, *tile_mask, *tile_latents, *drawn; /* of a tile */
    uint8_t *line, *joined;
    int w, h;
} Tiles;

static void free_tiles(Tiles *t) {
    free(t->canvas), free(t->mask), free(t->latents);
    free(t->image), free(t->tile_mask), free(t->tile_latents), free(t->drawn);
    free(t->line), free(t->joined);
}

static bool make_tiles(Tiles *t, const Extend *x, const Grid *g, Error *e) {
    size_t all = (size_t)g->width * (size_t)g->height, one = (size_t)g->tile_w * (size_t)g->tile_h;
    Sides s = extend_sides(x);
    *t = (Tiles){.w = g->width, .h = g->height};
    t->canvas = calloc(all, 3), t->mask = malloc(all), t->latents = malloc(all), t->joined = malloc(3 * all);
    t->image = malloc(3 * one), t->tile_mask = malloc(one), t->tile_latents = malloc(one), t->drawn = malloc(3 * one);
    t->line = malloc((size_t)g->tile_h * (size_t)g->width * 3);
    if (!t->canvas || !t->mask || !t->latents || !t->joined || !t->image || !t->tile_mask || !t->tile_latents ||
        !t->drawn || !t->line)
        return error_set(e, ERR_MEMORY, "out of memory for an extended picture");
    extend_place(t->canvas, t->w, x->rgb, x->width, x->height, s.left, s.top);
    extend_keep(t->mask, t->w, t->h, kept(x, 2 * x->blur));
    extend_keep(t->latents, t->w, t->h, kept(x, x->blur / 2));
    return true;
}

bool extend_run_tiles(const Extend *x, ExtendDraw draw, void *user, uint8_t *out, Error *e) {
    const Grid g = grid_of(x);
    Tiles t;
    int width, height, part = 0;
    bool ok = make_tiles(&t, x, &g, e);
    for (int k = 0; ok && k < g.columns * g.rows; k++) {
        int column = k % g.columns, row = k / g.columns, left = grid_x(&g, column), top = grid_y(&g, row);
        MaskBox b = {left, top, left + g.tile_w, top + g.tile_h};
        mask_box_cut(t.canvas, t.w, 3, b, t.image);
        mask_box_cut(t.mask, t.w, 1, b, t.tile_mask);
        mask_box_cut(t.latents, t.w, 1, b, t.tile_latents);
        ExtendPart p = {part, g.tile_w, g.tile_h, 2 * x->blur, 2 * x->blur, t.image, t.tile_mask, t.tile_latents};
        bool inside = is_inside(x, &g, column, row);
        if (!inside) ok = draw(user, &p, t.drawn, e), part++;
        if (ok) grid_put(&g, 1, row, column, inside ? t.image : t.drawn, t.line, t.joined);
    }
    extend_size(x, &width, &height);
    if (ok) mask_box_cut(t.joined, t.w, 3, (MaskBox){0, 0, width, height}, out);
    free_tiles(&t);
    return ok;
}

bool extend_tile_size(const Extend *x, int i, int *width, int *height) {
    int column, row;
    const Grid g = grid_of(x);
    *width = g.tile_w, *height = g.tile_h;
    return tile_of(x, &g, i, &column, &row);
}
