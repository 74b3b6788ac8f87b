#include "enlarge.h"

#include "sd/image/image.h"
#include "sd/image/png.h"
#include "sd/info/picture_info.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    Jobs *jobs;
    Job *job;
} Work;

static bool on_progress(void *user, int done, int of) {
    Work *w = user;
    return jobs_step(w->jobs, w->job, 0, &(SdProgress){.stage = SD_STAGE_SAMPLE, .step = done, .steps = of});
}

/* The size before cropping; false: too large. */
static bool size_of(const Job *j, const Image *image, SdUpscale *how, Error *e) {
    const JobEnlarge *want = &j->enlarge;
    double across = (double)want->width / image->width, down = (double)want->height / image->height;
    double scale = want->scale > 0 ? want->scale : across > down ? across : down;
    double w = image->width * scale, h = image->height * scale;
    if (!(w * h <= IMAGE_PIXELS))
        return error_set(e, ERR_ARGUMENT, "upscaling_resize: %.0fx%.0f is more than %d pixels", w, h, IMAGE_PIXELS);
    how->to_width = w < 1 ? 1 : (int)w, how->to_height = h < 1 ? 1 : (int)h;
    return true;
}

/* Cuts off what is too much on both sides, in place. */
static void crop(SdPicture *p, int width, int height) {
    int w = width < p->width ? width : p->width, h = height < p->height ? height : p->height;
    int left = (p->width - w) / 2, top = (p->height - h) / 2;
    for (int y = 0; y < h; y++)
        memmove(p->rgb + (size_t)y * (size_t)w * 3, p->rgb + ((size_t)(top + y) * (size_t)p->width + (size_t)left) * 3,
                (size_t)w * 3);
    p->width = w, p->height = h;
}

/* The file, with the text that the small one had. */
static bool keep(Job *j, const SdPicture *p, Error *e) {
    PictureInfo info = {0};
    j->pictures = calloc(1, sizeof *j->pictures);
    if (!j->pictures) return error_set(e, ERR_MEMORY, "out of memory for a picture");
    bool said = picture_info_of(j->image, j->image_size, "image", &info, NULL) && info.text;
    const PngText text = {"parameters", info.text};
    JobPicture *to = &j->pictures[0];
    *to = (JobPicture){.width = p->width, .height = p->height};
    j->count = png_encode(p->rgb, p->width, p->height, &text, said, &to->png, &to->size, e);
    picture_info_free(&info);
    return j->count;
}

void enlarge_picture(Jobs *q, const SdOptions *options, Job *j) {
    Error *e = &j->error;
    Image image = {0};
    SdUpscaler *u = NULL;
    SdUpscaled done = {.picture = {.rgb = NULL}};
    SdUpscale how = sd_upscale_defaults();
    if (image_decode(j->image, j->image_size, "image", IMAGE_WHITE, &image, e) && size_of(j, &image, &how, e)) {
        how.rgb = image.rgb, how.width = image.width, how.height = image.height;
        how.progress = on_progress, how.user = &(Work){q, j};
        if (j->enlarge.upscaler) u = sd_upscaler_open(j->enlarge.upscaler, options, e);
        if (!e->code && sd_upscale(u, &how, j->enlarge.filter, &done, e)) {
            if (done.tiles)
                job_warn(j, "memory is short: joined of %d tiles, which may differ where they meet", done.tiles);
            if (j->enlarge.crop) crop(&done.picture, j->enlarge.width, j->enlarge.height);
            keep(j, &done.picture, e);
        }
    }
    free(done.picture.rgb);
    sd_upscaler_close(u);
    image_free(&image);
}
