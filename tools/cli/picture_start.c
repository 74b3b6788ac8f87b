#include "picture_start.h"
#include "command.h"
#include "precision.h"
#include "sd/info/params.h"
#include "tensor/os.h"
#include "weights/files/files_below.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool picture_color(const char *text, uint32_t *out) {
    enum { DIGITS = 6 };
    if (!strcmp(text, "white") || !strcmp(text, "black")) return *out = *text == 'w' ? IMAGE_WHITE : 0, true;
    if (*text == '#') text++;
    if (strlen(text) != DIGITS || strspn(text, "0123456789abcdefABCDEF") != DIGITS) return false;
    *out = (uint32_t)strtoul(text, NULL, 16);
    return true;
}

bool picture_start(const char *path, const char *background, Image *image, SdRequest *r, SdRequest *usual, Error *e) {
    uint32_t color = IMAGE_WHITE;
    if (!path) return true;
    if (background && !picture_color(background, &color)) return error_set(e, ERR_ARGUMENT, "background: no color");
    if (!image_read(path, color, image, e)) return false;
    warn(path, image->warning);
    r->image = image->rgb;
    r->image_width = image->width, r->image_height = image->height;
    if (usual) sd_start_size(NULL, r, &usual->width, &usual->height);
    return true;
}

bool picture_mask(const char *path, Image *mask, SdRequest *r, Error *e) {
    if (!path) return true;
    if (!image_read_mask(path, !r->soft, mask, e)) return false;
    warn(path, mask->warning);
    r->mask = mask->rgb;
    r->mask_width = mask->width, r->mask_height = mask->height;
    return true;
}

bool picture_start_fits(const char *path, const Image *image, const SdRequest *r, Error *e) {
    if (!image->rgb || (r->width >= 8 && r->height >= 8)) return true;
    return error_set(e, ERR_FORMAT, "%s: is %dx%d, too small to take its size from; say -W and -H", path, image->width,
                     image->height);
}

SdUpscaler *picture_upscaler(const ModelOptions *m, SdRequest *r, char name[UPSCALER_NAME], Error *e) {
    if (!request_enlarges_by_file(r)) return NULL;
    const char **by = request_enlarger(r), *path = *by, *slash = strrchr(path, '/');
    if (os_kind(path) == OS_NOTHING) return request_no_enlarger(r, e), NULL; /* such as a name that the webui has */
    const SdOptions options = {.threads = m->threads,
                               .memory_limit = m->memory_limit,
                               .exact = m->exact,
                               .precision = precision_of(m->precision),
                               .device = m->device ? m->device : "auto"};
    r->upscaler = sd_upscaler_open(path, &options, e);
    snprintf(name, UPSCALER_NAME, "%.250s", slash ? slash + 1 : path);
    name[file_stem(name)] = 0;
    *by = name;
    return r->upscaler;
}
