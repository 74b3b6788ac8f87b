#include "contact.h"

#include "sd/sd.h"

#include <stdlib.h>

enum { SEEN_WIDTH = 192 };

/* Each pixel becomes k x k; NULL: out of memory. */
static uint8_t *enlarge(const uint8_t *rgb, size_t w, size_t h, size_t k) {
    size_t row = w * k;
    uint8_t *out = malloc(row * h * k * 3);
    for (size_t i = 0; out && i < row * h * k * 3; i++)
        out[i] = rgb[(i / 3 / row / k * w + i / 3 % row / k) * 3 + i % 3];
    return out;
}

bool contact_sheet(const SheetPicture *pictures, int count, int w, int h, const char *path, Error *e) {
    int k = w < SEEN_WIDTH ? SEEN_WIDTH / w : 1;
    SheetPicture *large = calloc((size_t)count, sizeof *large);
    Image sheet = {0};
    bool ok = large != NULL;
    for (int i = 0; ok && i < count; i++) {
        uint8_t *rgb = enlarge(pictures[i].rgb, (size_t)w, (size_t)h, (size_t)k);
        large[i] = (SheetPicture){rgb, pictures[i].label};
        ok = rgb != NULL;
    }
    if (!ok) error_set(e, ERR_MEMORY, "out of memory for a sheet of %d pictures", count);
    ok = ok && sheet_make(large, count, w * k, h * k, 0, &sheet, e);
    if (ok) {
        SdPicture p = {.rgb = sheet.rgb, .width = sheet.width, .height = sheet.height};
        ok = sd_save_png(&p, path, e);
    }
    for (int i = 0; large && i < count; i++) free((void *)(uintptr_t)large[i].rgb);
    free(large);
    image_free(&sheet);
    return ok;
}
