#include "hints.h"

#include "sd/image/hint.h"
#include "sd/image/image.h"
#include "sd/image/codecs/png.h"
#include "sd/image/resize.h"

#include <math.h>
#include <stdlib.h>

/* The picture, its shorter side so long; as the webui's extension, but by the filter of ControlNets' hints here. */
static bool resize(Image *image, int side, Error *e) {
    int least = image->width < image->height ? image->width : image->height;
    if (!side || side == least) return true;
    double k = (double)side / least;
    double w = rint(image->width * k), h = rint(image->height * k);
    if (w * h > IMAGE_PIXELS)
        return error_set(e, ERR_ARGUMENT, "controlnet_processor_res: %.0fx%.0f is more than %d pixels", w, h,
                         IMAGE_PIXELS);
    uint8_t *rgb = malloc((size_t)w * (size_t)h * 3);
    if (!rgb) return error_set(e, ERR_MEMORY, "out of memory for a hint");
    if (!resize_rgb(image->rgb, image->width, image->height, rgb, (int)w, (int)h, RESIZE_LANCZOS, e))
        return free(rgb), false;
    free(image->rgb);
    image->rgb = rgb, image->width = (int)w, image->height = (int)h;
    return true;
}

static bool make(Job *j, const JobFile *from, Error *e) {
    const JobHint *h = &j->hint;
    Image image = {0};
    JobPicture *to = NULL;
    bool ok = image_decode(from->bytes, from->size, "controlnet_input_images", IMAGE_WHITE, &image, e) &&
              resize(&image, h->side, e) &&
              hint_make(image.rgb, image.width, image.height, h->hint, h->low > 0 ? h->low : hint_low(h->hint),
                        h->high > 0 ? h->high : hint_high(h->hint), e) &&
              (to = job_picture(j, e)) &&
              png_encode(image.rgb, image.width, image.height, NULL, 0, &to->png, &to->size, e);
    if (ok) to->width = image.width, to->height = image.height, j->count++;
    image_free(&image);
    return ok;
}

void hint_pictures(Jobs *q, Job *j) {
    for (int i = 0; i < j->file_count && !j->error.code; i++) {
        if (!jobs_step(q, j, i, &(SdProgress){.stage = SD_STAGE_SAMPLE, .step = 0, .steps = 1}))
            error_set(&j->error, ERR_CANCELLED, "cancelled");
        else (void)make(j, &j->files[i], &j->error);
    }
}
