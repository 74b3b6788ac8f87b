/* test_image.h: what the files of suite `image` share. */
#ifndef SD_TESTS_IMAGE_TEST_IMAGE_H
#define SD_TESTS_IMAGE_TEST_IMAGE_H

#include "tensor/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void image_codecs(void);  /* image_codecs.c: the table of formats */
void image_hostile(void); /* image_hostile.c: malicious files */
void image_written(void); /* image_written.c: JPEG and WebP */
void image_hints(void);   /* image_hints.c: hints for ControlNets */

/* A text of a picture's file, or of one in memory, in a new string; NULL: none, or e is set. */
char *image_said(const char *path, const char *keyword, Error *e);
char *image_said_in(const void *bytes, size_t size, const char *keyword, Error *e);

/* A picture [h][w][3] of noise, or a smooth one, as tools/goldens/resize.py makes it; the caller frees it. */
uint8_t *image_source(bool noise, int w, int h);

/* The file tests/golden/NAME; a failed check when it is missing. */
char *image_file(const char *name, size_t *size);

#endif
