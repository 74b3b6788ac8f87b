/* picture_info.c: chooses among a picture's texts. */
#include "picture_info.h"

#include <stdlib.h>
#include <string.h>

bool picture_info(const ImageTexts *t, const char *name, PictureInfo *out, Error *e) {
    *out = (PictureInfo){0};
    if (e && e->code) return false;
    const char *text = image_text(t, "parameters"), *comment = image_text(t, TEXT_USER_COMMENT);
    if (comment) text = comment;
    else if (image_text(t, TEXT_COMMENT) && !text) text = image_text(t, TEXT_COMMENT);
    if (!text) return true;
    out->text = malloc(strlen(text) + 1);
    if (!out->text)
        return error_set(e, ERR_MEMORY, "%s: cannot allocate memory for its text; free some and try again", name);
    memcpy(out->text, text, strlen(text) + 1);
    return true;
}

bool picture_info_read(const char *path, PictureInfo *out, Error *e) {
    ImageTexts texts;
    *out = (PictureInfo){0};
    bool ok = image_texts_read(path, &texts, e) && picture_info(&texts, path, out, e);
    image_texts_free(&texts);
    return ok;
}

void picture_info_free(PictureInfo *i) {
    free(i->text);
    free(i->missing);
    free(i->raw);
    *i = (PictureInfo){0};
}
