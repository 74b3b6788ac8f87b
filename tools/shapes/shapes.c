#include "shapes.h"

void shapes_picture(uint8_t *rgb, char caption[SHAPES_CAPTION], const ShapesOptions *o, uint64_t seed, uint64_t index,
                    int size) {
    Scene s;
    shapes_scene(&s, o, seed, index);
    shapes_caption(caption, &s, o);
    shapes_draw(rgb, &s, size);
}
