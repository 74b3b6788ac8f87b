/* paint.c: outlines onto pixels. A polygon is filled by exact area: each edge adds, to the pixels of a row that it
 * passes, the signed area between itself and the row's right end; the running sum of a row is how much of each pixel is
 * inside. No samples, no buffer but one row, and the same bits everywhere.
 *
 * For an edge that enters a pixel column at x0 and leaves it at x1 while it goes down by dy, the pixel itself gets
 * dy (1 - (x0 + x1) / 2) and everything to the right dy. */
#include "paint.h"
#include "palette.h"
#include "sd/noise/math64.h"

#include <assert.h>
#include <string.h>

enum { MAX_SIZE = 1024 }; /* pixels along a side */

/* --- colours --- */

Paint paint_rgb(double r, double g, double b) { return (Paint){.top = {r, g, b}, .bottom = {r, g, b}}; }

Paint paint_plain(int colour) {
    const uint8_t *c = PALETTE[colour].rgb;
    return paint_rgb(c[0], c[1], c[2]);
}

Paint paint_gradient(const double top[3], const double bottom[3], double y0, double y1) {
    Paint p = {.y0 = y0, .y1 = y1};
    memcpy(p.top, top, sizeof p.top);
    memcpy(p.bottom, bottom, sizeof p.bottom);
    return p;
}

/* How much of [0, y] has the second colour, which every other stripe has. */
static double striped(double y, double width) {
    double pairs = (double)(int64_t)(y / (2 * width)), rest = y - pairs * 2 * width;
    return pairs * width + (rest > width ? rest - width : 0);
}

/* How much of row y, of `unit` 64ths, has the second colour. */
static double second_share(const Paint *p, int y, double unit) {
    double top = y * unit, bottom = (y + 1) * unit;
    if (p->stripe > 0) return (striped(bottom, p->stripe) - striped(top, p->stripe)) / unit;
    if (p->y1 <= p->y0) return 0;
    double t = ((top + bottom) / 2 - p->y0) / (p->y1 - p->y0);
    return t < 0 ? 0 : t > 1 ? 1 : t;
}

/* Paints pixels first..last-1 of row y as far as cover[x] says. */
static void paint_row(Canvas *c, const Paint *p, int y, int first, int last, const double *cover) {
    double share = second_share(p, y, (double)SHAPES_SIDE / c->size), colour[3];
    for (int k = 0; k < 3; k++) colour[k] = p->top[k] + (p->bottom[k] - p->top[k]) * share;
    for (int x = first; x < last; x++) {
        double a = cover[x] > 1 ? 1 : cover[x];
        if (a <= 0) continue;
        uint8_t *to = c->rgb + ((size_t)y * (size_t)c->size + (size_t)x) * 3;
        for (int k = 0; k < 3; k++) to[k] = (uint8_t)(to[k] + (colour[k] - to[k]) * a + 0.5);
    }
}

void paint_all(Canvas *c, const Paint *p) {
    double cover[MAX_SIZE];
    for (int x = 0; x < c->size; x++) cover[x] = 1;
    for (int y = 0; y < c->size; y++) paint_row(c, p, y, 0, c->size, cover);
}

/* --- filling --- */

/* The piece of an edge within a row, from (x0, y0) to (x1, y1), which begins at the row's top (y = 0..1); sums[size +
 * 1]. */
static void add_edge(double *sums, int size, double x0, double y0, double x1, double y1) {
    double dy = y1 - y0;
    if (dy == 0) return;
    if (x0 > x1) { /* the area does not depend on the order of the ends */
        double t = x0;
        x0 = x1, x1 = t;
    }
    if (x1 <= 0) { /* left of the picture */
        sums[0] += dy;
        return;
    }
    if (x0 >= size) return;
    double slope = x1 > x0 ? dy / (x1 - x0) : 0;
    if (x0 < 0) {
        sums[0] += -x0 * slope;
        dy += x0 * slope;
        x0 = 0;
    }
    if (x1 > size) {
        dy -= (x1 - size) * slope;
        x1 = size;
    }
    for (int x = (int)x0; x < size; x++) {
        double end = x1 < x + 1 ? x1 : x + 1, part = x1 > x0 ? (end - x0) * slope : dy;
        double own = part * (1 - ((x0 + end) / 2 - x));
        sums[x] += own;
        sums[x + 1] += part - own;
        if (x1 <= x + 1) break;
        x0 = end;
    }
}

typedef struct {
    Point p[OUTLINE_POINTS]; /* in pixels */
    int first, last;         /* rows */
} Placed;

static void place(Placed *to, const Outline *o, int size, double x, double y, double rx, double ry, double margin) {
    double unit = (double)size / SHAPES_SIDE, low = size, high = 0;
    for (int i = 0; i < o->points; i++) {
        to->p[i] = (Point){(x + rx * o->p[i].x) * unit, (y + ry * o->p[i].y) * unit};
        if (to->p[i].y - margin < low) low = to->p[i].y - margin;
        if (to->p[i].y + margin > high) high = to->p[i].y + margin;
    }
    to->first = low < 0 ? 0 : (int)low;
    to->last = high >= size ? size : (int)high + 1;
}

/* cover[size] of row y. */
static void cover_row(double *cover, const Placed *at, const Outline *o, int y, int size) {
    double sums[MAX_SIZE + 1] = {0};
    for (int curve = 0, i = 0; curve < o->curves; curve++) {
        int begin = i;
        for (; i < o->end[curve]; i++) {
            Point a = at->p[i], b = at->p[i + 1 < o->end[curve] ? i + 1 : begin];
            double sign = 1;
            if (a.y > b.y) {
                Point t = a;
                a = b, b = t, sign = -1;
            }
            if (b.y <= y || a.y >= y + 1 || a.y == b.y) continue;
            double y0 = a.y < y ? y : a.y, y1 = b.y > y + 1 ? y + 1 : b.y, slope = (b.x - a.x) / (b.y - a.y);
            double x0 = a.x + (y0 - a.y) * slope, x1 = a.x + (y1 - a.y) * slope;
            if (sign > 0) add_edge(sums, size, x0, y0, x1, y1);
            else add_edge(sums, size, x0, y1, x1, y0);
        }
    }
    double sum = 0;
    for (int x = 0; x < size; x++) {
        sum += sums[x];
        double a = sum < 0 ? -sum : sum;
        cover[x] = a < 1e-9 ? 0 : a > 1 ? 1 : a; /* rounding errors cover nothing */
    }
}

void paint_fill(Canvas *c, const Outline *o, double x, double y, double rx, double ry, const Paint *p) {
    Placed at;
    double cover[MAX_SIZE];
    assert(c->size <= MAX_SIZE);
    place(&at, o, c->size, x, y, rx, ry, 0);
    for (int row = at.first; row < at.last; row++) {
        cover_row(cover, &at, o, row, c->size);
        paint_row(c, p, row, 0, c->size, cover);
    }
}

void paint_coverage(float *mask, int size, const Outline *o, double x, double y, double rx, double ry) {
    Placed at;
    double cover[MAX_SIZE];
    assert(size <= MAX_SIZE);
    place(&at, o, size, x, y, rx, ry, 0);
    memset(mask, 0, (size_t)size * (size_t)size * sizeof *mask);
    for (int row = at.first; row < at.last; row++) {
        cover_row(cover, &at, o, row, size);
        for (int col = 0; col < size; col++) mask[(size_t)row * (size_t)size + (size_t)col] = (float)cover[col];
    }
}

/* --- strokes --- */

static double distance2(Point p, Point a, Point b) {
    double ux = b.x - a.x, uy = b.y - a.y, vx = p.x - a.x, vy = p.y - a.y, length = ux * ux + uy * uy;
    double t = length > 0 ? (ux * vx + uy * vy) / length : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    double dx = vx - t * ux, dy = vy - t * uy;
    return dx * dx + dy * dy;
}

void paint_stroke(Canvas *c, const Outline *o, bool closed, double x, double y, double rx, double ry, double w,
                  const Paint *p) {
    Placed at;
    double cover[MAX_SIZE], half = w * c->size / SHAPES_SIDE;
    assert(c->size <= MAX_SIZE);
    place(&at, o, c->size, x, y, rx, ry, half + 1);
    for (int row = at.first; row < at.last; row++) {
        for (int col = 0; col < c->size; col++) {
            Point here = {col + 0.5, row + 0.5};
            double nearest = 1e9;
            for (int curve = 0, i = 0; curve < o->curves; curve++) {
                int begin = i;
                for (; i < o->end[curve]; i++) {
                    if (i + 1 == o->end[curve] && !closed) continue;
                    double d = distance2(here, at.p[i], at.p[i + 1 < o->end[curve] ? i + 1 : begin]);
                    if (d < nearest) nearest = d;
                }
            }
            double a = half + 0.5 - sqrt(nearest);
            cover[col] = a < 0 ? 0 : a > 1 ? 1 : a;
        }
        paint_row(c, p, row, 0, c->size, cover);
    }
}
