/* picture_start.h: the picture that img2img begins with, and its mask. */
#ifndef SD_TOOLS_CLI_PICTURE_START_H
#define SD_TOOLS_CLI_PICTURE_START_H

#include "tools/cli/options/model_options.h"
#include "sd/image/image.h"
#include "sd/sd.h"

/* A colour as options have it: RRGGBB with or without #, white, black. */
bool picture_color(const char *text, uint32_t *out);
/* Reads it into *image, which must outlive r, warns of what is odd, and hands it to r; path NULL: nothing. background:
 * a colour that shows through; NULL: white. `usual` then has the size to draw at (sd_start_size; NULL: the request has
 * a size). image_free in any case. */
bool picture_start(const char *path, const char *background, Image *image, SdRequest *r, SdRequest *usual, Error *e);
/* The same of a mask, after the picture: *mask has a byte for each pixel. */
bool picture_mask(const char *path, Image *mask, SdRequest *r, Error *e);
/* ERR_FORMAT where r's size was taken from a picture that is too small for that (options are at least 8). */
bool picture_start_fits(const char *path, const Image *image, const SdRequest *r, Error *e);

/* Where what a request enlarges by, in hires fix or SD upscale, is a file: opens it for the device of m, hands it to r,
 * and has r call it as texts do, in name. NULL where it is none, or on error. */
enum { UPSCALER_NAME = 256 };
SdUpscaler *picture_upscaler(const ModelOptions *m, SdRequest *r, char name[UPSCALER_NAME], Error *e);

#endif
