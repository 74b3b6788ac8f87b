/* letters.h: text in pictures: letters of 5 x 7 dots in cells of 6 x 9. ASCII; other characters are drawn as "?". */
#ifndef SD_IMAGE_LETTERS_H
#define SD_IMAGE_LETTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LETTER_HEIGHT = 7, LETTER_WIDTH = 5, LETTER_CELL = 6, LETTER_LINE = 9 };

/* How many letters fit into w pixels, with dots of scale x scale. */
size_t letters_fit(int64_t w, int scale);
/* How many characters text[0..size) has. */
size_t letters_count(const char *text, size_t size);
/* Draws at most `cells` characters of text[0..size) in a grey of 0..255. corner: the top left pixel of the first, in a
 * picture of RGB `width` pixels wide. */
void letters_draw(uint8_t *corner, int64_t width, const char *text, size_t size, size_t cells, int scale, uint8_t grey);
/* The bytes of a text's next line of at most `cells` characters, and in *skip those of the space after it. Lines end
 * between words, where there are any. A word that is longer than a line is not broken; `last`: nor is the line ended,
 * since none follows. */
size_t letters_line(const char *text, size_t cells, bool last, size_t *skip);

#endif
