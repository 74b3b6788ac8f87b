/* result.c: what callers do with the pictures. */
#include "sd/sd.h"

#include "sd/image/png.h"
#include "weights/atomic_file.h"

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
    if (e && e->code) return false;
    PngText text = {"parameters", p->parameters};
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (!png_encode(p->rgb, p->width, p->height, &text, p->parameters ? 1 : 0, &bytes, &size, e)) return false;
    AtomicFile *f = atomic_begin(path, e);
    bool ok = f && atomic_write(f, bytes, size, e);
    if (ok) ok = atomic_end(f, e);
    else atomic_abort(f);
    free(bytes);
    return ok;
}
