/* plot.h: pictures in columns and rows, with a text above each column and beside each row, as the webui's X/Y/Z plot
 * has them (modules/images.py, draw_grid_annotations): black on white, centred, as high as the picture allows. */
#ifndef SD_IMAGE_PLOT_H
#define SD_IMAGE_PLOT_H

#include "sd/image/image.h"

typedef struct {
    const char *text; /* UTF-8, drawn as letters.h says; broken into lines */
    bool off;         /* grey and struck through */
} PlotLine;

typedef struct {
    const PlotLine *lines;
    int count; /* 0: no text */
} PlotLabel;

typedef struct {
    int columns, rows;
    int width, height;               /* of a place: of the largest picture */
    int times;                       /* each pixel of a picture becomes times x times */
    int margin;                      /* pixels between places */
    const PlotLabel *above, *beside; /* [columns], [rows]; NULL: no texts */
    PlotLabel title;                 /* above all */
    /* by plot_measure: */
    int scale;                  /* of letters */
    int64_t left, top, heading; /* what texts take: beside, above with the heading, the title alone */
    int64_t full_width, full_height;
} Plot;

/* How many times a picture of this width is enlarged so that a person can see it: 192 pixels at least. */
int plot_times(int width);
/* ERR_ARGUMENT, before a picture is made, where the whole would have more than 2^28 pixels. */
bool plot_measure(Plot *p, Error *e);
/* The texts on white; image_free. ERR_MEMORY. */
bool plot_begin(const Plot *p, Image *out, Error *e);
/* Puts a picture of w x h, at most a place's, at the top left of its place. */
void plot_put(const Plot *p, Image *to, int column, int row, const uint8_t *rgb, int w, int h);

#endif
