/* bench_record.c: see bench_record.h. */
#include "bench_record.h"

#include "sd/models/clip.h"
#include "sd/models/unet.h"
#include "sd/models/vae.h"
#include "tensor/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Record *record_of(Ctx *c) { return (Record *)(uintptr_t)c->op; }

/* While the real op runs, the context shows no record. */
static double begin(Ctx *c, Record *r) {
    c->op = r->real;
    if (r->gpu && r->marks < MOST_MARKED) gpu_mark(r->gpu, 2 * r->marks, &c->err);
    return os_clock();
}

static void add_moment(Ctx *c, Record *r, int call) {
    if (r->moment_count == r->moment_room) {
        int room = r->moment_room ? 2 * r->moment_room : 1024;
        struct Moment *more = realloc(r->moments, (size_t)room * sizeof *more);
        if (!more) {
            error_set(&c->err, ERR_MEMORY, "out of memory for the record of calls");
            return;
        }
        r->moments = more, r->moment_room = room;
    }
    r->moments[r->moment_count++] = (struct Moment){call, r->stage, c->arena->used};
}

static void end(Ctx *c, Record *r, CallShape s, double from, double flops, double bytes) {
    double seconds = r->gpu ? 0 : os_clock() - from;
    int i = 0;
    c->op = &r->ops;
    if (r->marks == MOST_MARKED) return;
    s.stage = r->stage;
    while (i < r->count && memcmp(&r->calls[i].shape, &s, sizeof s)) i++;
    if (i == MOST_CALLS) return;
    if (i == r->count) r->calls[r->count++].shape = s;
    Call *call = &r->calls[i];
    call->count++;
    call->seconds += seconds;
    call->flops += flops;
    call->bytes += bytes;
    if (r->real == plan_ops()) add_moment(c, r, i);
    if (!r->gpu) return;
    gpu_mark(r->gpu, 2 * r->marks + 1, &c->err);
    r->marked[r->marks++] = i;
}

bool record_collect(Record *r, Error *e) {
    double seconds = 0;
    if (r->marks == MOST_MARKED) return error_set(e, ERR_ARGUMENT, "more than %d ops; use a smaller batch", r->marks);
    for (int i = 0; i < r->marks; i++) {
        if (!gpu_between(r->gpu, 2 * i, 2 * i + 1, &seconds, e)) return false;
        r->calls[r->marked[i]].seconds += seconds;
    }
    r->marks = 0;
    return true;
}

static double size(Tensor t) { return (double)tensor_bytes(t); }
static double size_of(const Tensor *t) { return t ? size(*t) : 0; }

/* --- ops --- */

static void on_linear(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e) {
    Record *r = record_of(c);
    CallShape s = {.kind = CALL_LINEAR, .batch = y.n[0], .rows = y.n[1], .cols = 1, .in = x.n[2]};
    s.out = w->t.n[0]; /* with GEGLU, y has half of them */
    if (x2) s.in2 = x2->n[2];
    s.keep_f32 = w->keep_f32;
    double from = begin(c, r);
    r->real->linear(c, y, x, x2, w, b, e);
    end(c, r, s, from, 2.0 * (double)(y.n[0] * y.n[1]) * (double)(w->t.n[0] * w->t.n[1]),
        size(y) + size(x) + size_of(x2) + size_of(e.residual));
}

static void on_conv2d(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e) {
    Record *r = record_of(c);
    CallShape s = {.kind = CALL_CONV, .batch = y.n[0], .rows = y.n[1], .cols = y.n[2], .in = x.n[3], .out = y.n[3]};
    s.kernel = w->t.n[1], s.stride = g.stride, s.pad = g.pad_top, s.up = g.up_h != 0;
    s.in_rows = x.n[1], s.in_cols = x.n[2];
    double from = begin(c, r);
    r->real->conv2d(c, y, x, w, b, g, e);
    end(c, r, s, from, 2.0 * (double)tensor_count(y) * (double)(w->t.n[1] * w->t.n[2] * w->t.n[3]),
        size(y) + size(x) + size_of(e.residual));
}

static void on_attention(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    Record *r = record_of(c);
    CallShape s = {.kind = CALL_ATTENTION, .batch = o.n[0], .rows = o.n[1], .cols = 1, .in = k.n[1], .out = o.n[2]};
    s.heads = heads, s.causal = s.keep_f32 = causal;
    double from = begin(c, r);
    r->real->attention(c, o, q, k, v, heads, causal);
    end(c, r, s, from, 4.0 * (double)tensor_count(q) * (double)k.n[1], size(o) + size(q) + size(k) + size(v));
}

static CallShape rows_of(CallKind kind, Tensor y) {
    CallShape s = {.kind = kind, .batch = y.n[0], .rows = y.nd > 2 ? y.n[1] : 1, .cols = 1, .out = y.n[y.nd - 1]};
    if (y.nd > 3) s.cols = y.n[2];
    return s;
}

static void on_group_norm(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor parts,
                          float eps, Act act) {
    Record *r = record_of(c);
    CallShape s = rows_of(CALL_GROUP_NORM, y);
    double from = begin(c, r);
    r->real->group_norm(c, y, x, x2, w, b, parts, eps, act);
    end(c, r, s, from, 0, size(y) + size(x) + size_of(x2));
}

/* A norm in strips is two ops. */
static void on_group_sums(Ctx *c, Tensor parts, Tensor x, const Tensor *x2) {
    Record *r = record_of(c);
    CallShape s = rows_of(CALL_GROUP_NORM, x);
    double from = begin(c, r);
    r->real->group_sums(c, parts, x, x2);
    end(c, r, s, from, 0, size(x) + size_of(x2));
}

static void on_group_apply(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor stats,
                           Act act) {
    Record *r = record_of(c);
    CallShape s = rows_of(CALL_GROUP_NORM, y);
    double from = begin(c, r);
    r->real->group_apply(c, y, x, x2, w, b, stats, act);
    end(c, r, s, from, 0, size(y) + size(x) + size_of(x2));
}

static void on_layer_norm(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, float eps) {
    Record *r = record_of(c);
    double from = begin(c, r);
    r->real->layer_norm(c, y, x, w, b, eps);
    end(c, r, rows_of(CALL_LAYER_NORM, y), from, 0, size(y) + size(x));
}

static void on_activation(Ctx *c, Tensor y, Tensor x, Act act) {
    Record *r = record_of(c);
    double from = begin(c, r);
    r->real->activation(c, y, x, act);
    end(c, r, rows_of(CALL_POINTWISE, y), from, 0, size(y) + size(x));
}

static void on_geglu(Ctx *c, Tensor y, Tensor x) {
    Record *r = record_of(c);
    double from = begin(c, r);
    r->real->geglu(c, y, x);
    end(c, r, rows_of(CALL_POINTWISE, y), from, 0, size(y) + size(x));
}

static void on_affine(Ctx *c, Tensor y, Tensor x, float scale, float offset) {
    Record *r = record_of(c);
    double from = begin(c, r);
    r->real->affine(c, y, x, scale, offset);
    end(c, r, rows_of(CALL_POINTWISE, y), from, 0, size(y) + size(x));
}

static void on_embedding(Ctx *c, Tensor y, Tensor ids, const Weight *table, const Weight *positions) {
    Record *r = record_of(c);
    double from = begin(c, r);
    r->real->embedding(c, y, ids, table, positions);
    end(c, r, rows_of(CALL_POINTWISE, y), from, 0, size(y));
}

static void on_timestep_embedding(Ctx *c, Tensor y, Tensor t) {
    Record *r = record_of(c);
    double from = begin(c, r);
    r->real->timestep_embedding(c, y, t);
    end(c, r, rows_of(CALL_POINTWISE, y), from, 0, size(y));
}

static bool record_no_steps(Gpu *gpu) { return (void)gpu, false; }

bool record_init(Record *r, const Ops *real, Gpu *gpu, Error *e) {
    *r = (Record){.ops = *real, .real = real, .gpu = gpu, .calls = calloc(MOST_CALLS, sizeof *r->calls)};
    if (gpu) {
        r->marked = malloc(MOST_MARKED * sizeof *r->marked);
        r->memory = *real->memory;
        r->memory.record_begin = record_no_steps;
        r->ops.memory = &r->memory;
    }
    r->ops.linear = on_linear;
    r->ops.conv2d = on_conv2d;
    r->ops.attention = on_attention;
    r->ops.group_norm = on_group_norm;
    r->ops.group_sums = on_group_sums;
    r->ops.group_apply = on_group_apply;
    r->ops.layer_norm = on_layer_norm;
    r->ops.activation = on_activation;
    r->ops.geglu = on_geglu;
    r->ops.affine = on_affine;
    r->ops.embedding = on_embedding;
    r->ops.timestep_embedding = on_timestep_embedding;
    return (r->calls && (!gpu || r->marked)) || error_set(e, ERR_MEMORY, "out of memory for a record of ops");
}

void record_free(Record *r) {
    free(r->moments);
    free(r->calls);
    free(r->marked);
    *r = (Record){0};
}

/* --- a model's calls --- */

static void plan_text(Ctx *c, const Clip *m, int64_t texts) {
    Tensor states = tensor_new(c, 3, SHAPE(texts, m->config.positions, m->config.width));
    Tensor pooled;
    if (m->config.pooled) pooled = tensor_new(c, 2, SHAPE(texts, m->config.pooled));
    clip_forward(c, states, m, tensor_new_typed(c, I32, 2, SHAPE(texts, m->config.positions)), NULL, m->config.layer,
                 m->config.pooled ? &pooled : NULL, NULL);
}

static void plan_step(Ctx *c, const Unet *u, int64_t h, int64_t w, int64_t batch, int64_t texts) {
    bool labels = unet_has_labels(&u->config);
    int64_t rows = labels ? texts : 1;
    Tensor times = tensor_new(c, 2, SHAPE(rows, u->time_shifts)),
           keys = tensor_new(c, 3, SHAPE(texts, 77, u->cross_kv));
    Tensor label = tensor_new(c, 2, SHAPE(rows, unet_width(u))),
           guidance = tensor_new(c, 2, SHAPE(rows, u->config.guidance));
    for (int64_t i = 0; u->config.label && i < texts; i++)
        unet_label(c, tensor_slice(label, 0, i, 1), u, tensor_new(c, 2, SHAPE(1, u->config.label)));
    for (int64_t i = 0; u->config.classes && i < texts; i++)
        unet_class(c, tensor_slice(label, 0, i, 1), u, tensor_new_typed(c, I32, 2, SHAPE(1, 1)));
    unet_time_shifts(c, times, u, tensor_new(c, 1, SHAPE(rows)), labels ? &label : NULL,
                     u->config.guidance ? &guidance : NULL);
    if (rows > 1 && batch > 1) times = tensor_new(c, 2, SHAPE(rows * batch, u->time_shifts));
    for (int64_t i = 0; i < texts; i++) /* one call per text, as in a request */
        unet_cross_kv(c, tensor_slice(keys, 0, i, 1), u, tensor_new(c, 3, SHAPE(1, 77, u->config.context)));
    Tensor in = tensor_new(c, 4, SHAPE(batch * texts, h, w, u->config.in_channels));
    unet_forward(c, tensor_new(c, 4, SHAPE(batch * texts, h, w, u->config.out_channels)), u,
                 &(UnetInput){.x = in, .time_shifts = times, .cross_kv = keys});
}

static void plan_decode(Ctx *c, const Vae *v, int64_t h, int64_t w) {
    int64_t unit = vae_factor(&v->config);
    Tensor z = tensor_new(c, 4, SHAPE(1, h, w, v->config.latent));
    vae_decode(c, tensor_new(c, 4, SHAPE(1, unit * h, unit * w, 3)), v, z);
}

bool record_plan(Record *r, const SdConfig *k, int width, int height, int batch, bool guided, Error *e) {
    Clip clip[MAX_ENCODERS] = {0};
    Unet unet = {0};
    Vae vae = {0};
    WeightList lists[3] = {{.err = e, .path = "text."}, {.err = e, .path = "unet."}, {.err = e, .path = "vae."}};
    bool ok = record_init(r, plan_ops(), NULL, e) && clip_bind(&clip[0], &k->clip[0], &lists[0]) &&
              (k->encoders < 2 || clip_bind(&clip[1], &k->clip[1], &lists[0])) &&
              unet_bind(&unet, &k->unet, &lists[1]) && vae_bind_decoder(&vae, &k->vae, &lists[2]);
    int unit = vae_factor(&k->vae), texts = guided ? 2 : 1;
    for (int i = 0; ok && i < 3; i++) {
        Arena arena = {0};
        Ctx c = {.op = &r->ops, .type = r->ops.type, .arena = &arena};
        r->stage = i == 0 ? SD_STAGE_TEXT : i == 1 ? SD_STAGE_SAMPLE : SD_STAGE_DECODE;
        for (int t = 0; i == 0 && t < k->encoders; t++) plan_text(&c, &clip[t], texts);
        if (i == 1) plan_step(&c, &unet, height / unit, width / unit, batch, texts);
        if (i == 2) plan_decode(&c, &vae, height / unit, width / unit);
        if (c.err.code) ok = error_set(e, c.err.code, "%s", c.err.text);
    }
    for (int i = 0; i < 3; i++) weight_list_free(&lists[i]);
    for (int i = 0; i < MAX_ENCODERS; i++) clip_free(&clip[i]);
    unet_free(&unet);
    vae_free(&vae);
    return ok;
}

bool call_is_product(const CallShape *s) { return s->kind <= CALL_ATTENTION; }

void call_name(const CallShape *s, char *out, size_t capacity) {
    static const char *const KINDS[] = {"linear", "conv", "attention", "group norm", "layer norm", "pointwise"};
    char in[48];
    snprintf(in, sizeof in, s->in2 ? "%lld+%lld" : "%lld", (long long)s->in, (long long)s->in2);
    long long rows = s->rows, cols = s->cols, channels = s->out;
    if (s->kind == CALL_CONV)
        snprintf(out, capacity, "conv %lldx%lld%s%s %lldx%lld %s > %lld", (long long)s->kernel, (long long)s->kernel,
                 s->stride == 2 ? " /2" : "", s->up ? " up" : "", rows, cols, in, channels);
    else if (s->kind == CALL_ATTENTION)
        snprintf(out, capacity, "attention %lld on %lld, %lld x %lld", rows, (long long)s->in, (long long)s->heads,
                 channels / (long long)s->heads);
    else if (s->kind == CALL_LINEAR) snprintf(out, capacity, "linear %lld %s > %lld", rows, in, channels);
    else snprintf(out, capacity, "%s %lld %lld", KINDS[s->kind], rows * cols, channels);
}
