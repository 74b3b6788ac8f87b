#include "enlarge.h"

#include "sd/image/image.h"
#include "sd/image/codecs/png.h"
#include "sd/info/picture_info.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    Jobs *jobs;
    Job *job;
    int nth; /* of its files */
} Work;

static bool on_progress(void *user, int done, int of) {
    Work *w = user;
    return jobs_step(w->jobs, w->job, w->nth, &(SdProgress){.stage = SD_STAGE_SAMPLE, .step = done, .steps = of});
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
static bool keep(Job *j, const JobFile *from, const SdPicture *p, Error *e) {
    PictureInfo info = {0};
    JobPicture *to = job_picture(j, e);
    if (!to) return false;
    bool said = picture_info_of(from->bytes, from->size, "image", &info, NULL) && info.text;
    const PngText text = {"parameters", info.text};
    to->width = p->width, to->height = p->height;
    bool ok = png_encode(p->rgb, p->width, p->height, &text, said, &to->png, &to->size, e);
    j->count += ok;
    picture_info_free(&info);
    return ok;
}

static bool enlarge(Work *w, SdUpscaler *u, const JobFile *from, Error *e) {
    Job *j = w->job;
    Image image = {0};
    SdUpscaled done = {.picture = {.rgb = NULL}};
    SdUpscale how = sd_upscale_defaults();
    bool ok = image_decode(from->bytes, from->size, "image", IMAGE_WHITE, &image, e) && size_of(j, &image, &how, e);
    if (ok) {
        how.rgb = image.rgb, how.width = image.width, how.height = image.height;
        how.progress = on_progress, how.user = w;
        ok = sd_upscale(u, &how, j->enlarge.filter, &done, e);
    }
    if (ok && done.tiles)
        job_warn(j, "memory is short: joined of %d tiles, which may differ where they meet", done.tiles);
    if (ok && j->enlarge.crop) crop(&done.picture, j->enlarge.width, j->enlarge.height);
    ok = ok && keep(j, from, &done.picture, e);
    free(done.picture.rgb);
    image_free(&image);
    return ok;
}

void enlarge_pictures(Jobs *q, const SdOptions *options, Job *j) {
    Error *e = &j->error;
    SdUpscaler *u = j->enlarge.upscaler ? sd_upscaler_open(j->enlarge.upscaler, options, e) : NULL;
    Work w = {q, j, 0};
    for (; !e->code && w.nth < j->file_count; w.nth++) (void)enlarge(&w, u, &j->files[w.nth], e);
    sd_upscaler_close(u);
}
