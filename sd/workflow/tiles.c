#include "tiles.h"

#include "enlarge.h"
#include "sd/pipeline/generate.h"
#include "sd/pipeline/request.h"
#include "sd/image/draw/grid.h"
#include "sd/image/image.h"
#include "sd/image/resize.h"
#include "sd/load/control.h"
#include "sd/info/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    SdModel *m;
    SdRequest told, one; /* as it was asked for; a batch of tiles */
    Pass pass;
    TapFile *taps;   /* of all batches; NULL: nobody listens */
    char before[24]; /* the batch's names */
    Enlarger by;
    Grid grid;
    int tiles, batches, batch;            /* all of them; the one at work */
    Bytes whole;                          /* the enlarged picture */
    uint8_t **at;                         /* [batch_size]: tiles */
    uint8_t *hints[SD_MOST_CONTROLS];     /* ControlNets' pictures at the whole's size, NULL: the request's is used; */
    uint8_t **hints_at[SD_MOST_CONTROLS]; /* tiles of these */
    uint8_t *line, *joined;               /* grid_put */
} Tiles;

static const char *name_of(const SdRequest *r) {
    return r->sd_upscale_upscaler && *r->sd_upscale_upscaler ? r->sd_upscale_upscaler
                                                             : param_named("sd-upscale-upscaler")->text;
}

void tiles_size(const SdRequest *r, int *width, int *height) {
    *width = r->image_width, *height = r->image_height;
    if (!strcmp(name_of(r), "None")) return;
    *width = enlarged_side(*width, r->sd_upscale), *height = enlarged_side(*height, r->sd_upscale);
}

/* Whether a tile has its part of the control's picture; an image prompt is one of the whole. */
static bool is_cut(const SdControl *c) { return c->net && !control_is_image(c->net); }

static size_t pixels_of(const Grid *g) { return (size_t)g->width * (size_t)g->height; }
static size_t tile_bytes(const Grid *g) { return (size_t)g->tile_w * (size_t)g->tile_h * 3; }
static size_t line_bytes(const Grid *g) { return (size_t)g->width * (size_t)g->tile_h * 3; }

static bool check(const Tiles *t, Error *e) {
    const SdRequest *r = &t->told;
    const Grid *g = &t->grid;
    const int unit = vae_factor(&t->m->config.vae);
    const UnetInputs is = config_input(&t->m->config);
    if (is != INPUT_LATENTS && is != INPUT_INPAINTING)
        return error_set(e, ERR_ARGUMENT,
                         "sd upscale: not with models for instructions, nor the x4 upscaler; leave it out");
    if (g->tile_w % unit || g->tile_h % unit)
        return error_set(e, ERR_ARGUMENT,
                         "sd upscale: a picture of %d x %d has no tiles of %d x %d whose sides are multiples of %d; "
                         "choose smaller ones",
                         g->width, g->height, r->width, r->height, unit);
    if (r->seed > INT64_MAX - t->batches - r->batch_size)
        return error_set(e, ERR_ARGUMENT,
                         "seed: %lld leaves no room to count up for %d batches of tiles; choose a smaller one",
                         (long long)r->seed, t->batches);
    return r->vae_encoder == SD_VAE_TAESD ? model_has_taesd(t->m, PART_TAESD_ENCODER, e)
                                          : model_has(t->m, PART_ENCODER, e);
}

/* Calls are told of this batch among all. */
static bool progress(void *user, const SdProgress *p) {
    const Tiles *t = user;
    SdProgress own = *p;
    own.picture = t->batch, own.pictures = t->batches;
    return t->told.progress(t->told.user, &own);
}

static bool preview(void *user, const SdPicture *p, int step, int steps) {
    const Tiles *t = user;
    return t->told.preview(t->told.user, p, step, steps);
}

/* What enlarges counts as encoding. */
static bool enlarging(void *user, int done, int of) {
    const Tiles *t = user;
    SdProgress p = {.pictures = 1, .step = done, .steps = of, .stage = SD_STAGE_ENCODE};
    return !t->told.progress || t->told.progress(t->told.user, &p);
}

/* A batch of tiles as a request of its own. */
static void set_one(Tiles *t) {
    SdRequest *r = &t->one;
    *r = t->told;
    r->image = NULL;
    r->image_width = r->image_height = 0;
    r->width = t->grid.tile_w, r->height = t->grid.tile_h;
    if (r->batch_size > t->tiles) r->batch_size = t->tiles;
    r->sd_upscale = param_named("sd-upscale")->standard;
    r->sd_upscale_overlap = (int)param_named("sd-upscale-overlap")->standard;
    r->sd_upscale_upscaler = NULL, r->upscaler = NULL;
    r->keep = true;
    r->user = t;
    if (r->progress) r->progress = progress;
    if (r->preview) r->preview = preview;
}

/* Of the ControlNets' pictures. */
static size_t hint_bytes(const Tiles *t) {
    size_t n = 0;
    for (int i = 0; i < t->told.control_count; i++)
        if (is_cut(&t->told.controls[i]))
            n += 3 * pixels_of(&t->grid) + (size_t)t->one.batch_size * tile_bytes(&t->grid);
    return n;
}

/* Places for tiles of the ControlNets' pictures, which only drawing fills. */
static bool place_hints(Tiles *t, Error *e) {
    for (int i = 0; i < t->told.control_count; i++) {
        if (!is_cut(&t->told.controls[i])) continue;
        t->pass.control_tiles[i] = t->hints_at[i] = calloc((size_t)t->one.batch_size, sizeof *t->hints_at[i]);
        if (!t->hints_at[i]) return error_set(e, ERR_MEMORY, "out of memory for tiles");
    }
    return true;
}

/* Of its activations. */
static void name_batch(Tiles *t) { snprintf(t->before, sizeof t->before, "tiles%d.", t->batch); }

static bool begin(Tiles *t, SdModel *m, const SdRequest *r, Error *e) {
    *t = (Tiles){.m = m, .told = *r};
    if (!r->image) return error_set(e, ERR_ARGUMENT, "sd upscale: needs an image, which it enlarges; sd_img2img");
    if (!params_check(r, e)) return false;
    int w, h;
    tiles_size(r, &w, &h);
    if (w < 8 || h < 8 || (int64_t)w * h > IMAGE_PIXELS)
        return error_set(e, ERR_ARGUMENT,
                         "sd upscale: %d x %d is no size of 8 pixels a side to %d in all; choose another scale", w, h,
                         IMAGE_PIXELS);
    if ((r->width < w && r->sd_upscale_overlap >= r->width) || (r->height < h && r->sd_upscale_overlap >= r->height))
        return error_set(e, ERR_ARGUMENT,
                         "sd upscale overlap: %d leaves nothing of tiles of %d x %d; make it smaller, or them larger",
                         r->sd_upscale_overlap, r->width, r->height);
    t->grid = grid_make(w, h, r->width, r->height, r->sd_upscale_overlap);
    t->tiles = t->grid.columns * t->grid.rows;
    t->batches = (t->tiles + r->batch_size - 1) / r->batch_size;
    if (r->control_count < 0 || r->control_count > SD_MOST_CONTROLS || (r->control_count && !r->controls))
        return error_set(e, ERR_ARGUMENT, "controls: %d of them are not 0..%d", r->control_count, SD_MOST_CONTROLS);
    if (t->told.seed < 0) t->told.seed = sd_random_seed();
    if (t->told.variation_seed < 0) t->told.variation_seed = sd_random_seed();
    set_one(t);
    t->by = enlarger_named(name_of(r), r->upscaler);
    t->by.progress = enlarging, t->by.user = t;
    t->pass = (Pass){.from_pictures = true,
                     .picture_w = t->grid.tile_w,
                     .picture_h = t->grid.tile_h,
                     .held = (size_t)r->image_width * (size_t)r->image_height * 3 + 6 * pixels_of(&t->grid) +
                             line_bytes(&t->grid) + hint_bytes(t),
                     .before = t->before,
                     .told = &t->told,
                     .told_model = m};
    name_batch(t);
    return check(t, e) && place_hints(t, e);
}

static void end(Tiles *t) {
    for (int i = 0; t->at && i < t->one.batch_size; i++) free(t->at[i]);
    free(t->at);
    for (int k = 0; k < SD_MOST_CONTROLS; k++) {
        for (int i = 0; t->hints_at[k] && i < t->one.batch_size; i++) free(t->hints_at[k][i]);
        free(t->hints_at[k]);
        free(t->hints[k]);
    }
    free(t->whole.rgb);
    free(t->line);
    free(t->joined);
    taps_abort(t->taps);
}

static bool plan(Tiles *t, SdPlan *out, Error *e) {
    size_t enlarging_takes;
    if (!generate_plan(t->m, &t->one, &t->pass, out, e) ||
        !enlarge_plan(t->told.image_width, t->told.image_height, t->told.sd_upscale, &t->by, &enlarging_takes, e))
        return *out = (SdPlan){0}, false;
    if (enlarging_takes > out->process) out->process = enlarging_takes;
    if (enlarging_takes > out->least) out->least = enlarging_takes;
    return true;
}

bool tiles_plan(SdModel *m, const SdRequest *r, SdPlan *out, Error *e) {
    Tiles t;
    *out = (SdPlan){0};
    bool ok = begin(&t, m, r, e) && plan(&t, out, e);
    end(&t);
    return ok;
}

bool tiles_tell(SdModel *m, const SdRequest *r, char **text, Error *e) {
    Tiles t;
    bool ok = begin(&t, m, r, e) && generate_tell(m, &t.one, &t.pass, text, e);
    end(&t);
    return ok;
}

/* --- drawing --- */

static bool make_whole(Tiles *t, Error *e) {
    const SdRequest *r = &t->told;
    const size_t bytes = (size_t)r->image_width * (size_t)r->image_height * 3;
    t->whole = (Bytes){malloc(bytes), r->image_width, r->image_height};
    if (!t->whole.rgb) return error_set(e, ERR_MEMORY, "out of memory for a picture");
    memcpy(t->whole.rgb, r->image, bytes);
    return !strcmp(name_of(r), "None") || enlarge(&t->whole, r->sd_upscale, &t->by, e);
}

static bool make_room(Tiles *t, Error *e) {
    t->at = calloc((size_t)t->one.batch_size, sizeof *t->at);
    bool ok = t->at != NULL;
    for (int i = 0; ok && i < t->one.batch_size; i++) ok = (t->at[i] = malloc(tile_bytes(&t->grid))) != NULL;
    t->line = malloc(line_bytes(&t->grid));
    t->joined = malloc(pixels_of(&t->grid) * 3);
    t->pass.pictures = t->at;
    return (ok && t->line && t->joined) || error_set(e, ERR_MEMORY, "out of memory for tiles");
}

/* A ControlNet's picture brought to the whole's size, of which each tile has its part. */
static bool make_hints(Tiles *t, int i, Error *e) {
    const SdControl *c = &t->told.controls[i];
    const Grid *g = &t->grid;
    t->hints[i] = malloc(3 * pixels_of(g));
    bool ok = t->hints[i] != NULL;
    for (int k = 0; ok && k < t->one.batch_size; k++) ok = (t->hints_at[i][k] = malloc(tile_bytes(g))) != NULL;
    if (!ok) return error_set(e, ERR_MEMORY, "out of memory for a ControlNet's hint");
    return resize_picture(c->image, c->width, c->height, t->hints[i], g->width, g->height, c->resize, e);
}

static bool make_all_hints(Tiles *t, Error *e) {
    bool ok = true;
    for (int i = 0; ok && i < t->told.control_count; i++) ok = !t->hints_at[i] || make_hints(t, i, e);
    return ok;
}

static void cut(const Tiles *t, const uint8_t *whole, int tile, uint8_t *to) {
    const Grid *g = &t->grid;
    const size_t row = (size_t)g->tile_w * 3;
    const int x = grid_x(g, tile % g->columns), y = grid_y(g, tile / g->columns);
    for (int i = 0; i < g->tile_h; i++)
        memcpy(to + (size_t)i * row, whole + ((size_t)(y + i) * (size_t)g->width + (size_t)x) * 3, row);
}

/* The batch's tiles, drawn and joined; the first one's text goes to *text. */
static bool draw_batch(Tiles *t, SdResult *out, char **text, Error *e) {
    SdResult part;
    const int batch = t->told.batch_size < t->tiles ? t->told.batch_size : t->tiles, first = t->batch * batch;
    SdRequest r = t->one;
    r.batch_size = first + batch < t->tiles ? batch : t->tiles - first;
    r.seed += t->batch;
    name_batch(t);
    for (int i = 0; i < r.batch_size; i++) cut(t, t->whole.rgb, first + i, t->at[i]);
    for (int k = 0; k < SD_MOST_CONTROLS; k++)
        for (int i = 0; t->hints_at[k] && i < r.batch_size; i++) cut(t, t->hints[k], first + i, t->hints_at[k][i]);
    if (!generate(t->m, &r, &t->pass, &part, e)) return false;
    for (int i = 0; i < r.batch_size; i++)
        grid_put(&t->grid, 1, (first + i) / t->grid.columns, (first + i) % t->grid.columns, part.pictures[i].rgb,
                 t->line, t->joined);
    if (!*text) *text = part.pictures[0].parameters, part.pictures[0].parameters = NULL;
    out->text_seconds += part.text_seconds, out->sample_seconds += part.sample_seconds;
    out->decode_seconds += part.decode_seconds;
    sd_free(&part);
    return true;
}

bool tiles_draw(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    Tiles t;
    SdPlan planned;
    char *text = NULL;
    *out = (SdResult){0};
    if (!begin(&t, m, r, e)) return end(&t), false;
    if (r->upscaler && m->memory_limit) generate_release(m, r); /* what an earlier call kept */
    bool ok = plan(&t, &planned, e) && make_whole(&t, e) && make_room(&t, e) && make_all_hints(&t, e) &&
              taps_open_all(r, &t.taps, e);
    t.pass.taps = t.taps;
    for (t.batch = 0; ok && t.batch < t.batches; t.batch++) ok = draw_batch(&t, out, &text, e);
    ok = ok && taps_close_all(&t.taps, e);
    if (!r->keep) generate_release(m, r);
    out->pictures = ok ? calloc(1, sizeof *out->pictures) : NULL;
    if (ok && !out->pictures) ok = error_set(e, ERR_MEMORY, "out of memory for a picture");
    if (ok) {
        out->count = 1;
        out->pictures[0] = (SdPicture){t.joined, t.grid.width, t.grid.height, t.told.seed, text};
        t.joined = NULL;
    } else {
        free(text);
        sd_free(out);
    }
    end(&t);
    return ok;
}
