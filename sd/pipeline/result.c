/* result.c: what callers do with the pictures. */
#include "sd/sd.h"

#include "sd/image/image.h"

#include <stdlib.h>

void sd_free(SdResult *r) {
    if (!r) return;
    for (int i = 0; r->pictures && i < r->count; i++) {
        free(r->pictures[i].rgb);
        free(r->pictures[i].parameters);
    }
    free(r->pictures);
    *r = (SdResult){0};
}

bool sd_save_png(const SdPicture *p, const char *path, Error *e) {
    if (!path) return error_set(e, ERR_ARGUMENT, "save_png: the file's name is NULL");
    if (!p || !p->rgb) return error_set(e, ERR_ARGUMENT, "%s: there is no picture to write", path);
    if (p->width < 1 || p->height < 1 || (int64_t)p->width * p->height > IMAGE_PIXELS)
        return error_set(e, ERR_ARGUMENT,
                         "%s: a picture of %dx%d cannot be written; both sizes must be at least 1, and "
                         "the picture %d pixels at most",
                         path, p->width, p->height, IMAGE_PIXELS);
    return image_write_png(p->rgb, p->width, p->height, p->parameters, path, e);
}
