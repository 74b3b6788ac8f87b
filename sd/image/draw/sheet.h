/* sheet.h: contact sheets: pictures of one size in a grid, each with a few lines of text under it. */
#ifndef SD_IMAGE_SHEET_H
#define SD_IMAGE_SHEET_H

#include "sd/image/image.h"

typedef struct {
    const uint8_t *rgb; /* [height][width][3] */
    const char *label;  /* NULL: none. ASCII; other characters are drawn as "?". Broken between words into at most
                           three lines, then cut */
} SheetPicture;

/* ERR_ARGUMENT when a sheet of so many pictures of w x h would have more than 2^28 pixels; before they are made. */
bool sheet_fits(int count, int w, int h, Error *e);
/* A sheet of count >= 1 pictures of w x h, row by row, on white. columns 0: about as wide as high. False on
 * ERR_ARGUMENT (no pictures, more than 2^28 pixels) and ERR_MEMORY. */
bool sheet_make(const SheetPicture *pictures, int count, int w, int h, int columns, Image *out, Error *e);

#endif
