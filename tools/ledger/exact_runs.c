/* exact_runs.c: the table of runs whose bits are recorded. A row's checksum is made once, by any table that keeps the
 * promise: `sdc verify --only NAME` says what it found. */
#include "exact.h"
#include "op_compute.h"
#include "op_gradients.h"
#include "pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- every op --- */

enum { FORWARD_ARENA = 192 << 20, BACKWARD_ARENA = 512 << 20 };

/* One case, as f32-direct and as f32. */
static bool add_forward(const LedgerTable *t, Arena *arena, const OpCase *k, const OpData *d, Sha256 *sum, Error *e) {
    for (int direct = 1; direct >= 0; direct--) {
        Ctx c = {.op = t->op, .type = t->op->type, .pool = t->pool, .arena = arena};
        c.precision = direct ? PRECISION_F32_DIRECT : PRECISION_F32;
        size_t scope = scope_begin(&c);
        Tensor y = op_case_compute(&c, k, d);
        if (!c.err.code) exact_add(sum, k->name, y.data, tensor_count(y));
        scope_end(&c, scope);
        if (!error_pass(e, &c.err)) return false;
    }
    return true;
}

static bool add_backward(const LedgerTable *t, Arena *arena, const OpCase *k, const OpData *d, Sha256 *sum, Error *e) {
    if (k->kind == OP_TIMESTEP) return true;
    OpGradients g = op_gradients(t->op, t->pool, arena, k, d, 0, 1);
    for (int p = 0; !g.err.code && p < GRADIENT_PARTS; p++)
        if (g.at[p]) exact_add(sum, g.name[p], g.at[p], tensor_count(g.like[p]));
    op_gradients_free(&g);
    return error_pass(e, &g.err);
}

static bool ops(const ExactRun *run, const ExactOn *on, Sha256 *sum, Error *e) {
    const LedgerTable *t = on->table;
    bool backward = run->backward;
    Arena arena = {0};
    bool ok = arena_init_on(&arena, t->op, t->gpu, backward ? BACKWARD_ARENA : FORWARD_ARENA, e);
    for (int i = 0; ok && i < OP_CASE_COUNT; i++) {
        OpData all;
        ok = op_data_make(&all, &OP_CASES[i]) || error_set(e, ERR_MEMORY, "out of memory for inputs");
        OpData d = ok ? op_data_slice(&all, 0, OP_CASES[i].N) : all;
        ok = ok && (backward ? add_backward : add_forward)(t, &arena, &OP_CASES[i], &d, sum, e);
        op_data_free(&all);
    }
    arena_free(&arena);
    return ok;
}

/* --- pictures of the micro model, every activation --- */

typedef struct {
    const char *sampler;
    int width, height, steps, batch, threads;
    double cfg, strength; /* strength 0: txt2img */
    bool direct;
} Picture;

static bool hear(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    int64_t count = 1;
    for (int i = 0; i < nd; i++) count *= n[i];
    exact_add(user, name, values, count);
    return true;
}

static bool picture(const ExactRun *run, const ExactOn *on, Sha256 *sum, Error *e) {
    const Picture *p = run->what;
    const PipelineCase k = {NULL, NULL, p->sampler, 42, p->width, p->height, p->steps, p->strength};
    uint8_t *image = malloc((size_t)p->width * (size_t)p->height * 3);
    LedgerTable t = *on->table;
    SdResult out = {0};
    t.pool = image ? pool_new(p->threads, e) : NULL;
    SdModel *m = t.pool ? pipeline_open(&t, p->direct, on->model, on->model_size, e) : NULL;
    if (m) {
        SdRequest r = pipeline_case_request(&k, image);
        r.cfg = p->cfg, r.batch_size = p->batch, r.rng = SD_RNG_NV;
        r.activation = hear, r.user = sum;
        (r.image ? sd_img2img : sd_txt2img)(m, &r, &out, e);
    } else error_set(e, ERR_MEMORY, "out of memory for the micro model");
    for (int i = 0; i < out.count; i++)
        sha256_update(sum, out.pictures[i].rgb, (size_t)p->width * (size_t)p->height * 3);
    sd_free(&out);
    sd_close(m);
    pool_free(t.pool);
    free(image);
    return !e->code;
}

static const Picture TEXT = {"Euler a", 64, 64, 4, 1, 1, 7, 0, false},
                     DIRECT = {"DPM++ 2M", 64, 64, 3, 1, 1, 7, 0, true},
                     BATCH = {"Heun", 104, 72, 3, 2, 3, 5, 0, false}, IMAGE = {"DDIM", 56, 72, 5, 1, 2, 1, 0.6, false};

const ExactRun EXACT_RUNS[] = {
    {"ops forward", ops, "6ecb22d370778587c78e529aad79d7a1b167d4de3b439c86b546d988ce8456c8", NULL, false},
    {"ops backward", ops, "b68b6b9286a13f14bc26c57c3350d5da4e5df284295be821799ab1a3aa6d1f3f", NULL, true},
    {"txt2img", picture, "9e4852e3b8678e957b3e4e033d1ae6fda1f8e0d332ace68442aa046b740144b4", &TEXT, false},
    {"txt2img f32-direct", picture, "dba89a7eb573fe6b0532629efcdb4ca8713806f75da727652740404797a2bfac", &DIRECT, false},
    {"batch, 3 threads", picture, "2435b18660d25ebdbf4de12619f9ef98d89e83625435914436f74c058c56a228", &BATCH, false},
    {"img2img, 2 threads", picture, "747a0758d5e96946e0a23e14805872b3b86d3004fbb29c84f04cc382384919b3", &IMAGE, false},
};
const int EXACT_RUN_COUNT = sizeof EXACT_RUNS / sizeof *EXACT_RUNS;
