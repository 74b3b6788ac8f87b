/* test_image.h: the parts of suite_image. */
#ifndef SD_TESTS_IMAGE_TEST_IMAGE_H
#define SD_TESTS_IMAGE_TEST_IMAGE_H

#include <stddef.h>

void image_codecs(void);   /* image_codecs.c: the table of formats */
void image_hostile(void);  /* image_hostile.c: files that mean harm */
void image_infotext(void); /* image_infotext.c: reading parameters */
void image_replay(void);   /* image_replay.c: sdc png-info and replay */

/* tests/golden/images/NAME, or any file below tests/golden; a failed check when it is missing. */
char *image_file(const char *name, size_t *size);

#endif
