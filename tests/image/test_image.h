/* test_image.h: what the files of suite `image` share. */
#ifndef SD_TESTS_IMAGE_TEST_IMAGE_H
#define SD_TESTS_IMAGE_TEST_IMAGE_H

#include <stddef.h>

void image_codecs(void);  /* image_codecs.c: the table of formats */
void image_hostile(void); /* image_hostile.c: malicious files */

/* The file tests/golden/NAME; a failed check when it is missing. */
char *image_file(const char *name, size_t *size);

#endif
