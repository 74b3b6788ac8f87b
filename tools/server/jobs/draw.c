#include "draw.h"

#include "enlarge.h"
#include "hints.h"
#include "models.h"
#include "notes.h"
#include "sd/image/image.h"
#include "sd/image/codecs/png.h"
#include "sd/image/resize.h"
#include "sd/info/infotext_read.h"
#include "sd/info/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What callbacks are handed. */
typedef struct {
    Worker *worker;
    Job *job;
    int iteration;
} Work;

static bool on_progress(void *user, const SdProgress *p) {
    Work *w = user;
    return jobs_step(w->worker->jobs, w->job, w->iteration, p);
}

static bool on_preview(void *user, const SdPicture *p, int step, int steps) {
    Work *w = user;
    (void)steps;
    jobs_preview(w->worker->jobs, w->job, p, step);
    return true;
}

/* --- pictures --- */

static bool keep_picture(Job *j, const uint8_t *rgb, int width, int height, int64_t seed, int64_t variation,
                         const char *text, Error *e) {
    JobPicture *p = job_picture(j, e);
    if (!p) return false;
    const PngText chunk = {"parameters", text};
    *p = (JobPicture){.width = width, .height = height, .seed = seed, .variation_seed = variation};
    p->text = malloc(strlen(text) + 1);
    if (!p->text) return error_set(e, ERR_MEMORY, "out of memory for a picture's text");
    strcpy(p->text, text);
    if (!png_encode(rgb, width, height, &chunk, 1, &p->png, &p->size, e)) return free(p->text), false;
    j->count++;
    return true;
}

/* What a picture's text says of its model's hash, for the list of models. */
static void learn(Worker *w, const Job *j, const char *text) {
    InfoRead read = {0};
    if (infotext_read(text, &read, NULL)) {
        const char *hash = infotext_get(&read, "Model hash");
        if (hash && strlen(hash) <= 64) catalog_learn(w->catalog, j->model, hash);
    }
    infotext_read_free(&read);
}

/* As the webui, which decodes what there is: the last previews, enlarged; of hires fix to the size of their pass. */
static void keep_previews(Job *j, const SdRequest *r, int64_t seed, Error *e) {
    int latent = r->preview_by == SD_PREVIEW_APPROX ? 8 : 1; /* pixels a side */
    int width = r->width, height = r->height;
    if (j->pass && j->preview_count) width = j->previews[0].width * latent, height = j->previews[0].height * latent;
    uint8_t *rgb = malloc((size_t)width * (size_t)height * 3);
    for (int i = 0; rgb && i < j->preview_count && i < r->batch_size; i++) {
        const JobPreview *p = &j->previews[i];
        if (!resize_rgb(p->rgb, p->width, p->height, rgb, width, height, RESIZE_BICUBIC, e) ||
            !keep_picture(j, rgb, width, height, seed + i, r->variation_seed, "", e))
            break;
    }
    free(rgb);
}

/* --- a job --- */

static bool start_picture(Job *j, const SdModel *m, Image *image, Image *mask, SdRequest *r, SdRequest *usual,
                          Error *e) {
    if (!j->image) return true;
    if (!image_decode(j->image, j->image_size, "init_images", IMAGE_WHITE, image, e)) return false;
    r->image = image->rgb, r->image_width = image->width, r->image_height = image->height;
    if (!request_tiles(r)) sd_start_size(m, r, &usual->width, &usual->height); /* else the model's own size */
    if (usual->width < 8 || usual->height < 8)
        return error_set(e, ERR_ARGUMENT, "init_images: %dx%d is too small", image->width, image->height);
    if (!j->mask) return true;
    if (!image_decode_mask(j->mask, j->mask_size, "mask", j->mask_round, mask, e)) return false;
    if (j->mask_alpha && mask->transparent) r->mask_invert = true;
    r->mask = mask->rgb, r->mask_width = mask->width, r->mask_height = mask->height;
    return true;
}

/* The job's ControlNets, opened, and their pictures. */
typedef struct {
    SdControl at[SD_MOST_CONTROLS];
    Image images[SD_MOST_CONTROLS], masks[SD_MOST_CONTROLS];
} Controls;

/* A unit's picture, or img2img's; of an inpainting both have a mask. */
static bool control_pictures(const JobControl *from, const SdRequest *r, SdControl *to, Image *image, Image *mask,
                             Error *e) {
    const bool inpaint = from->how.hint == SD_HINT_INPAINT;
    if (from->image && !image_decode(from->image, from->image_size, "ControlNet", IMAGE_WHITE, image, e)) return false;
    if (from->mask && !image_decode_mask(from->mask, from->mask_size, "ControlNet's mask", false, mask, e))
        return false;
    if (!from->image && !r->image) return error_set(e, ERR_ARGUMENT, "ControlNet: a unit has no picture");
    if (!from->image && inpaint) return true;
    to->image = from->image ? image->rgb : r->image;
    to->width = from->image ? image->width : r->image_width;
    to->height = from->image ? image->height : r->image_height;
    to->mask = from->mask ? mask->rgb : NULL;
    return !from->mask || (mask->width == to->width && mask->height == to->height) ||
           error_set(e, ERR_ARGUMENT, "ControlNet: a unit's mask is not of its picture's size");
}

static bool start_controls(Job *j, Models *models, SdModel *model, Controls *c, SdRequest *r, Error *e) {
    for (int i = 0; i < j->control_count; i++) {
        const JobControl *from = &j->controls[i];
        int nth = 0;
        for (int k = 0; k < i && !from->vision; k++) nth += !strcmp(j->controls[k].path, from->path);
        c->at[i] = from->how;
        if (!control_pictures(from, r, &c->at[i], &c->images[i], &c->masks[i], e)) return false;
        c->at[i].net = models_control(models, model, from->path, from->vision, nth, e);
        if (!c->at[i].net) return false;
        if (!sd_control_kinds(c->at[i].net)) c->at[i].kind = SD_KIND_UNSAID; /* as in the webui's extension */
    }
    r->controls = c->at, r->control_count = j->control_count;
    return true;
}

static bool batch(Work *w, SdModel *model, SdRequest *r, Error *e) {
    Job *j = w->job;
    SdResult result = {0};
    bool ok = (r->image ? sd_img2img : sd_txt2img)(model, r, &result, e);
    for (int i = 0; ok && i < result.count; i++) {
        const SdPicture *p = &result.pictures[i];
        ok = keep_picture(j, p->rgb, p->width, p->height, p->seed, r->variation_seed + i, p->parameters, e);
        if (ok && j->count == 1) learn(w->worker, j, p->parameters);
    }
    sd_free(&result);
    if (ok || e->code != ERR_CANCELLED) return ok;
    if (jobs_skipped(w->worker->jobs, j)) return *e = (Error){0}, true;
    if (!jobs_interrupted(w->worker->jobs, j)) return false;
    *e = (Error){0};
    j->partial = true;
    keep_previews(j, r, r->seed, e);
    return !e->code;
}

/* Somebody may watch a job of /v1/jobs: where decoding costs little, the picture itself is shown, in its colours. */
static SdPreview preview_of(const Job *j, const SdRequest *r) {
    enum { SMALL = 64 * 64 };
    int width, height;
    sd_finished_size(r, &width, &height);
    if (j->model && sd_is_x4_upscaler(j->model)) return SD_PREVIEW_FULL; /* its latents have no approximation */
    return j->lasting && (int64_t)width * height <= SMALL ? SD_PREVIEW_FULL : SD_PREVIEW_APPROX;
}

/* The webui's clients send settings that other models have, which it leaves without effect. */
static void leave_out(Job *j, const SdModel *model, SdRequest *r) {
    const char *name;
    while (!j->lasting && (name = sd_unfollowed(model, r))) {
        const Param *p = param_named(name);
        job_warn(j, "%s: has no effect with this model", p->json);
        param_set_number(p, r, p->standard);
    }
}

static void draw(Worker *worker, Models *models, Job *j) {
    Error *e = &j->error;
    Image image = {0}, mask = {0};
    Controls controls = {0};
    Work work = {worker, j, 0};
    SdRequest r = j->request;
    SdModel *model = models_get(models, j->model, j->vae, e);
    if (model && j->refiner) r.refiner = models_get(models, j->refiner, j->vae, e);
    if (model && !e->code && j->hires_model) r.hires_model = models_get(models, j->hires_model, j->vae, e);
    if (model && !e->code && j->upscaler) r.upscaler = sd_upscaler_open(j->upscaler, &worker->how, e);
    SdRequest usual = sd_request(model);
    if (model && !e->code) leave_out(j, model, &r);
    if (model && !e->code && start_picture(j, model, &image, &mask, &r, &usual, e) &&
        start_controls(j, models, model, &controls, &r, e)) {
        params_adopt(&r, &usual);
        r.keep = true;
        r.progress = on_progress, r.preview = on_preview, r.preview_by = preview_of(j, &r), r.user = &work;
        if (r.seed < 0) r.seed = sd_random_seed();
        if (r.variation_seed < 0) r.variation_seed = sd_random_seed();
        j->request = r; /* what was drawn, for the answer */
        notes_of(j, model, &r);
        if (image.warning) job_warn(j, "init_images: %s", image.warning);
        if (mask.warning) job_warn(j, "mask: %s", mask.warning);
        bool ok = models_room(models, model, &r, e);
        int64_t seed = r.seed, variation = r.variation_seed;
        for (int i = 0; ok && i < j->iterations && !jobs_interrupted(worker->jobs, j); i++) {
            work.iteration = i;
            r.seed = r.variation_strength != 0 ? seed : seed + (int64_t)i * request_pictures(&r);
            r.variation_seed = variation + (int64_t)i * request_pictures(&r);
            ok = batch(&work, model, &r, e);
            if (!ok && e->code == ERR_MEMORY &&
                models_count(models) > 1 + (r.refiner != NULL) + (r.hires_model != NULL)) {
                *e = (Error){0}; /* once more, with all of the memory */
                models_drop(models, model, &r);
                ok = batch(&work, model, &r, e);
            }
        }
    }
    sd_upscaler_close(r.upscaler);
    image_free(&image);
    image_free(&mask);
    for (int i = 0; i < SD_MOST_CONTROLS; i++) image_free(&controls.images[i]), image_free(&controls.masks[i]);
    j->request.image = j->request.mask = NULL;
    j->request.controls = NULL, j->request.control_count = 0;
    j->request.refiner = j->request.hires_model = NULL, j->request.upscaler = NULL;
}

void worker_run(void *arg) {
    Worker *w = arg;
    Models *models = models_new(&w->how);
    int unload = 0;
    bool ended = false;
    while (!ended) {
        Job *j = jobs_take(w->jobs, &unload, &ended);
        if (!j) {
            if (models) models_drop(models, NULL, NULL);
            w->models = 0;
            continue;
        }
        double began = os_clock();
        if (!models) error_set(&j->error, ERR_MEMORY, "out of memory for models");
        else if (j->kind == JOB_LOAD) models_get(models, j->model, j->vae, &j->error);
        else if (j->kind == JOB_ENLARGE) {
            if (w->how.memory_limit) models_drop(models, NULL, NULL);
            enlarge_pictures(w->jobs, &w->how, j);
        } else if (j->kind == JOB_HINT) hint_pictures(w->jobs, j);
        else draw(w, models, j);
        w->busy += (long long)(1e6 * (os_clock() - began));
        w->models = models ? models_count(models) : 0;
        if (w->publisher && j->kind == JOB_DRAW && j->count && !j->error.code) publisher_take(w->publisher, j);
        else jobs_finish(w->jobs, j, w->user);
    }
    models_free(models);
}
