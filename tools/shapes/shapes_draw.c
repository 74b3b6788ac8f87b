/* shapes_draw.c: the pixels of a scene. */
#include "landscape.h"
#include "outline.h"
#include "paint.h"
#include "shapes.h"

#include <string.h>

void shapes_mask(float *mask, const ShapeObject *s, int size) {
    Outline o;
    outline_shape(&o, s->shape);
    paint_coverage(mask, size, &o, s->x, s->y, s->r, s->r);
}

/* Stripes are lighter than the colour, on light colours darker. */
static Paint paint_object(const ShapeObject *o) {
    Paint p = paint_plain(o->colour);
    if (o->fill != FILL_STRIPED) return p;
    bool light = p.top[0] + p.top[1] + p.top[2] > 600;
    for (int k = 0; k < 3; k++) p.bottom[k] = light ? p.top[k] * 0.72 : p.top[k] * 0.55 + 255 * 0.45;
    p.stripe = 3;
    return p;
}

static void draw_object(Canvas *c, const ShapeObject *s) {
    Outline o;
    Paint p = paint_object(s);
    outline_shape(&o, s->shape);
    paint_fill(c, &o, s->x, s->y, s->r, s->r, &p);
    if (s->fill == FILL_BORDERED) {
        Paint edge = paint_plain(s->border);
        paint_stroke(c, &o, true, s->x, s->y, s->r, s->r, 1, &edge);
    }
}

void shapes_draw(uint8_t *rgb, const Scene *s, int size) {
    Canvas c = {rgb, size};
    if (s->kind == SCENE_LANDSCAPE) {
        landscape_draw(&c, s);
        return;
    }
    Paint back = paint_plain(s->background);
    memset(rgb, 0, (size_t)size * (size_t)size * 3);
    paint_all(&c, &back);
    for (int i = s->count - 1; i >= 0; i--)
        draw_object(&c, &s->objects[i]); /* last first: objects[0] may be inside [1] */
    if (s->kind == SCENE_DIGIT) {
        Outline o;
        Paint ink = paint_plain(s->digit_colour);
        outline_digit(&o, s->digit);
        paint_stroke(&c, &o, false, s->digit_x, s->digit_y, s->digit_r, s->digit_r, s->digit_r * 0.2, &ink);
    }
}
