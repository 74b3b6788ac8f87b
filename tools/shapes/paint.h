/* paint.h: outlines filled and stroked in colours. Lengths are in 64ths of the picture's side. */
#ifndef SD_TOOLS_SHAPES_PAINT_H
#define SD_TOOLS_SHAPES_PAINT_H

#include "outline.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint8_t *rgb; /* [size][size][3] */
    int size;
} Canvas;

/* Two colours: in stripes, or from the top to the bottom of the picture. */
typedef struct {
    double top[3], bottom[3];
    double stripe; /* width; 0: no stripes, the colours blend between y0 and y1 */
    double y0, y1;
} Paint;

Paint paint_plain(int colour);
Paint paint_rgb(double r, double g, double b);
Paint paint_gradient(const double top[3], const double bottom[3], double y0, double y1);

/* Outlines are scaled by rx, ry and moved to x, y. Coverage is the exact area of each pixel; for a stroke, w wide to
 * each side, it follows the distance from the pixel's middle. */
void paint_fill(Canvas *c, const Outline *o, double x, double y, double rx, double ry, const Paint *p);
void paint_stroke(Canvas *c, const Outline *o, bool closed, double x, double y, double rx, double ry, double w,
                  const Paint *p);
void paint_all(Canvas *c, const Paint *p);
/* mask[size,size]: how much of each pixel paint_fill would cover, 0..1. */
void paint_coverage(float *mask, int size, const Outline *o, double x, double y, double rx, double ry);

#endif
