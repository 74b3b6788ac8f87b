/* result.c: what callers do with the pictures. */
#include "sd/sd.h"

#include "sd/image/image.h"

#include <stdlib.h>

void sd_free(SdResult *r) {
    for (int i = 0; i < r->count; i++) {
        free(r->pictures[i].rgb);
        free(r->pictures[i].parameters);
    }
    free(r->pictures);
    *r = (SdResult){0};
}

bool sd_save_png(const SdPicture *p, const char *path, Error *e) {
    return image_write_png(p->rgb, p->width, p->height, p->parameters, path, e);
}
