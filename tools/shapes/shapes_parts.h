/* shapes_parts.h: what the files of the data maker share: random numbers, outlines, painting. */
#ifndef SD_TOOLS_SHAPES_SHAPES_PARTS_H
#define SD_TOOLS_SHAPES_SHAPES_PARTS_H

#include "shapes.h"

/* Random numbers by counter: number n of a key is SplitMix64's mixing of key + n * golden ratio. */
typedef struct {
    uint64_t key, n;
} Draws;

Draws draws_begin(uint64_t seed, uint64_t index);
uint64_t draw_bits(Draws *d);
int draw_below(Draws *d, int n);                        /* 0..n-1 */
double draw_between(Draws *d, double low, double high); /* uniform */
bool draw_chance(Draws *d, double p);
int draw_weighted(Draws *d, const double *weight, int n); /* i with probability weight[i] / their sum */

typedef struct {
    double x, y;
} Point;

enum { OUTLINE_POINTS = 320, OUTLINE_PARTS = 8 };

/* Closed polygons, or lines for stroking; parts[i] is where part i ends. A hole runs the other way round. */
typedef struct {
    Point p[OUTLINE_POINTS];
    int points, parts, end[OUTLINE_PARTS];
} Outline;

/* Shapes within about -1..1 around their middle; digits as lines within -0.6..0.6 and -1..1. */
void outline_shape(Outline *o, int shape);
void outline_digit(Outline *o, int digit);
/* Pieces for others to build with. Angles in degrees, from the right towards the bottom; from > to turns left. */
void outline_arc(Outline *o, double x, double y, double rx, double ry, double from, double to);
void outline_points(Outline *o, const Point *p, int count);
void outline_end(Outline *o);

typedef struct {
    uint8_t *rgb; /* [size][size][3] */
    int size;
} Canvas;

/* Two colours: over each other from the top to the bottom of the picture, or in stripes of the given width. */
typedef struct {
    double top[3], bottom[3];
    double stripe; /* in 64ths; 0: none, the colours run into each other between y0 and y1 */
    double y0, y1;
} Paint;

Paint paint_plain(int colour);
Paint paint_rgb(double r, double g, double b);
Paint paint_gradient(const double top[3], const double bottom[3], double y0, double y1);

/* Outlines are scaled by rx, ry and moved to x, y, all in 64ths. Coverage is the exact area of each pixel; for a
 * stroke, of half width w in 64ths, it is by the distance from the pixel's middle. */
void paint_fill(Canvas *c, const Outline *o, double x, double y, double rx, double ry, const Paint *p);
void paint_stroke(Canvas *c, const Outline *o, bool closed, double x, double y, double rx, double ry, double w,
                  const Paint *p);
void paint_all(Canvas *c, const Paint *p);

void draw_landscape(Canvas *c, const Scene *s);
void caption_landscape(char caption[SHAPES_CAPTION], const Scene *s, Draws *d);

#endif
