/* picture_info.h: what a picture says about how it was made, whichever program made it, in the webui's words. */
#ifndef SD_INFO_PICTURE_INFO_H
#define SD_INFO_PICTURE_INFO_H

#include "infotext_read.h"
#include "sd/image/image_text.h"

typedef struct {
    char *text;          /* the webui's parameters, as the picture has them or made of `read`; NULL: it says nothing */
    char *raw;           /* as it stands in the picture */
    InfoRead read;       /* of the text */
    const char *program; /* the other program whose words were turned into the webui's, a constant; NULL: none */
    char *missing;       /* what of that program's words could not be; NULL: nothing */
} PictureInfo;

/* As the webui reads pictures (modules/images.py, read_info_from_image): the chunk `parameters`, a UserComment of EXIF
 * before it, or else the comment of a GIF or JPEG. Where these are another program's or are not there, what NovelAI,
 * ComfyUI, SwarmUI, InvokeAI, Fooocus, Easy Diffusion, Draw Things or stable-diffusion.cpp say. Where nothing is said,
 * what a PNG's pixels hide. False with ERR_FILE, ERR_FORMAT for a file that is no picture or whose text is damaged,
 * ERR_MEMORY. picture_info_free also after a failure.
 */
bool picture_info_read(const char *path, PictureInfo *out, Error *e);
/* The same of a file in memory; `name` begins the error's line. */
bool picture_info_of(const uint8_t *bytes, size_t size, const char *name, PictureInfo *out, Error *e);
/* The same of texts that were read; `name` begins the error's line. */
bool picture_info(const ImageTexts *texts, const char *name, PictureInfo *out, Error *e);
void picture_info_free(PictureInfo *i);

#endif
