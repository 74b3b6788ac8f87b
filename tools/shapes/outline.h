/* outline.h: the shapes and digits as polygons and lines. */
#ifndef SD_TOOLS_SHAPES_OUTLINE_H
#define SD_TOOLS_SHAPES_OUTLINE_H

typedef struct {
    double x, y;
} Point;

enum { OUTLINE_POINTS = 320, OUTLINE_CURVES = 8 };

/* Closed polygons, or lines to stroke: end[i] is the first point after curve i. A hole runs the other way round. */
typedef struct {
    Point p[OUTLINE_POINTS];
    int points, curves, end[OUTLINE_CURVES];
} Outline;

/* Shapes within about -1..1 around their middle; digits as lines within -0.6..0.6 and -1..1. */
void outline_shape(Outline *o, int shape);
void outline_digit(Outline *o, int digit);
/* To build others: points are appended, outline_end ends a curve. Angles in degrees, from the right towards the bottom;
 * from > to runs anticlockwise. */
void outline_arc(Outline *o, double x, double y, double rx, double ry, double from, double to);
void outline_points(Outline *o, const Point *p, int count);
void outline_end(Outline *o);

#endif
