/* exact_picture.c: pictures as runs whose bits are recorded. */
#include "exact_runs.h"
#include "made_model.h"
#include "pipeline.h"

#include <stdlib.h>

static bool hear(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    int64_t count = 1;
    for (int i = 0; i < nd; i++) count *= n[i];
    exact_add(user, name, values, count);
    return true;
}

static SdRequest request(const ExactPicture *p, uint8_t *image) {
    const PipelineCase k = {NULL, NULL, p->sampler, 42, p->width, p->height, p->steps, p->strength, NULL};
    SdRequest r = pipeline_case_request(&k, image);
    if (p->prompt) r.prompt = p->prompt;
    if (p->eta > 0) r.eta = p->eta;
    if (p->clip_skip) r.clip_skip = p->clip_skip;
    if (p->batch) r.batch_size = p->batch;
    if (p->limit) r.tap = "image*";
    r.scheduler = p->scheduler, r.cfg = p->cfg, r.rng = SD_RNG_NV, r.s_churn = p->churn;
    r.variation_seed = 5, r.variation_strength = p->variation;
    r.seed_width = r.seed_height = p->seed_side;
    return r;
}

static SdModel *model_of(const ExactPicture *p, const ExactOn *on, const LedgerTable *t, void *other, size_t size,
                         Error *e) {
    SdOptions o = {.threads = pool_threads(t->pool), .precision = p->precision, .device = t->gpu ? "cuda" : "cpu"};
    if (p->limit) o.memory_limit = (size_t)p->limit * 1000000 + (size_t)(o.threads - 1) * SCRATCH_BYTES;
    SdModel *m = p->builtin || on->file ? sd_open(p->builtin ? NULL : on->file, &o, e)
                                        : sd_open_memory("micro model", other ? other : on->model, size, &o, e);
    if (m && !t->gpu) m->ops = t->op;
    return m;
}

bool exact_picture(const ExactRun *run, const ExactOn *on, Sha256 *sum, Error *e) {
    const ExactPicture *p = run->what;
    size_t size = on->model_size, area = (size_t)p->width * (size_t)p->height * 3;
    uint8_t *image = malloc(area);
    LedgerTable t = *on->table;
    SdResult out = {0};
    if (!image) error_set(e, ERR_MEMORY, "out of memory for a picture");
    void *other = image && !on->file && p->weights != F32 ? micro_model(p->weights, &size, e) : NULL;
    t.pool = e->code ? NULL : pool_new(on->threads ? on->threads : p->threads ? p->threads : 1, e);
    SdModel *m = t.pool ? model_of(p, on, &t, other, size, e) : NULL;
    if (m) {
        SdRequest r = request(p, image);
        r.activation = hear, r.user = sum;
        (r.image ? sd_img2img : sd_txt2img)(m, &r, &out, e);
    }
    for (int i = 0; i < out.count; i++) sha256_update(sum, out.pictures[i].rgb, area);
    sd_free(&out);
    sd_close(m);
    pool_free(t.pool);
    free(other);
    free(image);
    return !e->code;
}
