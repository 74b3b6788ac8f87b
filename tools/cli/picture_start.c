#include "picture_start.h"
#include "command.h"

bool picture_start(const char *path, Image *image, SdRequest *r, SdRequest *usual, Error *e) {
    if (!path) return true;
    if (!image_read(path, IMAGE_WHITE, image, e)) return false;
    warn(path, image->warning);
    r->image = image->rgb;
    r->image_width = image->width, r->image_height = image->height;
    if (usual) usual->width = image->width / 8 * 8, usual->height = image->height / 8 * 8;
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
