#include "enlarge.h"

#include "upscale.h"

#include <stdlib.h>
#include <string.h>

Enlarger enlarger_named(const char *name, struct SdUpscaler *network) {
    bool nearest = !strcmp(name, "Nearest"), lanczos = !strcmp(name, "Lanczos");
    return (Enlarger){.network = nearest || lanczos ? NULL : network,
                      .filter = nearest ? SD_FILTER_NEAREST : SD_FILTER_LANCZOS};
}

static SdUpscale request(int w, int h, int to_w, int to_h) {
    SdUpscale how = sd_upscale_defaults();
    how.width = w, how.height = h, how.to_width = to_w, how.to_height = to_h;
    how.bgr = how.whole = true; /* as the webui; with the same bits for any limit */
    return how;
}

static bool resize(Bytes *b, int w, int h, const Enlarger *by, Error *e) {
    SdUpscale how = request(b->w, b->h, w, h);
    SdUpscaled done;
    how.rgb = b->rgb, how.progress = by->progress, how.user = by->user;
    if (!sd_upscale(by->network, &how, by->filter, &done, e)) return false;
    free(b->rgb);
    *b = (Bytes){done.picture.rgb, w, h};
    return true;
}

bool bytes_resize(Bytes *b, int w, int h, Error *e) {
    return resize(b, w, h, &(Enlarger){.filter = SD_FILTER_LANCZOS}, e);
}

int enlarged_side(int n, double scale) { return (int)(n * scale) / 8 * 8; }

/* Whether there is nothing to enlarge, only to cut to multiples of 8. */
static bool is_there(int w, int h, double scale) {
    return scale != 1 && w >= enlarged_side(w, scale) && h >= enlarged_side(h, scale);
}

bool enlarge(Bytes *b, double scale, const Enlarger *by, Error *e) {
    int w = enlarged_side(b->w, scale), h = enlarged_side(b->h, scale);
    if (!is_there(b->w, b->h, scale)) {
        bool ok = by->network ? resize(b, w, h, by, e) : resize(b, (int)(b->w * scale), (int)(b->h * scale), by, e);
        if (!ok) return false;
    }
    return (b->w == w && b->h == h) || bytes_resize(b, w, h, e);
}

bool enlarge_plan(int w, int h, double scale, const Enlarger *by, size_t *process, Error *e) {
    SdUpscale how = request(w, h, enlarged_side(w, scale), enlarged_side(h, scale));
    *process = 0;
    return !by->network || is_there(w, h, scale) || upscale_plan(by->network, &how, process, e);
}
