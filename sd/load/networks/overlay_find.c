/* overlay_find.c: a weight's changes among those of an overlay, numbers that are not finite, and its end. */
#include "overlay.h"

#include <stdlib.h>

Deltas overlay_find(const Overlay *o, const char *name) {
    size_t low = 0, high = o ? o->delta_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((uintptr_t)o->deltas[middle].weight->name < (uintptr_t)name) low = middle + 1;
        else high = middle;
    }
    Deltas d = {o ? o->deltas + low : NULL, 0};
    while (o && low + (size_t)d.count < o->delta_count && d.at[d.count].weight->name == name) d.count++;
    return d;
}

bool overlay_finite(const Overlay *o, Error *e) {
    bool ok = true;
    for (int i = 0; ok && o && i < o->count; i++) ok = weight_file_finite(o->networks[i].file, e);
    return ok;
}

void overlay_end(Deltas d) {
    for (int i = 0; i < d.count; i++) {
        free(d.at[i].norms);
        free(d.at[i].rotations);
        d.at[i].norms = d.at[i].rotations = NULL;
    }
}

void overlay_free(Overlay *o) {
    if (!o) return;
    for (size_t i = 0; i < o->delta_count; i++) overlay_end((Deltas){&o->deltas[i], 1});
    for (int i = 0; i < o->count; i++) {
        if (o->networks) network_close(&o->networks[i]);
        if (o->asked) free((void *)(uintptr_t)o->asked[i].path);
    }
    free(o->networks);
    free(o->asked);
    free(o->deltas);
    free(o);
}
