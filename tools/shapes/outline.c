/* outline.c: the ten shapes as polygons, the ten digits as lines. Curves have enough points for pictures of 512 pixels.
 * Shapes are scaled to look equally large. */
#include "outline.h"
#include "shapes.h"

#include "sd/noise/math64.h"

#include <assert.h>

static void add(Outline *o, double x, double y) {
    assert(o->points < OUTLINE_POINTS);
    o->p[o->points++] = (Point){x, y};
}

void outline_end(Outline *o) {
    assert(o->curves < OUTLINE_CURVES);
    o->end[o->curves++] = o->points;
}

static void direction(double degrees, double *x, double *y) {
    while (degrees < 0) degrees += 360;
    sincos64(degrees * (3.14159265358979323846 / 180), y, x);
}

void outline_arc(Outline *o, double x, double y, double rx, double ry, double from, double to) {
    double span = to > from ? to - from : from - to;
    int steps = (int)(span / 6) + 2;
    for (int i = 0; i <= steps; i++) {
        double s, t;
        direction(from + (to - from) * i / steps, &s, &t);
        add(o, x + rx * s, y + ry * t);
    }
}

void outline_points(Outline *o, const Point *p, int count) {
    for (int i = 0; i < count; i++) add(o, p[i].x, p[i].y);
}

static void circle(Outline *o, double r) {
    outline_arc(o, 0, 0, r, r, 0, 360);
    outline_end(o);
}

static void ring(Outline *o) {
    circle(o, 1);
    outline_arc(o, 0, 0, 0.56, 0.56, 360, 0);
    outline_end(o);
}

/* A disc less another one: radius 1 at 0, radius 0.8 at (0.5, 0); they cross at x = 0.61. */
static void moon(Outline *o) {
    outline_arc(o, 0.2, 0, 1, 1, 52.411, 307.589);
    outline_arc(o, 0.7, 0, 0.8, 0.8, 277.895, 82.105);
    outline_end(o);
}

static void star(Outline *o) {
    for (int i = 0; i < 10; i++) {
        double r = i % 2 ? 0.5 : 1.1, x, y;
        direction(i * 36 - 90, &x, &y);
        add(o, r * x, r * y + 0.1);
    }
    outline_end(o);
}

/* x = 16 sin^3 t, y = -(13 cos t - 5 cos 2t - 2 cos 3t - cos 4t), brought to -1..1 */
static void heart(Outline *o) {
    for (int i = 0; i < 72; i++) {
        double s, c;
        sincos64(i * (3.14159265358979323846 / 36), &s, &c);
        double c2 = 2 * c * c - 1, c3 = c * (2 * c2 - 1), c4 = 2 * c2 * c2 - 1;
        add(o, s * s * s, -(13 * c - 5 * c2 - 2 * c3 - c4) / 15.5 - 0.16);
    }
    outline_end(o);
}

static void polygon(Outline *o, const Point *p, int count) {
    outline_points(o, p, count);
    outline_end(o);
}

void outline_shape(Outline *o, int shape) {
    static const Point SQUARE[] = {{-.86, -.86}, {.86, -.86}, {.86, .86}, {-.86, .86}};
    static const Point TRIANGLE[] = {{0, -.95}, {1.06, .88}, {-1.06, .88}};
    static const Point CROSS[] = {{-.36, -1}, {.36, -1}, {.36, -.36}, {1, -.36}, {1, .36},   {.36, .36},
                                  {.36, 1},   {-.36, 1}, {-.36, .36}, {-1, .36}, {-1, -.36}, {-.36, -.36}};
    static const Point DIAMOND[] = {{0, -1.1}, {.74, 0}, {0, 1.1}, {-.74, 0}};
    static const Point ARROW[] = {{-1.04, -.34}, {.1, -.34}, {.1, -.92}, {1.04, 0}, {.1, .92}, {.1, .34}, {-1.04, .34}};
    o->points = o->curves = 0;
    switch (shape) {
    case SHAPE_CIRCLE: circle(o, 0.98); break;
    case SHAPE_SQUARE: polygon(o, SQUARE, 4); break;
    case SHAPE_TRIANGLE: polygon(o, TRIANGLE, 3); break;
    case SHAPE_STAR: star(o); break;
    case SHAPE_RING: ring(o); break;
    case SHAPE_MOON: moon(o); break;
    case SHAPE_CROSS: polygon(o, CROSS, 12); break;
    case SHAPE_HEART: heart(o); break;
    case SHAPE_DIAMOND: polygon(o, DIAMOND, 4); break;
    case SHAPE_ARROW: polygon(o, ARROW, 7); break;
    default: assert(!"no such shape");
    }
}

static void line(Outline *o, double x0, double y0, double x1, double y1) {
    add(o, x0, y0);
    add(o, x1, y1);
}

void outline_digit(Outline *o, int digit) {
    o->points = o->curves = 0;
    switch (digit) {
    case 0: outline_arc(o, 0, 0, .56, .9, 0, 360); break;
    case 1:
        line(o, -.36, -.56, .08, -.9);
        add(o, .08, .9);
        break;
    case 2:
        outline_arc(o, 0, -.4, .52, .5, 190, 385);
        line(o, -.54, .9, .58, .9);
        break;
    case 3:
        outline_arc(o, -.04, -.45, .5, .45, 200, 450);
        outline_end(o);
        outline_arc(o, -.04, .43, .56, .47, 270, 515);
        break;
    case 4:
        line(o, .26, .9, .26, -.9);
        line(o, -.6, .4, .62, .4);
        break;
    case 5:
        line(o, .46, -.9, -.4, -.9);
        add(o, -.46, -.12);
        outline_arc(o, -.06, .32, .6, .58, 228, 494);
        break;
    case 6:
        outline_arc(o, .5, .34, 1.06, 1.3, 250, 180);
        outline_end(o);
        outline_arc(o, 0, .36, .55, .54, 0, 360);
        break;
    case 7:
        line(o, -.54, -.9, .56, -.9);
        add(o, -.16, .9);
        break;
    case 8:
        outline_arc(o, 0, -.46, .46, .44, 0, 360);
        outline_end(o);
        outline_arc(o, 0, .42, .55, .48, 0, 360);
        break;
    case 9:
        outline_arc(o, -.5, -.34, 1.06, 1.3, 70, 0);
        outline_end(o);
        outline_arc(o, 0, -.36, .55, .54, 0, 360);
        break;
    default: assert(!"no such digit");
    }
    outline_end(o);
}
