/* make_picture.h: files of pictures made byte by byte, right or wrong. */
#ifndef SD_TESTS_HARNESS_MAKE_PICTURE_H
#define SD_TESTS_HARNESS_MAKE_PICTURE_H

#include <stddef.h>
#include <stdint.h>

/* All zero is empty; free p. */
typedef struct {
    uint8_t *p;
    size_t n, capacity;
} PictureFile;

void file_add(PictureFile *f, const void *bytes, size_t n);
void file_clear(PictureFile *f); /* keeps the memory */

/* A PNG's signature and header; a chunk with its CRC; one whose data is `head` and then `data` as a zlib stream. */
void file_png(PictureFile *f, uint32_t w, uint32_t h, int bits, int colour, int interlace);
void file_chunk(PictureFile *f, const char *type, const void *data, size_t n);
void file_deflated(PictureFile *f, const char *type, const void *head, size_t head_n, const void *data, size_t n);
/* A PNG of 1 x 1 and a text, of n bytes under the keyword, in tEXt. */
void file_text_png(PictureFile *f, const char *keyword, const void *text, size_t n);

/* A JPEG's segment with its length. */
void file_segment(PictureFile *f, int marker, const void *data, size_t n);

#endif
