/* extend_internal.h: what the two scripts of extend.h share. */
#ifndef SD_IMAGE_EXTEND_INTERNAL_H
#define SD_IMAGE_EXTEND_INTERNAL_H

#include "extend.h"
#include "sd/image/mask.h"

/* mask[h][w]: 0 within the box, as far as there is one, and 255 around it. */
void extend_keep(uint8_t *mask, int w, int h, MaskBox b);
/* from[from_h][from_w][3] goes to column x, row y of to[..][w][3]. */
void extend_place(uint8_t *to, int w, const uint8_t *from, int from_w, int from_h, int x, int y);

/* Tiles, and sides: what extend.h says of parts. */
bool extend_tile_size(const Extend *x, int i, int *width, int *height);
bool extend_side_size(const Extend *x, int i, int *width, int *height);
bool extend_run_tiles(const Extend *x, ExtendDraw draw, void *user, uint8_t *out, Error *e);
bool extend_run_sides(const Extend *x, ExtendDraw draw, void *user, uint8_t *out, Error *e);
/* As extend_wrong, of an extended picture of w x h. */
const char *extend_tiles_wrong(const Extend *x, int w, int h);

#endif
