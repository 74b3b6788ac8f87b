/* grid.h: a picture in overlapping tiles, and tiles joined again: the webui's split_grid and combine_grid (modules/
 * images.py), with the same bytes. */
#ifndef SD_IMAGE_GRID_H
#define SD_IMAGE_GRID_H

#include <stdint.h>

typedef struct {
    int width, height; /* of the picture */
    int tile_w, tile_h, overlap;
    int columns, rows;
} Grid;

/* Tiles of `tile` pixels a side, or of the picture's where that is smaller. overlap: below the tile's sides. */
Grid grid_make(int width, int height, int tile_w, int tile_h, int overlap);
/* The first column of tiles in column i, the first row of those in row i. */
int grid_x(const Grid *g, int i);
int grid_y(const Grid *g, int i);
/* Puts the tile of row `row` and column `column`, rgb[tile_h * scale][tile_w * scale][3], into the picture
 * to[height * scale][width * scale][3]. Tiles come by rows, each from the left to the right. `line`, of a row of tiles:
 * [tile_h * scale][width * scale][3]. */
void grid_put(const Grid *g, int scale, int row, int column, const uint8_t *tile, uint8_t *line, uint8_t *to);

#endif
