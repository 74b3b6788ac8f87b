#include "esrgan.h"

#include "nn/strips.h"

#include <stdio.h>
#include <stdlib.h>

/* --- layout --- */

static const char *const RRDB_NAMES[] = {
    [ESRGAN_OLD] = "RDB%d.conv%d.0", [ESRGAN_MID] = "RDB%d.conv%d", [ESRGAN_NEW] = "rdb%d.conv%d"};

static bool compact(const EsrganConfig *k) { return k->names == ESRGAN_COMPACT; }

int esrgan_inputs(const EsrganConfig *k) { return ESRGAN_COLOURS * k->gather * k->gather; }
int esrgan_rows(const EsrganConfig *k) { return compact(k) ? 1 : 1 << k->ups; }
int esrgan_shuffle(const EsrganConfig *k) { return compact(k) ? k->scale : 1; }
int esrgan_outputs(const EsrganConfig *k) { return ESRGAN_COLOURS * esrgan_shuffle(k) * esrgan_shuffle(k); }

static void bind_compact(Esrgan *m, WeightList *l) {
    const EsrganConfig *k = &m->config;
    int from = esrgan_inputs(k);
    for (int i = 0; i <= k->blocks; i++, from = k->channels) {
        char name[32];
        snprintf(name, sizeof name, "body.%d", 2 * i);
        bind_conv(l, i ? &m->convs[i - 1] : &m->first, name, from, k->channels, 3);
        snprintf(name, sizeof name, "body.%d.weight", 2 * i + 1);
        bind_weight(l, &m->slopes[i], WEIGHT_VECTOR, name, 1, SHAPE(k->channels));
    }
    char name[32];
    snprintf(name, sizeof name, "body.%d", 2 * k->blocks + 2);
    bind_conv(l, &m->last, name, k->channels, esrgan_outputs(k), 3);
}

/* Layer numbers of an old file: 0 the first, 1 the blocks, then three for each doubling, and after the last of these 2
 * and 4. */
static void bind_rrdbnet(Esrgan *m, WeightList *l) {
    const EsrganConfig *k = &m->config;
    bool old = k->names == ESRGAN_OLD, mid = k->names == ESRGAN_MID;
    int width = k->channels;
    char name[48];
    bind_conv(l, &m->first, old ? "model.0" : "conv_first", esrgan_inputs(k), width, 3);
    for (int i = 0; i < k->blocks; i++) {
        size_t mark = bind_enter(l, old ? "model.1.sub.%d." : mid ? "RRDB_trunk.%d." : "body.%d.", i);
        bind_rrdb(l, &m->blocks[i], RRDB_NAMES[k->names], width, k->growth);
        bind_leave(l, mark);
    }
    snprintf(name, sizeof name, old ? "model.1.sub.%d" : mid ? "trunk_conv" : "conv_body", k->blocks);
    bind_conv(l, &m->body, name, width, width, 3);
    for (int i = 1; i <= k->ups; i++) {
        snprintf(name, sizeof name, old ? "model.%d" : mid ? "upconv%d" : "conv_up%d", old ? 3 * i : i);
        bind_conv(l, &m->up[i - 1], name, width, width, 3);
    }
    snprintf(name, sizeof name, old ? "model.%d" : mid ? "HRconv" : "conv_hr", 3 * k->ups + 2);
    bind_conv(l, &m->hr, name, width, width, 3);
    snprintf(name, sizeof name, old ? "model.%d" : "conv_last", 3 * k->ups + 4);
    bind_conv(l, &m->last, name, width, esrgan_outputs(k), 3);
}

bool esrgan_bind(Esrgan *m, const EsrganConfig *k, WeightList *l) {
    *m = (Esrgan){.config = *k};
    size_t count = (size_t)k->blocks + 1;
    if (compact(k)) m->convs = calloc(count, sizeof *m->convs), m->slopes = calloc(count, sizeof *m->slopes);
    else m->blocks = calloc(count, sizeof *m->blocks);
    if (compact(k) ? !m->convs || !m->slopes : !m->blocks)
        return error_set(l->err, ERR_MEMORY, "out of memory for an upscaler's layers");
    size_t mark = bind_enter(l, "%s", k->prefix);
    if (compact(k)) bind_compact(m, l);
    else bind_rrdbnet(m, l);
    bind_leave(l, mark);
    return l->err->code == ERR_NONE;
}

void esrgan_free(Esrgan *m) {
    free(m->blocks);
    free(m->convs);
    free(m->slopes);
    *m = (Esrgan){0};
}

/* --- forward --- */

/* Rows [from, to) of first(x). */
static void first_rows(Ctx *c, Tensor y, const Esrgan *m, Tensor x, int64_t from, int64_t to, Epilogue e) {
    int64_t h = x.n[1], first = from ? from - 1 : 0, last = to < h ? to + 1 : h;
    conv3_rows(c, y, &m->first, tensor_slice(x, 1, first, last - first), first, h, from, to, e);
}

static void done(Ctx *c, const Esrgan *m, const EsrganSink *sink, int steps) {
    if (c->err.code || !sink->done || ctx_plans(c) || sink->done(sink->user, steps, m->config.blocks + 1)) return;
    error_set(&c->err, ERR_CANCELLED, "stopped");
}

/* The long way around the blocks and the short one: body(map) + first(x). The latter is computed once more, which costs
 * less than a map to keep it in. */
typedef struct {
    const Esrgan *m;
    Tensor map, x;
} Trunk;

static void trunk_rows(Ctx *c, const void *user, Tensor y, int64_t from, int64_t to, int64_t h) {
    const Trunk *t = user;
    int64_t first = from ? from - 1 : 0, last = to < h ? to + 1 : h;
    Tensor map = tensor_slice(t->map, 1, first, last - first);
    first_rows(c, y, t->m, t->x, from, to, PLAIN);
    conv3_rows(c, y, &t->m->body, map, first, h, from, to, (Epilogue){.residual = &y});
}

static void rrdbnet(Ctx *c, const Esrgan *m, Tensor x, int64_t rows, const EsrganSink *sink) {
    const EsrganConfig *k = &m->config;
    const int64_t shape[] = {1, x.n[1], x.n[2], k->channels};
    Tensor map = tensor_new(c, 4, shape);
    size_t scope = scope_begin(c);
    Tensor result = map, spare = tensor_new(c, 4, shape);
    first_rows(c, result, m, x, 0, x.n[1], PLAIN);
    for (int i = 0; i < k->blocks; i++) {
        rrdb(c, &result, &spare, &m->blocks[i], rows);
        done(c, m, sink, i + 1);
    }
    if (k->blocks % 2) op_affine(c, map, result, 1, 0); /* the other one goes */
    scope_end(c, scope);
    Trunk trunk = {m, map, x};
    RowPipeline p = {.h = shape[1], .w = shape[2], .channels = k->channels, .source = trunk_rows, .from = &trunk};
    for (int i = 0; i < k->ups; i++) p.steps[p.count++] = (PipelineStep){&m->up[i], true, true};
    p.steps[p.count++] = (PipelineStep){&m->hr, false, true};
    p.steps[p.count++] = (PipelineStep){&m->last, false, false};
    p.sink = sink->rows, p.to = sink->user;
    int64_t fewer = rows == x.n[1] ? rows : (rows >> k->ups) / 4 * 4; /* the maps are larger */
    row_pipeline(c, &p, fewer < PIPELINE_ROWS && fewer < x.n[1] ? PIPELINE_ROWS : fewer);
}

static void map_rows(Ctx *c, const void *user, Tensor y, int64_t from, int64_t to, int64_t h) {
    (void)h;
    op_affine(c, y, tensor_slice(*(const Tensor *)user, 1, from, to - from), 1, 0);
}

static void compact_net(Ctx *c, const Esrgan *m, Tensor x, int64_t rows, const EsrganSink *sink) {
    const EsrganConfig *k = &m->config;
    Tensor map = tensor_new(c, 4, SHAPE(1, x.n[1], x.n[2], k->channels));
    first_rows(c, map, m, x, 0, x.n[1], PLAIN);
    for (int i = 0; i <= k->blocks; i++) {
        if (i) conv3_in_place(c, map, &m->convs[i - 1], rows);
        op_prelu(c, map, map, &m->slopes[i]);
        if (i) done(c, m, sink, i);
    }
    RowPipeline p = {.h = x.n[1], .w = x.n[2], .channels = k->channels, .source = map_rows, .from = &map};
    p.steps[p.count++] = (PipelineStep){&m->last, false, false};
    p.sink = sink->rows, p.to = sink->user;
    row_pipeline(c, &p, rows);
}

void esrgan_forward(Ctx *c, const Esrgan *m, Tensor x, int64_t rows, const EsrganSink *sink) {
    size_t scope = scope_begin(c);
    if (compact(&m->config)) compact_net(c, m, x, rows, sink);
    else rrdbnet(c, m, x, rows, sink);
    done(c, m, sink, m->config.blocks + 1);
    scope_end(c, scope);
}
