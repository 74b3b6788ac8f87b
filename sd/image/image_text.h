/* image_text.h: what picture files say besides their pixels. */
#ifndef SD_IMAGE_IMAGE_TEXT_H
#define SD_IMAGE_IMAGE_TEXT_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

/* All texts of a picture together; a picture that says more is refused. */
enum { IMAGE_TEXT_MOST = 8 << 20 };

/* A text and where it stood: the keyword of a PNG; TEXT_COMMENT of a GIF or JPEG; TEXT_XMP; a field of EXIF. */
typedef struct {
    char *keyword, *text; /* valid UTF-8 */
} ImageText;

#define TEXT_COMMENT "comment"
#define TEXT_XMP "XML:com.adobe.xmp" /* as PNG's keyword is */
#define TEXT_USER_COMMENT "EXIF UserComment"
#define TEXT_MAKE "EXIF Make"
#define TEXT_MODEL "EXIF Model"
#define TEXT_SOFTWARE "EXIF Software"
#define TEXT_DESCRIPTION "EXIF ImageDescription"

typedef struct {
    ImageText *at; /* in the file's order */
    int count;
    size_t size;           /* of all of them, with what they cost */
    int64_t width, height; /* of the picture, 0 where its header does not say */
} ImageTexts;

/* The texts of a file in memory, whose name begins the error's line. Needs no decoder: what is wrong with the pixels
 * does not matter. image_texts_free also after a failure. */
bool image_texts(const uint8_t *bytes, size_t size, const char *name, ImageTexts *out, Error *e);
/* The text that a PNG's pixels hide (NovelAI, SwarmUI), under "parameters"; the list is empty when there is none. */
bool image_hidden(const uint8_t *bytes, size_t size, const char *name, ImageTexts *out, Error *e);
void image_texts_free(ImageTexts *t);

/* The last text of a keyword, as Pillow keeps it; NULL: there is none. In any case of letters: "Parameters", which
 * programs that change pictures may make of it. */
const char *image_text(const ImageTexts *t, const char *keyword);
const char *image_text_any_case(const ImageTexts *t, const char *keyword);

/* For the codecs: whether a text of so many bytes may be added, which is asked before it is looked at; else ERR_FORMAT.
 */
bool image_texts_fit(const ImageTexts *t, size_t size, Error *e);
/* ERR_MEMORY; returns false. */
bool image_texts_no_memory(Error *e);
/* For the codecs: adds bytes as valid UTF-8, up to their first NUL; what is empty is left out. TEXT_BYTES: UTF-8 where
 * they are that, as stable-diffusion.cpp writes them in tEXt, else Latin-1, which PNG demands and Pillow writes.
 * Errors do not begin with the file's name. */
typedef enum { TEXT_UTF8, TEXT_BYTES } TextKind;
bool image_texts_add(ImageTexts *t, const char *keyword, size_t keyword_size, const void *bytes, size_t size,
                     TextKind kind, Error *e);

#endif
