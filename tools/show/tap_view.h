/* tap_view.h: what an activation looks like: statistics, a histogram, and its maps as a picture. */
#ifndef SD_TOOLS_SHOW_TAP_VIEW_H
#define SD_TOOLS_SHOW_TAP_VIEW_H

#include <stdbool.h>
#include <stdint.h>

/* An activation in torch's layout: maps [N,C,H,W], rows [N,T,C], vectors [N,C]; of all, the first of N is drawn. */
typedef struct {
    const char *name;
    int nd;
    const int64_t *n;
    const float *values;
} TapView;

/* Over the numbers that are finite; all zero where there are none. */
typedef struct {
    int64_t count, zeros, not_finite; /* of all numbers */
    double min, max, mean;
    double deviation; /* standard deviation */
    double rms;       /* root of the mean of the squares */
} TapStats;

TapStats tap_stats(const TapView *t);

/* Bin i holds the numbers from low + i width up to the next bin's; the last bin holds the largest number as well. */
enum { TAP_BINS = 64 };
typedef struct {
    double low, width;
    int64_t count[TAP_BINS];
} TapHistogram;

/* From the smallest to the largest number; a tap of one value has it in bin 0. */
TapHistogram tap_histogram(const TapView *t, const TapStats *s);

/* How its picture is laid out: pictures [N,3,H,W] as colours and their three planes; latents [N,4,H,W] as colours (the
 * first three channels are red, green and blue) and channels; other maps as their first nine channels; rows and vectors
 * as one map. A map is blue below zero, white at zero, red above, full at 2.5 RMS of the tap, in 20
 * shades; numbers that are not finite are green. Planes of a picture are grey, from -1, black, to 1, white. */
typedef enum { TAP_PICTURE, TAP_LATENTS, TAP_MAPS, TAP_ROWS } TapKind;
TapKind tap_kind(const TapView *t);

/* Draws maps above and the histogram below (bars, a red line at zero) into rgb[tap_height(cell)][tap_width(cell)][3];
 * cell: pixels of a map's side, 16..512. */
enum { TAP_GAP = 3 };
int tap_width(int cell);
int tap_height(int cell);
void tap_draw(const TapView *t, const TapStats *s, int cell, uint8_t *rgb);
/* Colours of one channel, or of latents, alone, each number as `times` x `times` pixels; rgb[h times][w times][3]. */
void tap_draw_map(const float *values, int h, int w, double rms, int times, uint8_t *rgb);
void tap_draw_latents(const float *values, int h, int w, double rms, int times, uint8_t *rgb);

#endif
