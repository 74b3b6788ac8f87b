#include "extend.h"

#include "extend_internal.h"
#include "spectrum.h"

const char *extend_wrong(const Extend *x) {
    enum { LEAST = 4 };
    int w, h, inset = 2 * x->blur;
    const Sides s = x->asked;
    extend_whole(x, &w, &h);
    if (x->width - (s.left ? inset : 0) - (s.right ? inset : 0) < LEAST ||
        x->height - (s.top ? inset : 0) - (s.bottom ? inset : 0) < LEAST)
        return "the picture is too small to be blurred so far; lower extend blur";
    if (x->window_w > w || x->window_h > h) return "width or height is larger than the extended picture; lower it";
    if (!x->spectrum) return extend_tiles_wrong(x, w, h);
    if ((!s.left && !s.right && x->window_w < w) || (!s.top && !s.bottom && x->window_h < h))
        return "width and height count in the directions that are extended; leave the other one out";
    const Sides all = extend_sides(x);
    if (x->window_w < all.left || x->window_w < all.right || x->window_h < all.top || x->window_h < all.bottom)
        return "a side is longer than its window, which draws it at once; enlarge width or height, or extend by less";
    return NULL;
}

bool extend_part(const Extend *x, int i, int *width, int *height) {
    return (x->spectrum ? extend_side_size : extend_tile_size)(x, i, width, height);
}

bool extend_run(const Extend *x, ExtendDraw draw, void *user, uint8_t *out, Error *e) {
    return (x->spectrum ? extend_run_sides : extend_run_tiles)(x, draw, user, out, e);
}

/* In the largest canvas of either script. */
static size_t pixels(const Extend *x) {
    enum { MULTIPLE = 64 };
    int w, h;
    extend_size(x, &w, &h);
    return (size_t)((w + MULTIPLE - 1) / MULTIPLE * MULTIPLE) * (size_t)((h + MULTIPLE - 1) / MULTIPLE * MULTIPLE);
}

size_t extend_bytes(const Extend *x) {
    return pixels(x) * (5 * 3 + 4); /* pictures of the whole, a row, a tile; and masks of all and of a tile */
}

size_t extend_spectrum_bytes(const Extend *x) { return x->spectrum ? spectrum_bytes(pixels(x)) : 0; }
