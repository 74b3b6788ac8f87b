/* exact_picture.c: pictures as runs whose bits are recorded. */
#include "exact_beside.h"
#include "made_model.h"
#include "pipeline.h"

#include <stdlib.h>

static bool hear(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    int64_t count = 1;
    for (int i = 0; i < nd; i++) count *= n[i];
    exact_add(user, name, values, count);
    return true;
}

/* A box off the middle, with a grey side. */
static void set_mask(const ExactPicture *p, SdRequest *r, uint8_t *mask) {
    for (int i = 0; i < p->width * p->height; i++) {
        int x = i % p->width, y = i / p->width;
        bool in = x > p->width / 4 && x < p->width / 2 && y > p->height / 3 && y < p->height * 3 / 4;
        mask[i] = in ? 255 : x == p->width / 2 ? 100 : 0;
    }
    r->mask = mask, r->mask_width = p->width, r->mask_height = p->height, r->mask_blur = 2;
    r->only_masked = p->masked == EXACT_PART, r->mask_padding = 5, r->fill = p->fill;
    r->soft = r->color_correction = p->soft;
}

/* To the right and below, in overlapping tiles; or to the left, then above, from the spectrum. */
static void extend(const ExactPicture *p, SdRequest *r) {
    bool tiles = p->extended == EXACT_TILES;
    if (tiles) r->extend_right = 20, r->extend_bottom = 6;
    else r->extend_left = 12, r->extend_top = 4;
    r->extend_fill = tiles ? SD_FILL_NOISE : SD_FILL_SPECTRUM, r->extend_blur = 2;
    sd_start_size(NULL, r, &r->width, &r->height);
    r->width = tiles ? p->width : p->width + 24;
}

/* image: the picture, and a mask above it */
static SdRequest request(const ExactPicture *p, uint8_t *image) {
    const PipelineCase k = {NULL, NULL, p->sampler, 42, p->width, p->height, p->steps, p->strength, NULL, NULL};
    SdRequest r = pipeline_case_request(&k, image);
    if (p->prompt) r.prompt = p->prompt;
    if (p->eta > 0) r.eta = p->eta;
    if (p->clip_skip) r.clip_skip = p->clip_skip;
    if (p->batch) r.batch_size = p->batch;
    if (p->limit) r.tap = "*image"; /* of hires fix both */
    r.scheduler = p->scheduler, r.cfg = p->cfg, r.rng = SD_RNG_NV, r.s_churn = p->churn;
    r.variation_seed = 5, r.variation_strength = p->variation;
    r.seed_width = r.seed_height = p->seed_side, r.tiling = p->tiling;
    if (p->masked) set_mask(p, &r, image + (size_t)p->width * (size_t)p->height * 3);
    if (p->extended) extend(p, &r);
    if (p->tiled) r.tiled_diffusion = p->tiled, r.tile_width = r.tile_height = 16, r.tile_overlap = 8;
    if (p->tile_batch) r.tile_batch = p->tile_batch;
    if (p->sd_upscale) r.sd_upscale = 2, r.sd_upscale_upscaler = p->sd_upscale, r.sd_upscale_overlap = 8;
    return r;
}

/* One that the walk has no bytes of: of another type or family. NULL: it has, or the error says why. */
static void *made(const ExactPicture *p, const ExactOn *on, size_t *size, Error *e) {
    SdConfig k = p->model ? p->model() : micro_config();
    return !on->file && (p->model || p->weights != F32) ? made_model(&k, p->weights, size, e) : NULL;
}

static SdOptions options_of(const ExactPicture *p, const LedgerTable *t) {
    SdOptions o = {.threads = pool_threads(t->pool), .precision = p->precision, .device = t->gpu ? "cuda" : "cpu"};
    if (p->limit) o.memory_limit = (size_t)p->limit * 1000000 + (size_t)(o.threads - 1) * SCRATCH_BYTES;
    return o;
}

static SdModel *model_of(const ExactPicture *p, const ExactOn *on, const LedgerTable *t, void *other, size_t size,
                         Error *e) {
    SdOptions o = options_of(p, t);
    SdModel *m = p->builtin || on->file ? sd_open(p->builtin ? NULL : on->file, &o, e)
                                        : sd_open_memory("micro model", other ? other : on->model, size, &o, e);
    if (m && !t->gpu) m->ops = t->op;
    return m;
}

/* The model that takes over; *bytes: what it reads, for the caller to free after it. */
static SdModel *refiner_of(const ExactPicture *p, const LedgerTable *t, void **bytes, Error *e) {
    static const ExactPicture REFINER = {.model = micro_refiner_config};
    const ExactOn none = {.few = false};
    ExactPicture own = REFINER;
    size_t size;
    own.precision = p->precision, own.weights = p->weights;
    *bytes = made(&own, &none, &size, e);
    return *bytes ? model_of(&own, &none, t, *bytes, size, e) : NULL;
}

bool exact_picture(const ExactRun *run, const ExactOn *on, Sha256 *sum, Error *e) {
    const ExactPicture *p = run->what;
    size_t size = on->model_size;
    uint8_t *image = malloc((size_t)p->width * (size_t)p->height * 4);
    LedgerTable t = *on->table;
    SdResult out = {0};
    ExactBeside beside = {.net = NULL};
    if (!image) error_set(e, ERR_MEMORY, "out of memory for a picture");
    void *other = image ? made(p, on, &size, e) : NULL, *second = NULL;
    t.pool = e->code ? NULL : pool_new(on->threads ? on->threads : p->threads ? p->threads : 1, e);
    SdModel *m = t.pool ? model_of(p, on, &t, other, size, e) : NULL;
    SdModel *refiner = m && p->refined ? refiner_of(p, &t, &second, e) : NULL;
    if (m && !e->code) {
        SdRequest r = request(p, image);
        SdOptions o = options_of(p, &t);
        if (refiner) r.refiner = refiner, r.refiner_switch = 0.5;
        r.activation = hear, r.user = sum;
        r.networks = on->networks, r.network_count = on->network_count;
        if (exact_beside_open(&beside, p, &t, &o, m, &r, e)) (r.image ? sd_img2img : sd_txt2img)(m, &r, &out, e);
    }
    for (int i = 0; i < out.count; i++) {
        const SdPicture *is = &out.pictures[i];
        sha256_update(sum, is->rgb, (size_t)is->width * (size_t)is->height * 3);
    }
    sd_free(&out);
    exact_beside_close(&beside);
    sd_close(refiner);
    sd_close(m);
    pool_free(t.pool);
    free(second);
    free(other);
    free(image);
    return !e->code;
}
