/* enlarge.h: how hires fix and SD upscale enlarge a picture.
 * Source: AUTOMATIC1111, modules/upscaler.py, Upscaler.upscale. */
#ifndef SD_WORKFLOW_ENLARGE_H
#define SD_WORKFLOW_ENLARGE_H

#include "sd/sd.h"

/* A picture [h][w][3], owned. */
typedef struct {
    uint8_t *rgb;
    int w, h;
} Bytes;

/* What enlarges: a network, or, where that is NULL, a filter of Pillow's. */
typedef struct {
    struct SdUpscaler *network;
    SdFilter filter;
    bool (*progress)(void *user, int done, int of); /* of the network; NULL: not wanted */
    void *user;
} Enlarger;

/* By its name (PIXEL_UPSCALERS, or another one for `network`). */
Enlarger enlarger_named(const char *name, struct SdUpscaler *network);
/* The side that n becomes, `scale` times as long: a multiple of 8. */
int enlarged_side(int n, double scale);
/* *b, `scale` times as wide and high, to multiples of 8: what the enlarger does not reach, Lanczos does. *b stays the
 * caller's where it fails. */
bool enlarge(Bytes *b, double scale, const Enlarger *by, Error *e);
/* *b by Lanczos. */
bool bytes_resize(Bytes *b, int w, int h, Error *e);
/* The most that the process has in memory while `enlarge` works on a picture of this size; 0: a filter's, which is not
 * worth counting. ERR_MEMORY where the limit does not allow it. */
bool enlarge_plan(int w, int h, double scale, const Enlarger *by, size_t *process, Error *e);

#endif
