#include "drawing.h"

#include "sd/info/params.h"

#include <string.h>

static bool same(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

static bool same_parts(const PartOptions *a, const PartOptions *b) {
    return same(a->vae, b->vae) && same(a->text_encoder, b->text_encoder) &&
           same(a->text_encoder_2, b->text_encoder_2) && same(a->unet, b->unet) && same(a->taesd, b->taesd);
}

static bool same_model(const PictureArguments *a, const PictureArguments *b) {
    const ModelOptions *x = &a->open, *y = &b->open;
    return same(a->model, b->model) && same(x->device, y->device) && same(x->precision, y->precision) &&
           same(x->prediction, y->prediction) && same(x->embedding_dir, y->embedding_dir) && x->threads == y->threads &&
           x->memory_limit == y->memory_limit && x->ema == y->ema && x->exact == y->exact &&
           same_parts(&x->parts, &y->parts);
}

static bool same_upscaler(const SdRequest *a, const SdRequest *b) {
    SdRequest x = *a, y = *b;
    const char **of = request_enlarger(&x), **other = request_enlarger(&y);
    return !of == !other && (!of || same(*of, *other));
}

/* What is of a model goes before it. */
static void close_model(Drawing *d) {
    controls_close(&d->controls);
    d->controls = (OpenControls){.count = 0};
    sd_close(d->model);
    sd_close(d->refiner);
    sd_close(d->hires_model);
    sd_upscaler_close(d->upscaler);
    d->model = d->refiner = d->hires_model = NULL;
    d->upscaler = NULL;
}

static void open_model(Drawing *d, const PictureArguments *a, bool first, Error *e) {
    close_model(d);
    ModelOptions open = a->open;
    open.quiet = open.quiet || !first; /* where it computes is said once */
    d->model = model_options_open(&open, a->model, e);
    d->refiner = refiner_open(&open, a->refiner, e);
    d->hires_model = refiner_open(&open, a->hires_model, e);
}

static void open_second(SdModel **m, const PictureArguments *a, const char *path, Error *e) {
    sd_close(*m);
    *m = refiner_open(&a->open, path, e);
}

static void open_start(Drawing *d, const PictureArguments *a, bool mask, SdRequest *r, Error *e) {
    if (!mask) image_free(&d->image), picture_start(a->image, a->background, &d->image, r, NULL, e);
    else image_free(&d->mask), picture_mask(a->mask, &d->mask, r, e);
}

/* The picture's and the mask's place in the request. */
static void hand_over(const Drawing *d, SdRequest *r, SdRequest *usual) {
    r->image = d->image.rgb, r->image_width = d->image.width, r->image_height = d->image.height;
    if (r->image && !request_tiles(r)) /* whose tiles are of the model's own size */
        sd_start_size(d->model, r, &usual->width, &usual->height);
    r->mask = d->mask.rgb, r->mask_width = d->mask.width, r->mask_height = d->mask.height;
    r->refiner = d->refiner, r->hires_model = d->hires_model;
}

bool drawing_set(Drawing *d, const PictureArguments *a, SdRequest *r, Error *e) {
    const PictureArguments was = d->of;
    bool first = !was.of, other = first || !same_model(&was, a);
    *r = a->request;
    d->of = (PictureArguments){0}; /* until all is open */
    if (other) open_model(d, a, first, e);
    if (!other && !same(was.refiner, a->refiner)) open_second(&d->refiner, a, a->refiner, e);
    if (!other && !same(was.hires_model, a->hires_model)) open_second(&d->hires_model, a, a->hires_model, e);
    if (!d->model || (e && e->code)) return false;
    if (other || !same_upscaler(&was.request, &a->request)) {
        sd_upscaler_close(d->upscaler);
        d->upscaler = picture_upscaler(&a->open, r, d->called, e);
    }
    r->upscaler = d->upscaler;
    if (d->upscaler) *request_enlarger(r) = d->called;
    if (first || !same(was.image, a->image)) open_start(d, a, false, r, e);
    if (first || !same(was.mask, a->mask) || was.request.soft != a->request.soft) open_start(d, a, true, r, e);
    SdRequest usual = sd_request(d->model);
    hand_over(d, r, &usual);
    if (other) controls_open(&d->controls, &a->controls, d->model, r, e);
    r->controls = d->controls.controls, r->control_count = d->controls.count;
    params_adopt(r, &usual);
    network_options_set(&a->networks, r);
    if ((e && e->code) || !picture_start_fits(a->image, &d->image, r, e)) return false;
    d->of = *a;
    return true;
}

bool drawing_run(Drawing *d, const SdRequest *r, SdResult *out, Error *e) {
    return (r->image ? sd_img2img : sd_txt2img)(d->model, r, out, e);
}

void drawing_close(Drawing *d) {
    close_model(d);
    image_free(&d->image);
    image_free(&d->mask);
    *d = (Drawing){0};
}
