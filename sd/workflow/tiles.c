#include "tiles.h"

#include "enlarge.h"
#include "sd/pipeline/generate.h"
#include "sd/pipeline/inpaint.h"
#include "sd/pipeline/request.h"
#include "sd/image/draw/grid.h"
#include "sd/image/image.h"
#include "sd/image/resize.h"
#include "sd/load/control.h"
#include "sd/info/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What tiles have each their part of, as large as the finished picture. */
typedef struct {
    int channels;   /* 0: there is none */
    uint8_t *whole; /* [height][width][channels] */
    uint8_t **at;   /* [batch_size]: tiles of it */
} Layer;

enum {
    PICTURE, /* what is drawn again: enlarged, and filled where a mask says */
    KEPT,    /* the enlarged picture, where PICTURE is filled */
    MASK,
    HINT,
    HINT_MASK = HINT + SD_MOST_CONTROLS, /* of SD_HINT_INPAINT with a picture of its own */
    LAYERS = HINT_MASK + SD_MOST_CONTROLS
};

typedef struct {
    SdModel *m;
    SdRequest told, one; /* as it was asked for; a batch of tiles */
    Pass pass;
    TapFile *taps;   /* of all batches; NULL: nobody listens */
    char before[24]; /* the batch's names */
    Enlarger by;
    Grid grid;
    Layer layers[LAYERS];
    int *drawn;                        /* tiles that are drawn, in their order: all, or those that the mask repaints */
    int tiles, batches, batch;         /* how many these are; the batch at work */
    int next;                          /* the first of all tiles that is not joined yet */
    uint8_t *line, *joined, *as_it_is; /* grid_put; a tile that is not drawn */
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

/* Whether a tile has its part of the control's picture; an image prompt is one of the whole, and what is repainted is
 * the tile's own. */
static bool is_cut(const SdControl *c) { return c->net && !control_is_image(c->net) && c->image; }

static size_t pixels_of(const Grid *g) { return (size_t)g->width * (size_t)g->height; }
static size_t tile_bytes(const Grid *g) { return (size_t)g->tile_w * (size_t)g->tile_h * 3; }
static size_t line_bytes(const Grid *g) { return (size_t)g->width * (size_t)g->tile_h * 3; }

static bool check(const Tiles *t, Error *e) {
    const SdRequest *r = &t->told;
    const Grid *g = &t->grid;
    const int unit = vae_factor(&t->m->config.vae);
    const UnetInputs is = config_input(&t->m->config);
    if (is == INPUT_UPSCALING)
        return error_set(e, ERR_ARGUMENT,
                         "sd upscale: not with the x4 upscaler, which enlarges by itself; leave it out");
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
    *r = t->told; /* with its image, in whose place tiles come (Pass.pictures) */
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

static void set_layers(Tiles *t) {
    const SdRequest *r = &t->told;
    t->layers[PICTURE].channels = 3;
    if (r->mask) t->layers[MASK].channels = 1;
    if (r->mask && r->fill != SD_FILL_ORIGINAL) t->layers[KEPT].channels = 3;
    for (int i = 0; i < r->control_count; i++) {
        if (!is_cut(&r->controls[i])) continue;
        t->layers[HINT + i].channels = 3;
        if (r->controls[i].hint == SD_HINT_INPAINT) t->layers[HINT_MASK + i].channels = 1;
    }
}

/* Of all layers and their tiles, and the joined picture. */
static size_t held_bytes(const Tiles *t) {
    const SdRequest *r = &t->told;
    size_t n = (size_t)r->image_width * (size_t)r->image_height * 3 + 3 * pixels_of(&t->grid) + line_bytes(&t->grid);
    for (int k = 0; k < LAYERS; k++) {
        n += (size_t)t->layers[k].channels * pixels_of(&t->grid);
        if (k != PICTURE) n += (size_t)t->one.batch_size * (size_t)t->layers[k].channels * (tile_bytes(&t->grid) / 3);
    }
    return n;
}

/* Places for tiles, which only drawing fills. */
static bool place_layers(Tiles *t, Error *e) {
    for (int k = 0; k < LAYERS; k++)
        if (t->layers[k].channels && !(t->layers[k].at = calloc((size_t)t->one.batch_size, sizeof *t->layers[k].at)))
            return error_set(e, ERR_MEMORY, "out of memory for tiles");
    if (t->told.mask) {
        t->pass.masks = t->layers[MASK].at;
        t->pass.kept = t->layers[t->layers[KEPT].channels ? KEPT : PICTURE].at;
    }
    for (int i = 0; i < t->told.control_count; i++) {
        t->pass.control_tiles[i] = t->layers[HINT + i].at;
        t->pass.control_masks[i] = t->layers[HINT_MASK + i].at;
    }
    return true;
}

/* The mask at the whole's size, blurred as it is at its own, as img2img has it. */
static bool make_mask(Tiles *t, Error *e) {
    const SdRequest *r = &t->told;
    Layer *to = &t->layers[MASK];
    if (!r->mask) return true;
    uint8_t *mask = inpaint_blurred(r, e);
    to->whole = mask ? malloc(pixels_of(&t->grid)) : NULL;
    bool ok = to->whole != NULL;
    if (mask && !ok) error_set(e, ERR_MEMORY, "out of memory for a mask");
    ok = ok && mask_resize(mask, r->mask_width, r->mask_height, to->whole, t->grid.width, t->grid.height,
                           SD_RESIZE_STRETCH, e);
    free(mask);
    return ok;
}

static int tile_x(const Grid *g, int tile) { return grid_x(g, tile % g->columns); }
static int tile_y(const Grid *g, int tile) { return grid_y(g, tile / g->columns); }

static void cut(const Grid *g, const Layer *from, int tile, uint8_t *to) {
    const size_t row = (size_t)(g->tile_w * from->channels), wide = (size_t)(g->width * from->channels);
    const uint8_t *at = from->whole + (size_t)tile_y(g, tile) * wide + (size_t)(tile_x(g, tile) * from->channels);
    for (int i = 0; i < g->tile_h; i++) memcpy(to + (size_t)i * row, at + (size_t)i * wide, row);
}

/* Whether the mask repaints some of a tile. */
static bool is_drawn(const Tiles *t, int tile) {
    const Grid *g = &t->grid;
    const uint8_t *mask = t->layers[MASK].whole;
    bool any = !mask;
    for (int y = 0; !any && y < g->tile_h; y++) {
        const uint8_t *row = mask + (size_t)(tile_y(g, tile) + y) * (size_t)g->width + tile_x(g, tile);
        for (int x = 0; !any && x < g->tile_w; x++) any = row[x] != 0;
    }
    return any;
}

static bool choose_tiles(Tiles *t, Error *e) {
    const int all = t->grid.columns * t->grid.rows;
    t->drawn = malloc((size_t)all * sizeof *t->drawn);
    if (!t->drawn) return error_set(e, ERR_MEMORY, "out of memory for tiles");
    for (int i = 0; i < all; i++)
        if (is_drawn(t, i)) t->drawn[t->tiles++] = i;
    return true;
}

/* Of its activations. */
static void name_batch(Tiles *t) { snprintf(t->before, sizeof t->before, "tiles%d.", t->batch); }

static bool begin(Tiles *t, SdModel *m, const SdRequest *r, Error *e) {
    *t = (Tiles){.m = m, .told = *r};
    t->told.resize = SD_RESIZE_STRETCH; /* which has no part in this (sd_ignored) */
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
    if (!make_mask(t, e) || !choose_tiles(t, e)) return false;
    t->batches = (t->tiles + r->batch_size - 1) / r->batch_size;
    if (r->control_count < 0 || r->control_count > SD_MOST_CONTROLS || (r->control_count && !r->controls))
        return error_set(e, ERR_ARGUMENT, "controls: %d of them are not 0..%d", r->control_count, SD_MOST_CONTROLS);
    if (t->told.seed < 0) t->told.seed = sd_random_seed();
    if (t->told.variation_seed < 0) t->told.variation_seed = sd_random_seed();
    set_one(t);
    t->by = enlarger_named(name_of(r), r->upscaler);
    t->by.progress = enlarging, t->by.user = t;
    set_layers(t);
    t->pass = (Pass){.from_pictures = true,
                     .picture_w = t->grid.tile_w,
                     .picture_h = t->grid.tile_h,
                     .held = held_bytes(t),
                     .before = t->before,
                     .told = &t->told,
                     .told_model = m};
    name_batch(t);
    return check(t, e) && place_layers(t, e);
}

static void end(Tiles *t) {
    for (int k = 0; k < LAYERS; k++) {
        Layer *l = &t->layers[k];
        for (int i = 0; l->at && i < t->one.batch_size; i++) free(l->at[i]);
        free(l->at);
        free(l->whole);
    }
    free(t->drawn);
    free(t->line);
    free(t->joined);
    free(t->as_it_is);
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

static bool no_room(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for a picture"); }

/* The enlarged picture. A mask is filled with the colours around it in all of it, not in each tile. */
static bool make_picture(Tiles *t, Error *e) {
    const SdRequest *r = &t->told;
    const Grid *g = &t->grid;
    const size_t bytes = (size_t)r->image_width * (size_t)r->image_height * 3;
    Bytes whole = {malloc(bytes), r->image_width, r->image_height};
    if (!whole.rgb) return no_room(e);
    memcpy(whole.rgb, r->image, bytes);
    bool ok = !strcmp(name_of(r), "None") || enlarge(&whole, r->sd_upscale, &t->by, e);
    t->layers[PICTURE].whole = whole.rgb;
    if (!ok || !t->layers[KEPT].channels) return ok;
    uint8_t *kept = t->layers[KEPT].whole = malloc(3 * pixels_of(g));
    if (!kept) return no_room(e);
    memcpy(kept, whole.rgb, 3 * pixels_of(g));
    return mask_fill(whole.rgb, t->layers[MASK].whole, g->width, g->height, e);
}

static bool make_room(Tiles *t, Error *e) {
    const size_t pixels = tile_bytes(&t->grid) / 3;
    bool ok = true;
    for (int k = 0; k < LAYERS; k++) {
        Layer *l = &t->layers[k];
        for (int i = 0; ok && l->at && i < t->one.batch_size; i++)
            ok = (l->at[i] = malloc(pixels * (size_t)l->channels)) != NULL;
    }
    t->line = malloc(line_bytes(&t->grid));
    t->joined = malloc(pixels_of(&t->grid) * 3);
    t->as_it_is = malloc(pixels * 3);
    t->pass.pictures = t->layers[PICTURE].at;
    return (ok && t->line && t->joined && t->as_it_is) || error_set(e, ERR_MEMORY, "out of memory for tiles");
}

/* A ControlNet's picture, and its mask, brought to the whole's size, of which each tile has its part. */
static bool make_hint(Tiles *t, int i, Error *e) {
    const SdControl *c = &t->told.controls[i];
    const Grid *g = &t->grid;
    Layer *hint = &t->layers[HINT + i], *mask = &t->layers[HINT_MASK + i];
    if (!hint->at) return true;
    hint->whole = malloc(3 * pixels_of(g));
    if (mask->at) mask->whole = malloc(pixels_of(g));
    if (!hint->whole || (mask->at && !mask->whole))
        return error_set(e, ERR_MEMORY, "out of memory for a ControlNet's hint");
    return resize_picture(c->image, c->width, c->height, hint->whole, g->width, g->height, c->resize, e) &&
           (!mask->at || mask_resize(c->mask, c->width, c->height, mask->whole, g->width, g->height, c->resize, e));
}

static bool make_all_hints(Tiles *t, Error *e) {
    bool ok = true;
    for (int i = 0; ok && i < t->told.control_count; i++) ok = make_hint(t, i, e);
    return ok;
}

static void join(Tiles *t, int tile, const uint8_t *rgb) {
    grid_put(&t->grid, 1, tile / t->grid.columns, tile % t->grid.columns, rgb, t->line, t->joined);
}

/* Tiles before this one that are not drawn are the enlarged picture's. */
static void join_kept(Tiles *t, int before) {
    for (; t->next < before; t->next++) {
        cut(&t->grid, &t->layers[t->layers[KEPT].channels ? KEPT : PICTURE], t->next, t->as_it_is);
        join(t, t->next, t->as_it_is);
    }
}

/* The batch's tiles, drawn and joined; the first one's text goes to *text. */
static bool draw_batch(Tiles *t, SdResult *out, char **text, Error *e) {
    SdResult part;
    const int batch = t->told.batch_size < t->tiles ? t->told.batch_size : t->tiles, first = t->batch * batch;
    SdRequest r = t->one;
    r.batch_size = first + batch < t->tiles ? batch : t->tiles - first;
    r.seed += t->batch;
    name_batch(t);
    const int *tiles = t->drawn + first;
    for (int k = 0; k < LAYERS; k++)
        for (int i = 0; t->layers[k].at && i < r.batch_size; i++)
            cut(&t->grid, &t->layers[k], tiles[i], t->layers[k].at[i]);
    if (!generate(t->m, &r, &t->pass, &part, e)) return false;
    for (int i = 0; i < r.batch_size; i++) {
        join_kept(t, tiles[i]);
        join(t, t->next++, part.pictures[i].rgb);
    }
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
    bool ok = plan(&t, &planned, e) && make_picture(&t, e) && make_room(&t, e) && make_all_hints(&t, e) &&
              taps_open_all(r, &t.taps, e);
    t.pass.taps = t.taps;
    for (t.batch = 0; ok && t.batch < t.batches; t.batch++) ok = draw_batch(&t, out, &text, e);
    if (ok) join_kept(&t, t.grid.columns * t.grid.rows);
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
