#include "contact.h"

#include "../sd/sd.h"

#include <stdlib.h>

enum { SEEN_SIZE = 192 };

/* Each pixel scale x scale times; NULL without memory. */
static uint8_t *enlarge(const uint8_t *rgb, int size, int scale) {
    size_t side = (size_t)size * (size_t)scale, k = (size_t)scale;
    uint8_t *out = malloc(side * side * 3);
    for (size_t i = 0; out && i < side * side * 3; i++)
        out[i] = rgb[(i / 3 / side / k * (size_t)size + i / 3 % side / k) * 3 + i % 3];
    return out;
}

bool contact_sheet(const SheetPicture *pictures, int count, int size, const char *path, Error *e) {
    int scale = size < SEEN_SIZE ? SEEN_SIZE / size : 1;
    SheetPicture *large = calloc((size_t)count, sizeof *large);
    Image sheet = {0};
    bool ok = large != NULL;
    for (int i = 0; ok && i < count; i++) {
        uint8_t *rgb = enlarge(pictures[i].rgb, size, scale);
        large[i] = (SheetPicture){rgb, pictures[i].label};
        ok = rgb != NULL;
    }
    if (!ok) error_set(e, ERR_MEMORY, "out of memory for a sheet of %d pictures", count);
    if (ok && sheet_make(large, count, size * scale, size * scale, 0, &sheet, e)) {
        SdPicture p = {.rgb = sheet.rgb, .width = sheet.width, .height = sheet.height};
        ok = sd_save_png(&p, path, e);
    } else ok = false;
    for (int i = 0; large && i < count; i++) free((void *)(uintptr_t)large[i].rgb);
    free(large);
    image_free(&sheet);
    return ok;
}
