#include "prediction.h"

#include "weights.h"

bool prediction_is_open(const SdConfig *k) {
    return k->encoders == 1 && !k->unet.label && k->clip[0].act == ACT_GELU && k->unet.in_channels == k->vae.latent;
}

static void fill(Ctx *c, Tensor t, float value) {
    for (int64_t i = 0; !ctx_plans(c) && i < tensor_count(t); i++) ((float *)t.data)[i] = value;
}

/* The mean of output - x; 0 on the plan backend. */
static double difference(const SdModel *m, Ctx *c) {
    enum { SIDE = 8, TOKENS = 2, TIME = 999 };
    static const float HALF = 0.5f;
    const Unet *u = &m->unet;
    int64_t channels = m->config.unet.in_channels, one = 1;
    size_t scope = scope_begin(c);
    Tensor x = tensor_new(c, 4, SHAPE(1, SIDE, SIDE, channels)), out = tensor_new(c, 4, x.n);
    Tensor time = tensor_new(c, 1, &one), text = tensor_new(c, 3, SHAPE(1, TOKENS, m->config.unet.context));
    Tensor shifts = tensor_new(c, 2, SHAPE(1, u->time_shifts)), kv = tensor_new(c, 3, SHAPE(1, TOKENS, u->cross_kv));
    fill(c, x, HALF);
    fill(c, time, TIME);
    fill(c, text, HALF);
    unet_time_shifts(c, shifts, u, time, NULL, NULL);
    unet_cross_kv(c, kv, u, text);
    unet_forward(c, out, u, &(UnetInput){.x = x, .time_shifts = shifts, .cross_kv = kv});
    double sum = 0;
    int64_t n = tensor_count(out);
    for (int64_t i = 0; !ctx_plans(c) && i < n; i++) sum += (double)((const float *)out.data)[i] - (double)HALF;
    scope_end(c, scope);
    return sum / (double)n;
}

bool prediction_measure(SdModel *m, bool *v, Error *e) {
    Arena arena = {0};
    WeightSource source = model_source(m);
    if (!model_load_streamed(m, PART_UNET, e)) return false;
    Ctx plan = {.op = plan_ops(), .type = F32, .arena = &arena, .source = &source};
    difference(m, &plan);
    bool ok = arena_init(&arena, arena.peak, e);
    if (ok) {
        Ctx run = {.op = m->ops, .type = F32, .pool = m->pool, .arena = &arena, .source = &source};
        *v = difference(m, &run) < -1;
        ok = !run.err.code || error_set(e, run.err.code, "%s", run.err.text);
    }
    arena_free(&arena);
    model_release(m, PART_UNET);
    return ok;
}
